package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/files"
)

// stored is a record that an agent keeps on the disk, for the case that its process ends
// too.
type stored struct {
	Run    string    `json:"run"`
	Epoch  int       `json:"epoch"`
	Seq    uint64    `json:"seq"`
	Stage  int       `json:"stage"`
	Phase  Phase     `json:"phase"`
	Why    string    `json:"why,omitempty"`
	Sum    string    `json:"sum"`
	Until  time.Time `json:"until"`
	record []byte
}

const (
	// mostStored bounds the file of a stored record: a line of JSON, and the record.
	mostStored = mostRecord + 1<<20
	// noText begins it, so that nothing takes it for text, in which secrets are replaced.
	noText = 0xff
)

var errNoRecord = errors.New("it holds no record")

// nameOf is that of the file of an agent's process: another of its name has another.
func (g *generator) nameOf() string {
	return filepath.Join(g.KeepIn, g.Name+"."+g.machine.hello.Instance+".record")
}

func (g *generator) store(k *kept) error {
	if g.KeepIn == "" {
		return nil
	}
	if k == nil {
		return os.Remove(g.nameOf())
	}
	head, err := json.Marshal(stored{k.run, k.epoch, k.seq, k.stage, k.phase, k.why, k.sum, time.Now().Add(g.Keep), nil})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(g.KeepIn, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(g.nameOf(), os.O_CREATE|os.O_WRONLY, 0o600) // files.Write leaves the mode as it is
	if err != nil {
		return err
	}
	data := slices.Concat([]byte{noText}, head, []byte{'\n'}, k.record)
	if err := errors.Join(f.Close(), files.Write(g.nameOf(), data)); err != nil {
		return errors.Join(err, os.Remove(g.nameOf()))
	}
	return nil
}

// restore takes over the newest record that a process of this name has left, and removes
// those that are too old.
func (g *generator) restore() {
	if g.KeepIn == "" {
		return
	}
	entries, err := os.ReadDir(g.KeepIn)
	if err != nil {
		return
	}
	var newest stored
	from := ""
	for _, e := range entries {
		instance, ok := strings.CutPrefix(e.Name(), g.Name+".")
		if !ok || !strings.HasSuffix(instance, ".record") {
			continue
		}
		path := filepath.Join(g.KeepIn, e.Name())
		s, err := readStored(path)
		switch {
		case err == nil && s.Until.After(time.Now()):
			if s.Until.After(newest.Until) {
				newest, from = s, path
			}
		case err == nil || errors.Is(err, errNoRecord):
			_ = os.Remove(path) // it is too old, or was cut short
		}
	}
	if from == "" || os.Rename(from, g.nameOf()) != nil {
		return // another process of this name was first
	}
	left := min(time.Until(newest.Until), mostKeep)
	g.machine.kept = &kept{newest.Run, newest.Epoch, newest.Seq, newest.Stage, newest.Phase, newest.Why, newest.record, newest.Sum, g.clock() + left}
	g.machine.stored = true
	g.say(fmt.Sprintf("run %s: the record of its stage, from a process of this name that has ended, is kept for %v", newest.Run, left.Round(time.Second)))
}

func readStored(path string) (s stored, err error) {
	data, err := files.Read(path, mostStored)
	if err != nil {
		return s, err
	}
	head, record, ok := bytes.Cut(data, []byte{'\n'})
	if !ok || len(head) == 0 || head[0] != noText || json.Unmarshal(head[1:], &s) != nil {
		return s, errNoRecord
	}
	s.record = record
	if !namePattern.MatchString(s.Run) || s.Stage < 1 || s.Phase != Done && s.Phase != Failed || s.Phase == Done && sumOf(record) != s.Sum {
		return s, errNoRecord
	}
	return s, nil
}
