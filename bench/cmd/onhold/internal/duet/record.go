package duet

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/result"
)

// RedoneFile is the record in the run folder of what was disturbed and run
// again, one line of JSON each, and of what ended the comparison, if anything
// did. It is written at once: whoever continues the comparison has to know.
const RedoneFile = "redone.jsonl"

// event is a line of it.
type event struct {
	Time time.Time   `json:"time"`
	Pair int         `json:"pair"`
	Unit int         `json:"slice,omitempty"` // which slice or launch of the pair, from 1
	Arm  compare.Arm `json:"arm,omitempty"`
	Kind kind        `json:"kind,omitempty"`
	Why  string      `json:"why"`
	Kept bool        `json:"kept,omitempty"` // the slice counts all the same
	End  bool        `json:"end,omitempty"`  // it ended the comparison; else the slice was run again
	Stop bool        `json:"stop,omitempty"` // it ended that run: a later one can go on
}

func eventOf(b breach) event {
	return event{Pair: b.pair, Unit: b.unit, Arm: b.arm, Kind: b.kind, Why: b.why, Kept: b.kept}
}

// Bounds of what is read of the record, which may be of somebody else's making.
const (
	maxRecord = 1 << 30 // bytes of a file
	maxLine   = 8 << 20 // bytes of a line
	maxEvents = 200_000
)

// note puts an event on record.
func (s *session) note(e event) error {
	e.Time = time.Now().UTC().Truncate(time.Second)
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return s.events.Append(append(line, '\n'))
}

// ended notes that a pair failed by err, where that is the end of the
// comparison: an arm that died once is not forgotten because it lives the next
// time. What the user stopped or did not mean is no such end, before any pair is
// whole a server that does not even start is the user's to mend, and a machine
// that is disturbed now may be quiet later.
func (s *session) ended(ctx context.Context, p pairPlan, err error) error {
	var wrong *ConfigError
	quiet := errors.Is(err, errDisturbed)
	if ctx.Err() != nil || errors.As(err, &wrong) || s.pairs == 0 && !quiet {
		return nil
	}
	return s.note(event{Pair: p.number, Why: err.Error(), End: !quiet, Stop: quiet})
}

// openEvents reads what is on record of earlier runs, and goes on with it.
func (s *session) openEvents() error {
	events, end, err := readEvents(s.Out)
	if err != nil {
		return &ConfigError{Err: err}
	}
	if err := s.drop(end); err != nil {
		return err
	}
	var stops []string
	s.redone, stops, s.failed = breachesOf(events)
	for _, stop := range stops {
		s.notes = append(s.notes, stop+"; it went on after that")
	}
	s.events, err = files.OpenLog(filepath.Join(s.Out, RedoneFile), false)
	return err
}

// breachesOf tells the slices that were run again from what ended a run, and
// from what ended it all.
func breachesOf(events []event) (redone []breach, stops []string, failed error) {
	for _, e := range events {
		switch {
		case e.End:
			failed = fmt.Errorf("it ended in pair %d, and is not taken up again: %s", e.Pair, e.Why)
		case e.Stop:
			stops = append(stops, fmt.Sprintf("a run ended in pair %d: %s", e.Pair, e.Why))
		default:
			redone = append(redone, breach{kind: e.Kind, arm: e.Arm, why: e.Why, pair: e.Pair, unit: e.Unit, kept: e.Kept})
		}
	}
	return redone, stops, failed
}

// rest is the end of a file of the record that a run left which was killed: it
// does not count.
type rest struct {
	path  string
	size  int      // of what counts
	about []string // sentences on what does not; none: all does
}

// drop takes away what does not count, so that what follows is put behind what
// does.
func (s *session) drop(r rest) error {
	if len(r.about) == 0 {
		return nil
	}
	for _, about := range r.about {
		s.notes = append(s.notes, about)
		s.tell("%s", about)
	}
	return files.Truncate(r.path, int64(r.size))
}

