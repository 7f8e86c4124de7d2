package result

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Bounds of what a line may hold. Real ones stay far below.
const (
	maxCount  = 1 << 50              // arrivals, or anything else that is counted
	maxNumber = 1 << 60              // any other whole number, so that a sum of a few stays a number
	maxLength = 366 * 24 * time.Hour // of a window
	maxDepth  = 16                   // of nested values; a line needs four
)

// MarshalJSON writes the stage as one line of a run folder.
func (s *Stage) MarshalJSON() ([]byte, error) {
	type plain Stage
	line := struct {
		Schema int `json:"schema"`
		plain
		Limit Limit `json:"limit"` // derived: it is not read
	}{Schema, plain(*s), s.Limit(nil)}
	if line.Invalid == nil {
		line.Invalid = []string{} // a list in the file, also where it is empty
	}
	if line.Warnings == nil {
		line.Warnings = []string{}
	}
	return json.Marshal(line)
}

// UnmarshalJSON reads a line of a run folder. It fails where a key is missing or
// there twice, a value is out of range, or the line contradicts itself: a requirement
// must not be met by a count that the histogram beside it denies.
func (s *Stage) UnmarshalJSON(data []byte) error {
	type plain Stage
	var line struct {
		Schema int `json:"schema"`
		plain
	}
	var members map[string]json.RawMessage
	if err := unique(json.NewDecoder(bytes.NewReader(data)), 0); err != nil {
		return err
	}
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	if version := string(members["schema"]); version != strconv.Itoa(Schema) {
		return fmt.Errorf("schema is %.100q, want %d", version, Schema)
	}
	if err := json.Unmarshal(data, &line); err != nil {
		for key := range NewStage().hists() {
			if err := json.Unmarshal(members[key], NewHist()); err != nil && members[key] != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
		return err
	}
	got := Stage(line.plain)
	for field := range fields(reflect.TypeFor[Stage]()) {
		if _, ok := members[field.key]; !ok && !field.optional {
			return fmt.Errorf("%q is missing", field.key)
		}
	}
	setEmpty(&got.FirstByte) // of a record from before there was one
	if got.Undisturbed != nil {
		setEmpty(&got.Undisturbed.FirstByte)
	}
	for key, h := range got.hists() {
		if h == nil {
			return fmt.Errorf("%s is null, want a histogram", key)
		}
	}
	if err := got.Validate(); err != nil {
		return err
	}
	*s = got
	return nil
}

// Validate checks that a stage agrees with itself, as one in a run folder must.
func (s *Stage) Validate() error {
	return cmp.Or(s.countsAgree(), inRange("", reflect.ValueOf(*s)), s.slicesAgree(), s.settingsAgree())
}

func setEmpty(h **Hist) {
	if *h == nil {
		*h = NewHist()
	}
}

// unique reads one value, and fails where an object in it has a key twice: the
// standard library takes the last of two, in whatever case.
func unique(dec *json.Decoder, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("values are nested more than %d deep", maxDepth)
	}
	t, err := dec.Token()
	if err != nil {
		return err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for dec.More() {
		if open == '{' {
			t, err := dec.Token()
			if err != nil {
				return err
			}
			key := t.(string) // in an object the decoder yields nothing else here
			lower := strings.ToLower(key)
			if seen[lower] {
				return fmt.Errorf("key %q comes twice", key)
			}
			seen[lower] = true
		}
		if err := unique(dec, depth+1); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

// jsonField is a field of a struct as it is in the file.
type jsonField struct {
	key      string
	optional bool
	index    int
}

// fields yields the fields of t that are in the file.
func fields(t reflect.Type) iter.Seq[jsonField] {
	return func(yield func(jsonField) bool) {
		for i := range t.NumField() {
			key, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if key != "" && key != "-" && !yield(jsonField{key, options != "", i}) {
				return
			}
		}
	}
}

// inRange checks every number below v, which is at path.
func inRange(path string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Int, reflect.Int64:
		least := int64(0)
		if strings.HasSuffix(path, ".pinned") {
			least = -1
		}
		if n := v.Int(); n < least || n > maxNumber {
			return fmt.Errorf("%s is %d, want %d to %d", path, n, least, int64(maxNumber))
		}
	case reflect.Float64:
		if f := v.Float(); !(f >= 0 && f <= maxCount) {
			return fmt.Errorf("%s is %v, want 0 to %d", path, f, int64(maxCount))
		}
	case reflect.Struct:
		for field := range fields(v.Type()) {
			if err := inRange(strings.TrimPrefix(path+"."+field.key, "."), v.Field(field.index)); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := inRange(fmt.Sprintf("%s.%d", path, i+1), v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return inRange(path, v.Elem())
		}
	}
	return nil
}

// countsAgree checks the counts against the histograms. Of these, only latencies are
// always kept. In a stage that is not valid they may differ: that may be why it is not.
func (s *Stage) countsAgree() error {
	if s.Length <= 0 || s.Length > maxLength {
		return fmt.Errorf("length_ns is %d, want 1 to %d", s.Length, int64(maxLength))
	}
	for _, o := range Outcomes {
		if s.Counts[o] > maxCount {
			return fmt.Errorf("counts: %q is %d, want at most %d", o, s.Counts[o], int64(maxCount))
		}
	}
	if c := s.Completion; c != nil {
		if c.Latency == nil {
			return errors.New("completion.latency_ns is missing")
		}
		if sum := c.Completed() + c.Backlog + c.Lost + c.Unknown; sum != c.Accepted {
			return fmt.Errorf("completion: accepted is %d, but completed, backlog, lost and unknown add up to %d", c.Accepted, sum)
		}
		if s.Valid() && c.Accepted != s.Counts[OK] {
			return fmt.Errorf("completion: accepted is %d, but ok is %d", c.Accepted, s.Counts[OK])
		}
	}
	if err := s.Statuses.check(); err != nil {
		return err
	}
	if !s.Valid() {
		return nil
	}
	if t := s.Streams; t != nil {
		if n, planned := t.FirstEvent.N(), s.Counts.Planned(); n != t.Length.N() || n > planned || t.MedianGap.N() > n || t.EndedEarly > planned {
			return fmt.Errorf("streams: %d had a first event, %d a length and %d a median gap, and %d ended early, of %d arrivals", n, t.Length.N(), t.MedianGap.N(), t.EndedEarly, planned)
		}
	}
	if n, answered := s.Statuses.Sum(), s.Counts[OK]+s.Counts[Rejected]; n > 0 && n < answered {
		return fmt.Errorf("statuses: there are %d, but %d arrivals were ok or rejected", n, answered)
	}
	for _, c := range []struct {
		what string
		n    int64
		name string
		hist *Hist
	}{
		{"ok is", s.Counts[OK], "latency", s.Latency},
		{"ok is", s.Counts[OK], "uncorrected", s.Uncorrected},
		{"ok is", s.Counts[OK], "first_byte", s.FirstByte},
		{"rejected is", s.Counts[Rejected], "rejected", s.Rejected},
		{"those sent are", s.Counts.Planned() - s.Counts[Unsent], "lag", s.Lag},
	} {
		if notKept := c.hist.N() == 0 && c.name != "latency"; c.n != c.hist.N() && !notKept {
			return fmt.Errorf("counts: %s %d, but the histogram %s holds %d values", c.what, c.n, c.name, c.hist.N())
		}
	}
	return nil
}

// settingsAgree checks the settings that are numbers: another text would be taken
// for 0.
func (s *Stage) settingsAgree() error {
	if v := s.Settings.Get(KeyLevel); v != "" {
		if f, err := strconv.ParseFloat(v, 64); err != nil || !(f >= 0 && f <= maxCount) {
			return fmt.Errorf("settings: level is %.100q, want a number of 0 or more", v)
		}
	}
	for _, key := range []string{KeyRepeat, KeyPair, KeyRound, KeyWorkers, KeyQueue} {
		if v := s.Settings.Get(key); v != "" {
			if n, err := strconv.Atoi(v); err != nil || n < 0 {
				return fmt.Errorf("settings: %s is %.100q, want a whole number of 0 or more", key, v)
			}
		}
	}
	for _, key := range []string{KeyBackendLatency, KeyWait, KeyWarmup, KeyDuration, KeyThinkTime, KeyBackoff, KeyRampUp, KeyBurstInterval, KeyTimeout, KeyDrainTimeout} {
		if v := s.Settings.Get(key); v != "" {
			if d, err := time.ParseDuration(v); err != nil || d < 0 {
				return fmt.Errorf("settings: %s is %.100q, want a duration of 0 or more", key, v)
			}
		}
	}
	return nil
}
