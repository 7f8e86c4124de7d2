package compare

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/a628bb15/onhold/reports/compare/exact"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/series"
	"github.com/a628bb15/onhold/reports/units"
)

// Ruling is the outcome of a requirement on one stage.
type Ruling string

// The rulings.
const (
	Met       Ruling = "met"
	Missed    Ruling = "missed"
	Undecided Ruling = "inconclusive" // there are too few samples, or the value is not known
	NotJudged Ruling = "not judged"   // the stage is not valid, or there is none
)

// Judgement is a requirement judged on one stage.
type Judgement struct {
	Requirement Requirement
	Stage       string // in words; empty where the requirement applies to none
	Ruling      Ruling
	Measured    string // the value, or why there is none
	Thin        bool   // fewer than ten samples lie beyond the value
	Interval    string // that holds the true value with the confidence of [series.Confidence]; "" where there is none
	Close       bool   // the bound lies in the interval
}

// Judgements are requirements judged on stages.
type Judgements []Judgement

// Judge judges each requirement on every stage that it applies to. Repeats of a stage
// are merged first. A requirement that applies to no stage is not judged.
func (rs Requirements) Judge(stages []*result.Stage) Judgements {
	var js Judgements
	for _, r := range rs {
		var about []*result.Stage
		var settings []result.Settings
		for _, s := range stages {
			settings = append(settings, s.Settings)
			if r.About(s.Settings) {
				about = append(about, s)
			}
		}
		if len(about) == 0 {
			js = append(js, Judgement{Requirement: r, Ruling: NotJudged, Measured: r.nowhere(settings).Error()})
		}
		for _, repeats := range repeatsOf(about) {
			js = append(js, r.judge(repeats))
		}
	}
	return js
}

// repeatsOf groups stages that are repeats of one another, each with a trace of its
// own, in the order in which they first appear.
func repeatsOf(stages []*result.Stage) [][]*result.Stage {
	var groups [][]*result.Stage
	var keys []string
	for _, s := range stages {
		key := s.Settings.With(result.KeyRepeat, "").With(result.KeyTrace, "").String()
		i := slices.Index(keys, key)
		if i < 0 {
			i = len(keys)
			keys, groups = append(keys, key), append(groups, nil)
		}
		groups[i] = append(groups[i], s)
	}
	return groups
}

func (r Requirement) judge(repeats []*result.Stage) Judgement {
	s := result.Merge(repeats)
	j := Judgement{Requirement: r, Stage: stageWords(s, len(repeats))}
	m, known := result.MetricNamed(r.Metric)
	switch {
	case !known:
		j.Ruling, j.Measured = NotJudged, "there is no such metric"
		return j
	case !s.Valid():
		j.Ruling, j.Measured = NotJudged, "the stage is not valid"
		return j
	}
	got := m.Read(s)
	if got.Reason != "" {
		j.Ruling, j.Measured = Undecided, got.Reason
		return j
	}
	j.Ruling, j.Thin = Missed, got.Thin
	if r.holds(got.Value) {
		j.Ruling = Met
	}
	if j.Measured = got.Note; j.Measured == "" {
		j.Measured = r.write(m.Unit, got.Value)
	}
	if q, ok := units.ParsePercentile(r.Metric); ok {
		if i := series.Percentile(s, q); i.TooShort == "" {
			j.Interval, j.Close = i.String(), float64(i.Low) <= r.Bound && r.Bound <= float64(i.High)
		}
	}
	return j
}

// holds reports whether the value is as required. One that differs from the bound by
// rounding only is the bound. An unknown operator holds for no value.
func (r Requirement) holds(v float64) bool {
	if math.IsNaN(v) {
		return false
	}
	side := exact.Compare(v, r.Bound, 0)
	switch r.Op {
	case "<":
		return side < 0
	case "<=":
		return side <= 0
	case ">":
		return side > 0
	case ">=":
		return side >= 0
	}
	return false
}

// write writes a value to four digits, and to all where it would read as the bound
// and is not.
func (r Requirement) write(u units.Unit, v float64) string {
	text := u.Write(v, 4)
	if read, ok := u.Parse(text); ok && read == r.Bound && exact.Compare(v, r.Bound, 0) != 0 {
		return u.Write(v, 0)
	}
	return text
}

// stageWords names a stage: blocking, closed, 200 clients.
func stageWords(s *result.Stage, repeats int) string {
	words := []string{s.TargetName(), s.Load(), fmt.Sprintf("%d %s", s.Level(), result.LevelUnit(s.Load(), s.Level()))}
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	if repeats > 1 {
		words = append(words, fmt.Sprintf("%d repeats", repeats))
	}
	return strings.Join(words, ", ")
}

// sameSetting compares as text and, where both are durations, by their length: 0.2s
// is 200ms.
func sameSetting(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := time.ParseDuration(a)
	y, errY := time.ParseDuration(b)
	return errX == nil && errY == nil && x == y
}

// Count is how many judgements have that ruling.
func (js Judgements) Count(r Ruling) (n int) {
	for _, j := range js {
		if j.Ruling == r {
			n++
		}
	}
	return n
}

// ExitCode is the exit code of the judgements together.
func (js Judgements) ExitCode() int {
	switch {
	case js.Count(NotJudged) > 0:
		return ExitInvalid
	case js.Count(Missed) > 0:
		return ExitRegressed
	case js.Count(Undecided) > 0:
		return ExitInconclusive
	}
	return ExitFine
}

// Text writes a line for each judgement, and what the marks mean.
func (js Judgements) Text(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	thin, close := false, false
	for _, j := range js {
		cells := []string{string(j.Ruling), j.Requirement.String()}
		if j.Stage != "" {
			cells = append(cells, j.Stage)
		}
		measured := j.Measured
		if j.Thin {
			thin, measured = true, "~"+measured
		}
		switch {
		case j.Close:
			close, measured = true, fmt.Sprintf("%s (%s: too close to call)", measured, j.Interval)
		case j.Interval != "":
			measured += " (" + j.Interval + ")"
		}
		fmt.Fprintln(t, strings.Join(append(cells, measured), "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, legend := range []struct {
		shown bool
		text  string
	}{
		{thin, "~: fewer than ten samples lie beyond."},
		{close, fmt.Sprintf("too close to call: the bound lies in the interval of %s confidence. The measured value decides; a longer run may decide otherwise.", units.Percent(series.Confidence))},
	} {
		if legend.shown {
			if _, err := fmt.Fprintln(w, legend.text); err != nil {
				return err
			}
		}
	}
	return nil
}