// lines reads the lines of a file that end, one by one; a last one that does not
// was cut short. Each is given with its number, and where it begins in the file.
// A file that is not there has none.
func lines(path string, each func(line []byte, n, at int) error) (end rest, err error) {
	end = rest{path: path}
	f, err := files.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return end, nil
	}
	if err != nil {
		return end, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 64<<10)
	var line []byte // that is longer than the reader's buffer
	for n := 1; ; {
		part, err := r.ReadSlice('\n')
		switch {
		case len(line)+len(part) > maxLine:
			return end, fmt.Errorf("%s: line %d is longer than %d MiB", path, n, maxLine>>20)
		case err == bufio.ErrBufferFull:
			line = append(line, part...)
			continue
		case err == io.EOF:
			if len(line)+len(part) > 0 {
				end.about = append(end.about, fmt.Sprintf("%s: its last line was cut short and is left out", filepath.Base(path)))
			}
			return end, nil
		case err != nil:
			return end, err
		}
		if len(line) > 0 {
			part = append(line, part...)
			line = line[:0]
		}
		if err := each(part, n, end.size); err != nil {
			return end, err
		}
		if end.size += len(part); end.size > maxRecord {
			return end, fmt.Errorf("%s: is larger than %d bytes, the most that is read", path, maxRecord)
		}
		n++
	}
}

func readEvents(dir string) (events []event, end rest, err error) {
	path := filepath.Join(dir, RedoneFile)
	end, err = lines(path, func(line []byte, n, _ int) error {
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		if events = append(events, e); len(events) > maxEvents {
			return fmt.Errorf("%s: has more than %d lines", path, maxEvents)
		}
		return nil
	})
	return events, end, err
}

// readSlices reads the slices that dir holds of whole pairs, which have so many
// of each arm, and those that were discarded. A pair that is not whole is left
// out where it is the last: what ran was killed while it was written.
func readSlices(dir string, arms []compare.Arm, each int) (stages []*result.Stage, end rest, err error) {
	path := filepath.Join(dir, result.StagesFile)
	var last, first, from int // the pair, and its first slice: as a stage, and as a byte
	have := map[compare.Arm]int{}
	whole := func() bool {
		for _, arm := range arms {
			if last > 0 && have[arm] != each {
				return false
			}
		}
		return true
	}
	end, err = lines(path, func(line []byte, n, at int) error {
		if len(bytes.TrimSpace(line)) == 0 {
			return nil
		}
		s := new(result.Stage)
		if err := json.Unmarshal(line, s); err != nil {
			return fmt.Errorf("%s: line %d: not a stage: %w", path, n, err)
		}
		stages = append(stages, s)
		if s.Discarded() != "" {
			return nil
		}
		if pair := s.Settings.Int(result.KeyPair); pair != last {
			if pair != last+1 || !whole() {
				return fmt.Errorf("%s: line %d: a slice of pair %d, where pair %d is not whole", path, n, pair, max(last, pair-1))
			}
			last, first, from = pair, len(stages)-1, at
			clear(have)
		}
		have[compare.Arm(s.Settings.Get(result.KeyArm))]++
		return nil
	})
	if err != nil {
		return nil, end, err
	}
	if !whole() {
		end.size = from
		end.about = append(end.about, fmt.Sprintf("%s: pair %d is not whole and is left out", filepath.Base(end.path), last))
		stages = stages[:first]
	}
	return stages, end, nil
}

// wholePair ends the launches of a pair. In benchmark text it is a comment.
const wholePair = "# pair %d is whole\n"

// readLaunches reads the samples of the whole pairs that dir holds. What stands
// behind the last of them is left out: what ran was killed while it was written.
func readLaunches(dir string) (samples []compare.Sample, end rest, err error) {
	path := filepath.Join(dir, LaunchesFile)
	pairs, whole := 0, 0 // whole ones, and the bytes of them
	end, err = lines(path, func(line []byte, n, at int) error {
		var pair int
		if line[0] != wholePair[0] {
			return nil
		}
		if _, err := fmt.Sscanf(string(line), wholePair, &pair); err != nil {
			return nil
		}
		if pairs++; pair != pairs {
			return fmt.Errorf("%s: line %d: the end of pair %d, where that of pair %d should come first", path, n, pair, pairs)
		}
		whole = at + len(line)
		return nil
	})
	if err != nil {
		return nil, end, err
	}
	if whole < end.size {
		end.about = append(end.about, fmt.Sprintf("%s: pair %d is not whole and is left out", filepath.Base(path), pairs+1))
	}
	if end.size = whole; whole == 0 {
		return nil, end, nil
	}
	f, err := files.Open(path)
	if err != nil {
		return nil, end, err
	}
	defer f.Close()
	samples, err = compare.ReadBench(io.LimitReader(f, int64(whole)), path, compare.Base)
	return samples, end, err
}

