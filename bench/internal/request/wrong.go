package request

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/a628bb15/onhold/reports/field"
)

// Wrong is what is wrong with a file.
type Wrong struct {
	At   string // where, as in: line 2, field "weight"; "" where it is all of the file
	Want string // what is allowed there
}

func (w *Wrong) Error() string {
	if w.At == "" {
		return "want " + w.Want
	}
	return w.At + ": want " + w.Want
}

// wrong is the Wrong of a line from 1, with its field where that is not "".
func wrong(line int, in, want string, args ...any) *Wrong {
	w := &Wrong{fmt.Sprintf("line %d", line), fmt.Sprintf(want, args...)}
	if in != "" {
		w.At += fmt.Sprintf(", field %q", in)
	}
	return w
}

// checked is the Wrong of what a Check or Compile says of a line's field.
func checked(line int, in string, err error) *Wrong {
	e, ok := errors.AsType[*field.Error](err)
	if !ok {
		return wrong(line, in, "%v", err)
	}
	w := wrong(line, in, "%s", e.Want)
	if name := fmt.Sprint(e.Value); name != "" && in == "headers" {
		w.At += ", " + name
	}
	return w
}

// inJSON is the Wrong of a line that is not read as JSON.
func inJSON(number int, err error) *Wrong {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		got, _, _ := strings.Cut(e.Value, " ")
		want := map[string]string{"string": "a string", "int": "a whole number", "int64": "a whole number", "map[string]string": "an object of strings"}[e.Type.String()]
		if e.Field == "" {
			want = "an object"
		}
		return wrong(number, e.Field, "%s, not the JSON type %s", want, got)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return &Wrong{fmt.Sprintf("line %d, field %s", number, name), "one of method, path, headers, body, body_base64, weight and at_ns"}
	}
	return wrong(number, "", "a JSON object: %v", err)
}
