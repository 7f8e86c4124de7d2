package duet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/result"
)

// DisturbancesFile is the record in the run folder of what was disturbed, one line
// of JSON each, and of what ended the comparison. Each line is written at once, for
// a later run that continues.
const DisturbancesFile = "disturbances.jsonl"

// Bounds of what is read of the record, which may come from elsewhere.
const (
	maxRecord = 1 << 30  // bytes of a file
	maxLine   = 32 << 20 // bytes of a line
	maxEvents = 200_000
)

// record writes a disturbance, or what ended a run.
func (s *session) record(d disturbance) error {
	d.Time = time.Now().UTC().Truncate(time.Second)
	line, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return s.events.Append(append(line, '\n'))
}

// recordEnd records that a pair failed by err, where that ends the comparison: an
// arm that died is not forgotten because it survives the next time. An interrupt, a
// wrong configuration, and a server that does not start before any pair is complete
// are no such end. A machine that is disturbed now may be quiet later.
func (s *session) recordEnd(ctx context.Context, p pairPlan, err error) error {
	_, wrong := errors.AsType[*ConfigError](err)
	disturbed := errors.Is(err, errDisturbed)
	if ctx.Err() != nil || wrong || s.pairs == 0 && !disturbed {
		return nil
	}
	return s.record(disturbance{Pair: p.number, Why: err.Error(), End: !disturbed, Stop: disturbed})
}

// openEvents reads the record of earlier runs, and opens it for more.
func (s *session) openEvents() error {
	h, end, err := readHistory(s.Out)
	if err != nil {
		return &ConfigError{Err: err}
	}
	if err := s.truncate(end); err != nil {
		return err
	}
	s.history = h
	for _, stop := range h.stops {
		s.notes = append(s.notes, stop+"; a later run continued")
	}
	s.events, err = files.OpenLog(filepath.Join(s.Out, DisturbancesFile), false)
	return err
}

// history is what disturbed a comparison, and what ended its runs.
type history struct {
	disturbances []disturbance
	stops        []string // what ended a run; a later one can continue
	failed       error    // what ended the comparison
}

// complete is the part of a file of the record that counts. A run that was killed
// may have left more.
type complete struct {
	path  string
	size  int      // in bytes
	about []string // sentences on what does not count; none: all does
}

// truncate removes what does not count, before more is appended.
func (s *session) truncate(c complete) error {
	if len(c.about) == 0 {
		return nil
	}
	for _, about := range c.about {
		s.note("%s", about)
	}
	return files.Truncate(c.path, int64(c.size))
}

// leaveOut notes what does not count.
func (c *complete) leaveOut(format string, args ...any) {
	c.about = append(c.about, fmt.Sprintf("%s: "+format, append([]any{filepath.Base(c.path)}, args...)...))
}

// lines calls each for the complete lines of a file, with their numbers and offsets.
// The last one may be cut short. A missing file has none.
func lines(path string, each func(line []byte, n, at int) error) (c complete, err error) {
	c = complete{path: path}
	f, err := files.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	defer f.Close()
	in := files.NewLines(f, maxLine)
	for {
		line, err := in.Next()
		switch {
		case err == io.EOF:
			return c, nil
		case err == io.ErrUnexpectedEOF:
			c.leaveOut("its last line is cut short and is left out")
			return c, nil
		case err != nil:
			return c, fmt.Errorf("%s: %w", path, err)
		}
		if err := each(line, in.Number, c.size); err != nil {
			return c, err
		}
		if c.size = int(in.End); c.size > maxRecord {
			return c, fmt.Errorf("%s is larger than %d bytes, the most that is read", path, maxRecord)
		}
	}
}

// readHistory reads the record of the disturbances in dir.
func readHistory(dir string) (h history, c complete, err error) {
	path := filepath.Join(dir, DisturbancesFile)
	c, err = lines(path, func(line []byte, n, _ int) error {
		var d disturbance
		if err := json.Unmarshal(line, &d); err != nil {
			return fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		switch {
		case n > maxEvents:
			return fmt.Errorf("%s has more than %d lines", path, maxEvents)
		case d.End:
			h.failed = fmt.Errorf("it ended in pair %d and cannot be continued: %s", d.Pair, d.Why)
		case d.Stop:
			h.stops = append(h.stops, fmt.Sprintf("a run ended in pair %d: %s", d.Pair, d.Why))
		default:
			h.disturbances = append(h.disturbances, d)
		}
		return nil
	})
	return h, c, err
}

// readStages reads the stages of complete pairs in dir, which have so many of each
// arm, and those that were discarded. A last pair that is not complete is left out:
// the run was killed while it wrote it.
func readStages(dir string, arms []compare.Arm, each int) (stages []*result.Stage, c complete, err error) {
	path := filepath.Join(dir, result.StagesFile)
	var last, first, from int // the pair, and its first stage and byte
	have := map[compare.Arm]int{}
	whole := func() bool {
		for _, arm := range arms {
			if last > 0 && have[arm] != each {
				return false
			}
		}
		return true
	}
	c, err = lines(path, func(line []byte, n, at int) error {
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
				return fmt.Errorf("%s: line %d: a stage of pair %d, but pair %d is not complete", path, n, pair, max(last, pair-1))
			}
			last, first, from = pair, len(stages)-1, at
			clear(have)
		}
		have[compare.Arm(s.Settings.Get(result.KeyArm))]++
		return nil
	})
	if err != nil {
		return nil, c, err
	}
	if !whole() {
		c.size = from
		c.leaveOut("pair %d is not complete and is left out", last)
		stages = stages[:first]
	}
	return stages, c, nil
}

// pairEnd ends the launches of a pair. In benchmark text it is a comment.
const pairEnd = "# pair %d is complete\n"

// readLaunches reads the samples of the complete pairs in dir. What follows the last
// of them is left out: the run was killed while it wrote it.
func readLaunches(dir string) (samples []compare.Sample, c complete, err error) {
	path := filepath.Join(dir, LaunchesFile)
	pairs, size := 0, 0 // complete ones, and their bytes
	c, err = lines(path, func(line []byte, n, at int) error {
		var pair int
		if line[0] != pairEnd[0] {
			return nil
		}
		if _, err := fmt.Sscanf(string(line), pairEnd, &pair); err != nil {
			return nil
		}
		if pairs++; pair != pairs {
			return fmt.Errorf("%s: line %d: the end of pair %d, before that of pair %d", path, n, pair, pairs)
		}
		size = at + len(line)
		return nil
	})
	if err != nil {
		return nil, c, err
	}
	if size < c.size {
		c.leaveOut("pair %d is not complete and is left out", pairs+1)
	}
	if c.size = size; size == 0 {
		return nil, c, nil
	}
	f, err := files.Open(path)
	if err != nil {
		return nil, c, err
	}
	defer f.Close()
	samples, err = compare.ReadBench(io.LimitReader(f, int64(size)), path, compare.Base)
	return samples, c, err
}
