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
	"github.com/a628bb15/onhold/reports/units"
)

// patternsSchema is the form of patterns.json.
const patternsSchema = 1

// patternsJSON has one pattern a line: a thousand dots, one to a line, would
// be of use to nobody.
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
		return f, errors.New("it has no schema, and is no file of patterns")
	case *form.Schema != patternsSchema:
		return f, fmt.Errorf("it is of schema %d, and this version reads %d", *form.Schema, patternsSchema)
	}
	if _, err := dec.Token(); err != io.EOF {
		return f, errors.New("something stands behind the patterns")
	}
	return f, json.Unmarshal(data, &f)
}

// maybe is a figure that need not be a number: JSON has no form for those, and
// null stands for them.
type maybe float64

func (m maybe) MarshalJSON() ([]byte, error) {
	if !isNumber(float64(m)) {
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

func maybes(v []float64) []maybe {
	out := make([]maybe, len(v))
	for i, f := range v {
		out[i] = maybe(f)
	}
	return out
}

func floats(v []maybe) []float64 {
	out := make([]float64, len(v))
	for i, m := range v {
		out[i] = float64(m)
	}
	return out
}

type lineJSON struct {
	Name   string  `json:"name"`
	Style  string  `json:"style,omitempty"`
	X      []maybe `json:"x"`
	Y      []maybe `json:"y"`
	Dashed bool    `json:"dashed,omitempty"`
	Step   bool    `json:"step,omitempty"`
	Fill   bool    `json:"fill,omitempty"`
	Hollow []bool  `json:"hollow,omitempty"`
}

// MarshalJSON writes null for what is not a number.
func (l Line) MarshalJSON() ([]byte, error) {
	return json.Marshal(lineJSON{l.Name, l.Style, maybes(l.X), maybes(l.Y), l.Dashed, l.Step, l.Fill, l.Hollow})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (l *Line) UnmarshalJSON(data []byte) error {
	var j lineJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*l = Line{j.Name, j.Style, floats(j.X), floats(j.Y), j.Dashed, j.Step, j.Fill, j.Hollow}
	return nil
}

type barJSON struct {
	Label string     `json:"label"`
	Group string     `json:"group,omitempty"`
	Style string     `json:"style,omitempty"`
	Value maybe      `json:"value"`
	Unit  units.Unit `json:"unit"`
	Text  string     `json:"text,omitempty"`
	Weak  bool       `json:"weak,omitempty"`
}

// MarshalJSON writes null for a value that is not a number.
func (b Bar) MarshalJSON() ([]byte, error) {
	return json.Marshal(barJSON{b.Label, b.Group, b.Style, maybe(b.Value), b.Unit, b.Text, b.Weak})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (b *Bar) UnmarshalJSON(data []byte) error {
	var j barJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*b = Bar{j.Label, j.Group, j.Style, float64(j.Value), j.Unit, j.Text, j.Weak}
	return nil
}

// MarshalJSON leaves out limits that are not numbers: they come from the data
// then.
func (a Axis) MarshalJSON() ([]byte, error) {
	type plain Axis
	a.Min, a.Max = finite(a.Min), finite(a.Max)
	return json.Marshal(plain(a))
}

type dotJSON struct {
	Outcome string `json:"outcome"`
	Latency int64  `json:"latency_ns"`
}

// MarshalJSON writes the outcome by its name. One that there is not counts as
// an error, as it does in the figure.
func (d Dot) MarshalJSON() ([]byte, error) {
	if !slices.Contains(result.Outcomes[:], d.Outcome) {
		d.Outcome = result.Error
	}
	return json.Marshal(dotJSON{d.Outcome.String(), int64(d.Latency)})
}

// UnmarshalJSON reads what MarshalJSON writes, and fails for an outcome that
// there is not.
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
