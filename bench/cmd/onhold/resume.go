package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/fleet"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/result"
)

// fleetFile is what a coordinator needs that takes over a run with agents. It is in the
// run folder as long as stages are missing.
const (
	fleetFile     = "fleet.json"
	mostFleetFile = 8 << 20
)

// unfinished is the content of fleetFile.
type unfinished struct {
	fleet.Saved
	Recorded int  `json:"recorded"`     // stages in the record when that one began, those discarded included
	Embedded bool `json:"embedded_bus"` // it was in the coordinator's process
}

// resumable makes the run one that another coordinator can take over.
type resumable struct {
	on     bool
	before *unfinished     // what is taken over; nil where the run begins
	past   []*result.Stage // of the record, as far as they are not taken
	stored unfinished
	lost   error // why the run cannot be taken over
	noted  bool  // that is printed
}

// saveFleet writes fleetFile: the fleet calls it before any agent hears of what is new.
func (s *session) saveFleet(saved fleet.Saved) {
	s.resume.stored = unfinished{saved, s.recorded, s.c.String(flagBus) == embeddedBus || s.resume.before != nil && s.resume.before.Embedded}
	s.resume.lost = s.resume.stored.write(s.folder.Dir)
}

func (u unfinished) write(dir string) error {
	data, err := json.MarshalIndent(u, "", "  ")
	if err != nil {
		return err
	}
	return files.Write(filepath.Join(dir, fleetFile), append(data, '\n'))
}

// readUnfinished reads fleetFile.
func readUnfinished(dir string) (u unfinished, err error) {
	path := filepath.Join(dir, fleetFile)
	data, err := files.Read(path, mostFleetFile)
	if err != nil {
		return u, err
	}
	if err := json.Unmarshal(data, &u); err != nil {
		return u, fmt.Errorf("%s: %w", path, err)
	}
	return u, nil
}

// warnResume says that the run cannot be taken over, once.
func (s *session) warnResume() {
	if r := &s.resume; r.lost != nil && !r.noted {
		r.noted = true
		s.progress.say(fmt.Sprintf("onhold: %v; the run continues, and cannot be resumed (--resume) if it is killed", r.lost))
	}
}

// endResume removes fleetFile where the run is complete. Where it is not, the stages that
// are missing can be run: agents were let go, and have none of them. A coordinator from
// which another took over leaves it alone.
func (s *session) endResume(complete bool) {
	u, err := readUnfinished(s.folder.Dir)
	if r := s.resume; err != nil || u.Run != r.stored.Run || u.Epoch != r.stored.Epoch {
		return
	}
	if complete {
		err = os.Remove(filepath.Join(s.folder.Dir, fleetFile))
	} else {
		u.Started, u.Recorded = false, s.recorded
		err = u.write(s.folder.Dir)
	}
	if err != nil {
		s.progress.say(fmt.Sprintf("onhold: %v", err))
	}
}

// reopen takes over the run of a coordinator that was killed, of which dir is the folder.
func (s *session) reopen(ctx context.Context, dir string) error {
	refused := func(format string, args ...any) error {
		return usageError("--resume=%s: %w", dir, fmt.Errorf(format, args...))
	}
	run, err := result.ReadRun(dir)
	if err != nil {
		return refused("%w", err)
	}
	u, err := readUnfinished(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !run.Partial:
		return refused("the run is complete; onhold report %s draws it", dir)
	case errors.Is(err, fs.ErrNotExist):
		return refused("there is no %s: it is not a run with --agents, or it has no stage that had begun; start it again, in another folder", fleetFile)
	case err != nil:
		return refused("%w", err)
	}
	now := s.effective().Redacted()
	for _, kv := range slices.Concat(now, run.Settings) {
		if was, is := run.Settings.Get(kv.Key), now.Get(kv.Key); was != is {
			return refused("%s was %q, and is %q now: give the flags that the run had", kv.Key, was, is)
		}
	}
	if s.folder, err = result.Continue(dir); err != nil {
		return folderError(err)
	}
	_, all, warnings, err := result.OpenAll(dir)
	if err != nil {
		return refused("%w", err)
	}
	if len(warnings) > 0 {
		return refused("its record is not as it was written: %s", strings.Join(warnings, "; "))
	}
	s.resume.before, s.resume.past, s.recorded = &u, all, len(all)
	if len(all) > u.Recorded {
		u.Started = false // it was recorded just before the end
	}
	done := 0
	for _, stage := range all {
		if stage.Discarded() == "" {
			done++
		}
	}
	note := fmt.Sprintf("resumed at %s, with %d of %d stages", time.Now().Format(time.RFC3339), done, s.folder.Run.Planned)
	if done < s.folder.Run.Planned {
		agents, err := s.leadFleet(ctx, s.folder.Run.ID)
		if err != nil {
			return err
		}
		note += "; " + agents
	}
	s.folder.Run.Notes = append(s.folder.Run.Notes, note)
	fmt.Fprintln(s.c.Root().ErrWriter, "onhold:", note)
	return nil
}

// taken is what the record of a run that is resumed has of the next stage: the stage, or
// the attempts at it that do not count.
func (r *resumable) taken() (attempts []*result.Stage) {
	n := 0
	for n < len(r.past) && (n == 0 || r.past[n-1].Discarded() != "") {
		n++
	}
	attempts, r.past = r.past[:n], r.past[n:]
	return attempts
}
