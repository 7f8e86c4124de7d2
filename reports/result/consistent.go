package result

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// What a line may hold. Real ones stay far below.
const (
	maxCount  = 1 << 50              // arrivals, or anything else that is counted
	maxLength = 366 * 24 * time.Hour // of a window
)

// consistent says where a line contradicts itself: a requirement must not be met
// by a count that the histogram beside it denies. j is what the line says, s
// what was made of it.
func (s *Stage) consistent(j *stageJSON) error {
	for _, check := range []func(*stageJSON) error{s.plausible, s.countsAgree, s.settingsAgree} {
		if err := check(j); err != nil {
			return err
		}
	}
	for _, h := range s.hists(j) {
		if err := h.summary.agrees(*h.hist); err != nil {
			return fmt.Errorf("%s_ns: %w", h.name, err)
		}
	}
	return nil
}

// plausible checks single figures.
func (s *Stage) plausible(j *stageJSON) error {
	if s.Length > maxLength {
		return fmt.Errorf("length_ns is %d, want at most %d", j.Length, int64(maxLength))
	}
	if !(s.InFlight >= 0 && s.InFlight <= maxCount) {
		return fmt.Errorf("in_flight_mean is %v, want 0 or more", s.InFlight)
	}
	for _, o := range Outcomes {
		if s.Counts[o] > maxCount {
			return fmt.Errorf("counts: %q is %d, want at most %d", o, s.Counts[o], int64(maxCount))
		}
	}
	for name, n := range map[string]int64{"reconnects": s.Reconnects, "surplus": s.Surplus, "attempt": int64(s.Attempt)} {
		if n < 0 || n > maxCount {
			return fmt.Errorf("%s is %d, want 0 to %d", name, n, int64(maxCount))
		}
	}
	for name, u := range map[string]Usage{"target": s.Target, "generator": s.Generator} {
		if err := u.plausible(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (u Usage) plausible() error {
	figures := map[string]int64{
		"cpu_ns": int64(u.CPU), "rss_max_bytes": u.RSSMax, "threads_max": u.ThreadsMax, "fds_max": u.FDsMax, "steal_ns": int64(u.Steal),
		"gc_pause_max_ns": int64(u.GCPauseMax), "allocs": u.Allocs, "held_ns: n": u.ServiceTime.N, "held_ns: mean": int64(u.ServiceTime.Mean),
		"context_switches: voluntary": u.Switches.Voluntary, "context_switches: involuntary": u.Switches.Involuntary,
		"throttled: times": u.Throttled.Times, "throttled: time_ns": int64(u.Throttled.Time),
	}
	for i, l := range u.Loops {
		figures[fmt.Sprintf("loop %d: cpu_ns", i+1)], figures[fmt.Sprintf("loop %d: spun_ns", i+1)] = int64(l.CPU), int64(l.Spun)
	}
	for name, n := range figures {
		if n < 0 {
			return fmt.Errorf("%s is %d, want 0 or more", name, n)
		}
	}
	if !(u.Quota >= 0) || math.IsInf(u.Quota, 0) {
		return fmt.Errorf("cpu_quota is %v, want 0 or more", u.Quota)
	}
	return nil
}

// countsAgree holds the counts against the histograms. Of these, only latencies
// are always kept. In a stage that is not valid they may differ: that may be
// why it is not.
func (s *Stage) countsAgree(*stageJSON) error {
	if !s.Valid {
		return nil
	}
	for _, c := range []struct {
		what string
		n    int64
		name string
		hist *Hist
	}{
		{"ok is", s.Counts[OK], "latency", s.Latency},
		{"ok is", s.Counts[OK], "service", s.Uncorrected},
		{"rejected is", s.Counts[Rejected], "rejected", s.Rejected},
		{"those that were sent are", s.Counts.Planned() - s.Counts[Unsent], "lag", s.Lag},
	} {
		if notKept := c.hist.N() == 0 && c.name != "latency"; c.n != c.hist.N() && !notKept {
			return fmt.Errorf("counts: %s %d, but the histogram %s holds %d values", c.what, c.n, c.name, c.hist.N())
		}
	}
	if q := s.Completion; q != nil && q.Accepted != s.Counts[OK] {
		return fmt.Errorf("queue: accepted is %d, but ok is %d", q.Accepted, s.Counts[OK])
	}
	return nil
}

// settingsAgree checks the settings that are numbers: one that is none would be
// taken for 0.
func (s *Stage) settingsAgree(*stageJSON) error {
	for _, key := range []string{KeyLevel, KeyRepeat, KeyPair, KeySlice, KeyWorkers, KeyQueue} {
		if v := s.Settings.Get(key); v != "" {
			if n, err := strconv.Atoi(v); err != nil || n < 0 {
				return fmt.Errorf("settings: %s is %.100q, want a whole number of 0 or more", key, v)
			}
		}
	}
	for _, key := range []string{KeyBackendLatency, KeyWait, KeyWarmup, KeyStage, KeyThink} {
		if v := s.Settings.Get(key); v != "" {
			if d, err := time.ParseDuration(v); err != nil || d < 0 {
				return fmt.Errorf("settings: %s is %.100q, want a duration of 0 or more", key, v)
			}
		}
	}
	return nil
}

// agrees holds a summary against its histogram: the figures of a line are of one
// measurement. Quantiles may differ by the digits that a histogram has.
func (j Summary) agrees(h *Hist) error {
	const digits = 0.002
	is := h.Summary()
	if j.P50 > j.P90 || j.P90 > j.P99 || j.P99 > j.P999 || j.P999 > j.Max {
		return fmt.Errorf("its percentiles do not rise: p50=%d p90=%d p99=%d p999=%d max=%d", j.P50, j.P90, j.P99, j.P999, j.Max)
	}
	for _, q := range []struct {
		name     string
		told, is int64
	}{{"p50", j.P50, is.P50}, {"p90", j.P90, is.P90}, {"p99", j.P99, is.P99}, {"p999", j.P999, is.P999}, {"max", j.Max, is.Max}} {
		if math.Abs(float64(q.told)-float64(q.is)) > digits*float64(q.is)+float64(HistLowest) {
			return fmt.Errorf("%s is %d, but %d by its histogram", q.name, q.told, q.is)
		}
	}
	if low, high := h.meanBounds(); j.N > 0 && (float64(j.Mean) < low-1 || float64(j.Mean) > high+1) {
		return fmt.Errorf("mean is %d, but %.0f to %.0f by its histogram", j.Mean, low, high)
	}
	return nil
}

// required are the keys that every line has.
var required = []string{"schema", "settings", "start", "length_ns", "counts", "latency_ns", "service_ns", "connect_ns", "rejected_ns", "lag_ns", "reconnects", "in_flight_mean", "histograms", "target", "generator", "warnings", "valid"}

// members checks that a line has all keys that it needs, and none twice: the
// standard library takes the last of two, in whatever case.
func members(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	top := map[string]bool{}
	if err := unique(dec, top, 0); err != nil {
		return err
	}
	for _, key := range required {
		if !top[key] {
			return fmt.Errorf("%q is missing", key)
		}
	}
	return nil
}

// maxDepth is how deep values may be nested; a line needs four.
const maxDepth = 16

// unique reads one value, and fails where an object in it has a key twice. The
// keys of the outermost object are put into top.
func unique(dec *json.Decoder, top map[string]bool, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("values are nested more than %d deep", maxDepth)
	}
	t, err := dec.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		seen := map[string]bool{}
		for dec.More() {
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
			if depth == 0 {
				top[key] = true
			}
			if err := unique(dec, top, depth+1); err != nil {
				return err
			}
		}
		_, err = dec.Token()
	case json.Delim('['):
		for dec.More() {
			if err := unique(dec, top, depth+1); err != nil {
				return err
			}
		}
		_, err = dec.Token()
	}
	return err
}

// checkGeometry reads the head of an encoded histogram, and refuses one of
// another geometry than ours: it could ask for any amount of memory.
func checkGeometry(text string) error {
	const (
		prefix = 8 // cookie and length, before what is compressed
		head   = 40
	)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	if len(raw) < prefix {
		return errors.New("it is cut short")
	}
	z, err := zlib.NewReader(bytes.NewReader(raw[prefix:]))
	if err != nil {
		return err
	}
	defer z.Close()
	var b [head]byte
	if _, err := io.ReadFull(z, b[:]); err != nil {
		return fmt.Errorf("its head is cut short: %w", err)
	}
	digits, lowest, highest := binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint64(b[16:]), binary.BigEndian.Uint64(b[24:])
	if digits != histDigits || lowest != uint64(HistLowest) || highest != uint64(HistHighest) {
		return fmt.Errorf("it is of %d to %d with %d digits, want %d to %d with %d", lowest, highest, digits, int64(HistLowest), int64(HistHighest), histDigits)
	}
	return nil
}