// describe fills in what a report says of the run that it is about.
func describe(r *compare.Report, run result.Run) {
	set := run.Settings.Get
	r.ID, r.Time = run.ID, run.Started
	r.Base = compare.Side{Name: set("base"), Commit: set("base-commit")}
	r.Candidate = compare.Side{Name: set("candidate"), Commit: set("candidate-commit")}
	r.Seed, _ = strconv.ParseUint(set("seed"), 10, 64) // none: 0
	if !run.Finished.IsZero() {
		r.Took = run.Finished.Sub(run.Started).Seconds()
	}
	e := run.Environment
	r.Environment = fmt.Sprintf("%s, %d CPUs, %s, %s/%s", e.CPU, e.Cores, e.Go, e.OS, e.Arch)
	// Those of the experiment come last: see session.settings.
	first := slices.IndexFunc(run.Settings, func(kv result.Setting) bool { return kv.Key == "packages" || kv.Key == "build" })
	if first >= 0 {
		r.Scenario = run.Settings[first:].String()
	}
}

// Held is what a run folder holds of a comparison.
type Held struct {
	Run      result.Run
	Samples  []compare.Sample // of its whole pairs
	Stages   []*result.Stage  // likewise, of a [Serve]
	Same     []Same           // what was not measured, as both sides are the same program
	Repeated int              // slices or launches that were run again
	Invalid  []string         // sentences on why it is not valid
	Notes    []string         // sentences on what was left out
}

// Identical are samples of what was not measured, as both sides are the same there.
func (h Held) Identical() []compare.Sample { return samplesOf(h.Same) }

// Describe fills in what a report of these says of the comparison that it is
// about, as the one that was written when they were measured does.
func (h Held) Describe(r *compare.Report) {
	describe(r, h.Run)
	r.Repeated = h.Repeated
	r.AddShifts(h.Stages)
}

// Read reads what dir holds of a comparison, and leaves it as it is.
func Read(dir string) (h Held, err error) {
	run, err := result.ReadRun(dir)
	if err != nil {
		return h, err
	}
	events, end, err := readEvents(dir)
	if err != nil {
		return h, err
	}
	h.Notes = end.about
	redone, stops, failed := breachesOf(events)
	h.Repeated = rerun(redone)
	if failed != nil {
		h.Invalid = append(h.Invalid, failed.Error())
	}
	invalid, notes := remarks(redone)
	h.Invalid = append(h.Invalid, invalid...)
	h.Notes = slices.Concat(h.Notes, stops, notes)
	h.Run = run
	if h.Same, err = readSame(dir); err != nil {
		return h, err
	}
	if len(h.Same) > 0 {
		h.Notes = append(h.Notes, fmt.Sprintf("%d figures are equal, as both sides are the same program there, and were not measured", len(h.Same)))
	}
	set := run.Settings.Get
	if set("serve") == "" {
		h.Samples, end, err = readLaunches(dir)
		h.Samples, _ = compare.WithoutProcs(h.Samples)
	} else {
		s := session{Config: Config{Control: set("control") == "true"}}
		var invalid []string
		if h.Stages, end, err = readSlices(dir, s.arms(), run.Settings.Int("slices")); err == nil {
			h.Samples, invalid = compare.FromStages(h.Stages, "")
		}
		h.Invalid = append(h.Invalid, invalid...)
	}
	h.Notes = append(h.Notes, end.about...)
	return h, err
}
