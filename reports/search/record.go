package search

import (
	"path/filepath"
	"time"

	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/reports/result"
)

// File is the file of a run folder that holds a search.
const File = "find.json"

const (
	schema     = 1
	recordSize = 64 << 20
)

// Record is a search as it is stored: what is asked, every visit with its counts, and
// the answer.
type Record struct {
	Schema  int       `json:"schema"`
	Target  string    `json:"target"`
	Load    load.Load `json:"load"` // at one of the levels
	Started time.Time `json:"started"`
	Config
	Visits []Visit `json:"visits"`
	Note   string  `json:"note,omitzero"` // what ended the search from outside

	Limit   *result.Limit `json:"limit,omitempty"`   // who set the pace at the end of the answer; it decides nothing
	LimitAt float64       `json:"limit_at,omitzero"` // the level of Limit
	Answer  Answer        `json:"answer"`
}

// Read reads the search of a run folder.
func Read(dir string) (*Record, error) {
	r := &Record{}
	return r, files.ReadJSON(filepath.Join(dir, File), recordSize, schema, r)
}

// Write stores the search in a run folder.
func (r *Record) Write(dir string) error {
	r.Schema, r.Target = schema, redact.URL(r.Target)
	data, err := files.JSON(r, "")
	if err != nil {
		return err
	}
	return files.Write(filepath.Join(dir, File), data)
}

// Decide decides again from the visits, and reports whether the answer is the stored
// one.
func (r *Record) Decide() (same bool) {
	before := r.Answer
	r.Answer = Replay(r.Config, r.Visits).Answer()
	return before.Outcome == r.Answer.Outcome && before.Low == r.Answer.Low && before.High == r.Answer.High
}
