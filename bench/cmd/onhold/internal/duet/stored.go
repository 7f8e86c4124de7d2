package duet

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

// Stored is a comparison in a run folder.
type Stored struct {
	Run          result.Run
	Samples      []compare.Sample // of its complete pairs
	Identical    []compare.Sample // of what was not measured, because both sides are the same program
	Stages       []*result.Stage  // of its complete pairs, of a [Serve]
	disturbances []disturbance
	Invalid      []string // sentences on why it is not valid
	Notes        []string // remarks
}

// Read reads the comparison in dir, and leaves it as it is.
func Read(dir string) (s Stored, err error) {
	if s.Run, err = result.ReadRun(dir); err != nil {
		return s, err
	}
	h, c, err := readHistory(dir)
	if err != nil {
		return s, err
	}
	if s.disturbances = h.disturbances; h.failed != nil {
		s.Invalid = append(s.Invalid, h.failed.Error())
	}
	invalid, notes := remarks(s.disturbances)
	s.Invalid = append(s.Invalid, invalid...)
	s.Notes = slices.Concat(c.about, h.stops, notes)
	identical, err := readIdentical(dir)
	if err != nil {
		return s, err
	}
	if s.Identical = samplesOf(identical); len(identical) > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%d metrics are equal and were not measured, because both sides are the same program", len(identical)))
	}
	set := s.Run.Settings.Get
	if set(keyServe) == "" {
		s.Samples, c, err = readLaunches(dir)
		s.Samples, _ = compare.WithoutProcs(s.Samples)
	} else {
		arms := Config{Control: set(keyControl) == "true"}.arms()
		if s.Stages, c, err = readStages(dir, arms, s.Run.Settings.Int(keyRounds)); err == nil {
			s.Samples, invalid = compare.FromStages(s.Stages, "")
			s.Invalid = append(s.Invalid, invalid...)
		}
	}
	s.Notes = append(s.Notes, c.about...)
	return s, err
}

// Describe completes a report on this comparison with its sides, seed, machine and
// scenario.
func (s Stored) Describe(r *compare.Report) {
	describe(r, s.Run)
	r.Repeated = repeats(s.disturbances)
	r.AddStages(s.Stages)
}

// describe fills in what a report states about its run.
func describe(r *compare.Report, run result.Run) {
	set := run.Settings.Get
	r.ID, r.Time = run.ID, run.Started
	r.Base = compare.Side{Name: set(keyBase), Commit: set(keyBaseCommit)}
	r.Candidate = compare.Side{Name: set(keyCandidate), Commit: set(keyCandidateCommit)}
	r.Seed, _ = strconv.ParseUint(set(keySeed), 10, 64) // none: 0
	if !run.Finished.IsZero() {
		r.Took = run.Finished.Sub(run.Started).Seconds()
	}
	e := run.Environment
	r.Environment = fmt.Sprintf("%s, %d CPUs, %s, %s/%s", e.CPU, e.Cores, e.Go, e.OS, e.Arch)
	// Those of the experiment come last: see session.settings.
	first := slices.IndexFunc(run.Settings, func(kv result.Setting) bool { return kv.Key == keyPackages || kv.Key == keyBuild })
	if first >= 0 {
		r.Scenario = run.Settings[first:].String()
	}
}
