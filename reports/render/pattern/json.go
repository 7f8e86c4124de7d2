package pattern

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

// File is the file that holds patterns with all of their data, from which everything
// else that is written of them can be written again.
const File = "patterns.json"

const (
	schema  = 1         // the form of File
	maxRead = 256 << 20 // bytes
)

// stored is what File holds.
type stored struct {
	Schema   *int       `json:"schema"`
	Run      result.Run `json:"run"`
	Patterns []Pattern  `json:"patterns"`
}

// encode writes one pattern per line: a thousand dots, one per line, would be of use to
// nobody.
func encode(run result.Run, all []Pattern) ([]byte, error) {
	var b bytes.Buffer
	var err error
	put := func(before string, v any) {
		b.WriteString(before)
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if encErr := enc.Encode(v); encErr != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", File, encErr))
			return
		}
		b.Truncate(b.Len() - 1) // the newline
	}
	put(`{"schema":`, schema)
	put(",\n\"run\":", run)
	b.WriteString(",\n\"patterns\":[")
	before := "\n"
	for _, p := range all {
		put(before, p)
		before = ",\n"
	}
	b.WriteString("\n]}\n")
	return b.Bytes(), err
}

// Read reads the patterns that [Write] left in the folder dir.
func Read(dir string) (result.Run, []Pattern, error) {
	path := filepath.Join(dir, File)
	data, err := files.Read(path, maxRead)
	if errors.Is(err, os.ErrNotExist) {
		return result.Run{}, nil, fmt.Errorf("%s holds no patterns: %w", dir, err)
	}
	if err != nil {
		return result.Run{}, nil, err
	}
	s, err := decode(data)
	if err != nil {
		return result.Run{}, nil, fmt.Errorf("%s: %w", path, err)
	}
	return s.Run, s.Patterns, nil
}

func decode(data []byte) (s stored, err error) {
	// A file of another schema need not decode as one of this, and the error says so.
	var form struct {
		Schema *int `json:"schema"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&form); err != nil {
		return s, err
	}
	switch {
	case form.Schema == nil:
		return s, errors.New("it has no schema, so it is not a file of patterns")
	case *form.Schema != schema:
		return s, fmt.Errorf("it has schema %d, and this version reads schema %d: measure again", *form.Schema, schema)
	}
	if _, err := dec.Token(); err != io.EOF {
		return s, errors.New("there is more text behind the patterns")
	}
	return s, json.Unmarshal(data, &s)
}

// Floats are numbers of a line. JSON has no form for what is not a number or infinite:
// it becomes null, and is read as not a number.
type Floats []float64

// MarshalJSON writes null for what is not a number.
func (f Floats) MarshalJSON() ([]byte, error) {
	out := make([]*float64, len(f))
	for i := range f {
		out[i] = finite(&f[i])
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Floats) UnmarshalJSON(data []byte) error {
	var in []*float64
	err := json.Unmarshal(data, &in)
	*f = make(Floats, len(in))
	for i, v := range in {
		(*f)[i] = number(v)
	}
	return err
}

func finite(v *float64) *float64 {
	if math.IsNaN(*v) || math.IsInf(*v, 0) {
		return nil
	}
	return v
}

func number(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

type plainBar Bar

type storedBar struct {
	plainBar
	Value *float64 `json:"value"`
}

// MarshalJSON writes null for a value that is not a number.
func (b Bar) MarshalJSON() ([]byte, error) {
	return json.Marshal(storedBar{plainBar(b), finite(&b.Value)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (b *Bar) UnmarshalJSON(data []byte) error {
	var s storedBar
	err := json.Unmarshal(data, &s)
	*b = Bar(s.plainBar)
	b.Value = number(s.Value)
	return err
}

// MarshalJSON leaves out a limit that is not a number: it comes from the data then.
func (a Axis) MarshalJSON() ([]byte, error) {
	type plain Axis
	if finite(&a.Max) == nil {
		a.Max = 0
	}
	return json.Marshal(plain(a))
}

type storedDot struct {
	Outcome string        `json:"outcome"`
	Latency time.Duration `json:"latency_ns"`
}

// MarshalJSON writes the outcome by its name. One that does not exist counts as an
// error, as it does in the figure.
func (d Dot) MarshalJSON() ([]byte, error) {
	if !slices.Contains(result.Outcomes[:], d.Outcome) {
		d.Outcome = result.Error
	}
	return json.Marshal(storedDot{d.Outcome.String(), d.Latency})
}

// UnmarshalJSON reads what MarshalJSON writes, and fails for an outcome that does not
// exist.
func (d *Dot) UnmarshalJSON(data []byte) error {
	var s storedDot
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	for _, o := range result.Outcomes {
		if o.String() == s.Outcome {
			*d = Dot{o, s.Latency}
			return nil
		}
	}
	return fmt.Errorf("there is no outcome %q", s.Outcome)
}
