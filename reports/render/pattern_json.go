package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/result"
)

// patternsSchema is the form of patterns.json.
const patternsSchema = 1

// maxRead bounds in bytes what is read of a folder.
const maxRead = 256 << 20

// patternsJSON has one pattern per line: a thousand lines of dots would help nobody.
func patternsJSON(run result.Run, all []Pattern) ([]byte, error) {
	var b bytes.Buffer
	put := func(before string, v any) error {
		b.WriteString(before)
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return fmt.Errorf("%s: %w", PatternsFile, err)
		}
		b.Truncate(b.Len() - 1) // the newline
		return nil
	}
	fmt.Fprintf(&b, "{\"schema\":%d,\n", patternsSchema)
	if err := put(`"run":`, run); err != nil {
		return nil, err
	}
	b.WriteString(",\n\"patterns\":[")
	before := "\n"
	for _, p := range all {
		if err := put(before, p); err != nil {
			return nil, err
		}
		before = ",\n"
	}
	b.WriteString("\n]}\n")
	return b.Bytes(), nil
}

// ReadPatterns reads the patterns that WritePatterns left in the folder dir.
func ReadPatterns(dir string) (result.Run, []Pattern, error) {
	path := filepath.Join(dir, PatternsFile)
	data, err := files.Read(path, maxRead)
	if errors.Is(err, os.ErrNotExist) {
		return result.Run{}, nil, fmt.Errorf("%s holds no patterns: %w", dir, err)
	}
	if err != nil {
		return result.Run{}, nil, err
	}
	f, err := decodePatterns(data)
	if err != nil {
		return result.Run{}, nil, fmt.Errorf("%s: %w", path, err)
	}
	return f.Run, f.Patterns, nil
}

// storedPatterns is what patterns.json holds.
type storedPatterns struct {
	Schema   int        `json:"schema"`
	Run      result.Run `json:"run"`
	Patterns []Pattern  `json:"patterns"`
}

func decodePatterns(data []byte) (f storedPatterns, err error) {
	// A file of another schema need not decode as one of this, and that is why.
	var form struct {
		Schema *int `json:"schema"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&form); err != nil {
		return f, err
	}
	switch {
	case form.Schema == nil:
		return f, errors.New("it has no schema, so it is not a file of patterns")
	case *form.Schema != patternsSchema:
		return f, fmt.Errorf("it has schema %d, and this version reads schema %d: measure again", *form.Schema, patternsSchema)
	}
	if _, err := dec.Token(); err != io.EOF {
		return f, errors.New("there is more text behind the patterns")
	}
	return f, json.Unmarshal(data, &f)
}

// maybe is a value that need not be a number: JSON has no form for those, and null
// stands for them.
type maybe float64

func (m maybe) MarshalJSON() ([]byte, error) {
	if v := float64(m); math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(m))
}

func (m *maybe) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*m = maybe(math.NaN())
		return nil
	}
	return json.Unmarshal(data, (*float64)(m))
}

// Values are numbers of which some may be missing: what is not a number is null in
// JSON.
type Values []float64

// MarshalJSON writes null for what is not a number.
func (v Values) MarshalJSON() ([]byte, error) {
	out := make([]maybe, len(v))
	for i, f := range v {
		out[i] = maybe(f)
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (v *Values) UnmarshalJSON(data []byte) error {
	var in []maybe
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*v = make(Values, len(in))
	for i, m := range in {
		(*v)[i] = float64(m)
	}
	return nil
}

type plainBar Bar

// barJSON is a bar whose value may be null.
type barJSON struct {
	*plainBar
	Value maybe `json:"value"`
}

// MarshalJSON writes null for a value that is not a number.
func (b Bar) MarshalJSON() ([]byte, error) {
	return json.Marshal(barJSON{(*plainBar)(&b), maybe(b.Value)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (b *Bar) UnmarshalJSON(data []byte) error {
	j := barJSON{plainBar: (*plainBar)(b)}
	err := json.Unmarshal(data, &j)
	b.Value = float64(j.Value)
	return err
}

// MarshalJSON leaves out limits that are not numbers: then the data set them.
func (a Axis) MarshalJSON() ([]byte, error) {
	type plain Axis
	for _, limit := range []*float64{&a.Min, &a.Max} {
		if math.IsNaN(*limit) || math.IsInf(*limit, 0) {
			*limit = 0
		}
	}
	return json.Marshal(plain(a))
}

type dotJSON struct {
	Outcome string `json:"outcome"`
	Latency int64  `json:"latency_ns"`
}

// MarshalJSON writes the outcome by its name. An unknown one counts as an error, as it
// does in the figure.
func (d Dot) MarshalJSON() ([]byte, error) {
	if !slices.Contains(result.Outcomes[:], d.Outcome) {
		d.Outcome = result.Error
	}
	return json.Marshal(dotJSON{d.Outcome.String(), int64(d.Latency)})
}

// UnmarshalJSON reads what MarshalJSON writes, and fails for an unknown outcome.
func (d *Dot) UnmarshalJSON(data []byte) error {
	var j dotJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	i := slices.IndexFunc(result.Outcomes[:], func(o result.Outcome) bool { return o.String() == j.Outcome })
	if i < 0 {
		return fmt.Errorf("there is no outcome %q", j.Outcome)
	}
	*d = Dot{result.Outcomes[i], time.Duration(j.Latency)}
	return nil
}
