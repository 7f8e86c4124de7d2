package duet

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

// findings are those of the gated metrics so far, at most so many because many take
// a while, and the design with its number of tests.
func (s *session) findings(most int) (compare.Design, []compare.Finding) {
	all := slices.DeleteFunc(s.series(), func(s compare.Series) bool { return !s.Metric.Gated })
	d := s.Design
	d.Tests = compare.Tests(all)
	return d, compare.Decide(d, all[:min(most, len(all))])
}

// series are those of the pairs so far, and of what is identical on both sides.
func (s *session) series() []compare.Series {
	all, _, _ := compare.Collect(s.allSamples(), s.Policy)
	return append(all, compare.IdenticalSeries(samplesOf(s.identical), s.Policy)...)
}

// allSamples are those of the pairs so far. The number of CPUs at the end of names
// is recognized over all launches.
func (s *session) allSamples() []compare.Sample {
	samples, _ := compare.WithoutProcs(s.samples)
	return samples
}

// decided reports whether more pairs are useless.
func (s *session) decided() bool {
	_, findings := s.findings(math.MaxInt)
	return !compare.Open(findings)
}

// estimate summarizes the changes so far.
func (s *session) estimate() string {
	const most = 4
	d, findings := s.findings(most)
	var parts []string
	for _, f := range findings {
		parts = append(parts, fmt.Sprintf("%s %s", f.Metric, change(f)))
	}
	if more := d.Tests - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}

// change is how much worse a finding is so far.
func change(f compare.Finding) string {
	unit := "%"
	if f.Scale == compare.Points {
		unit = "pp"
	}
	switch {
	case f.FromZero():
		return fmt.Sprintf("%g → %g %s", float64(f.BaseValue), float64(f.CandidateValue), f.Unit)
	case f.Estimate.None():
		return "not valid"
	}
	direction := "worse"
	if f.Estimate < 0 {
		direction = "better"
	}
	text := fmt.Sprintf("%.1f %s %s", 100*math.Abs(float64(f.Estimate)), unit, direction)
	if f.Pairs > 1 {
		text += fmt.Sprintf(" (noise %.1f)", 100*f.Noise)
	}
	return text
}

// conclude makes the report of the complete pairs.
func (s *session) conclude(invalid []string) *compare.Report {
	bad, remarked := remarks(s.disturbances)
	r := compare.Judge(s.Design, s.Policy, s.allSamples(), samplesOf(s.identical), slices.Concat(s.invalid, invalid, bad), slices.Concat(s.notes, remarked))
	describe(r, s.folder.Run)
	r.Time, r.Seed, r.Repeated = s.began, s.Seed, repeats(s.disturbances)
	r.Base = compare.Side{Name: s.Base, Commit: s.sides.BaseCommit}
	r.Candidate = compare.Side{Name: s.sides.CandidateName, Commit: s.sides.CandidateCommit}
	r.Took = time.Since(s.began).Seconds()
	if _, stages, _, err := result.Open(s.Out); err == nil { // without stages the report lacks shifts and limits only
		r.AddStages(stages)
	}
	return r
}

func highestPair(samples []compare.Sample) (n int) {
	for _, s := range samples {
		n = max(n, s.Pair)
	}
	return n
}
