// Package capacity writes the answer of a search in every form that people and programs
// read: [Text] for a terminal, [StepSummary] and [Annotation] for a job, and [Files] for
// a folder.
package capacity

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/ci"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/table"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/search"
	"github.com/a628bb15/onhold/reports/units"
)

// Headline is the answer in one line.
func Headline(r *search.Record) string { return headline(r, r.Target) }

// Title is [Headline] with as much of the target's address as figures show.
func Title(r *search.Record) string { return headline(r, sweep.ShortName(r.Target, 60)) }

func headline(r *search.Record, target string) string {
	a := r.Answer
	at := func(level float64) string { return units.Int(int64(level)) }
	confidence := units.Percent(r.Confidence)
	switch {
	case a.Outcome == search.Changed:
		return fmt.Sprintf("%s: the capacity is unknown, as the server changed during the search", target)
	case a.Low > 0 && a.High > 0:
		middle := cmp.Or(min(max(math.Round(a.Estimate), a.Low), a.High), math.Round(math.Sqrt(a.Low*a.High)))
		return fmt.Sprintf("%s: %s %s (%s to %s, %s)", target, at(middle), unit(r), at(a.Low), at(a.High), confidence)
	case a.Low > 0:
		return fmt.Sprintf("%s: at least %s %s (%s)", target, at(a.Low), unit(r), confidence)
	case a.High > 0:
		return fmt.Sprintf("%s: below %s %s (%s)", target, at(a.High), unit(r), confidence)
	}
	return fmt.Sprintf("%s: the capacity is unknown, as no level was proven", target)
}

func unit(r *search.Record) string { return result.LevelUnit(string(r.Load.Model()), 2) }

// lasting is a duration to the second: 20 s, 1 min 20 s, 10 min.
func lasting(d time.Duration) string {
	d = d.Round(time.Second)
	minutes, rest := d/time.Minute, d%time.Minute
	return words.Join(" ", words.If(minutes > 0, fmt.Sprintf("%d min", minutes)), words.If(rest > 0 || minutes == 0, units.Duration(rest)))
}

// ExitCode is the exit code of an answer.
func ExitCode(r *search.Record) int {
	a := r.Answer
	switch {
	case r.Note != "":
		return compare.ExitInvalid
	case a.Outcome == search.Changed || a.Outcome == search.Running:
		return compare.ExitInconclusive
	case r.AtLeast > 0 && a.Low >= r.AtLeast:
		return compare.ExitFine
	case r.AtLeast > 0 && a.High > 0 && a.High <= r.AtLeast, a.Outcome == search.Below && a.High <= r.Low:
		return compare.ExitRegressed
	case a.Outcome == search.Limited:
		return compare.ExitInvalid
	case r.AtLeast > 0 || a.Outcome == search.Wide || a.Outcome == search.Above || a.Outcome == search.Below:
		return compare.ExitInconclusive
	}
	return compare.ExitFine
}

// Why says in a sentence what the answer means, and what to do.
func Why(r *search.Record) string {
	a := r.Answer
	low, high := units.Int(int64(r.Low)), units.Int(int64(r.High))
	switch {
	case r.Note != "":
		return r.Note
	case a.Outcome == search.Changed:
		return changed(r)
	case r.AtLeast > 0 && a.Low >= r.AtLeast:
		return fmt.Sprintf("the capacity is at least the required %s", units.Int(int64(r.AtLeast)))
	case r.AtLeast > 0 && a.High > 0 && a.High <= r.AtLeast:
		return fmt.Sprintf("the capacity is below the required %s: %s is missed first", units.Int(int64(r.AtLeast)), binding(r))
	case a.Outcome == search.Found:
		return "the requirement " + binding(r) + " is missed first"
	case a.Outcome == search.Below && a.High > r.Low:
		return fmt.Sprintf("the lowest level, %s, is too near to the limit to decide about: search lower levels", low)
	case a.Outcome == search.Below:
		return fmt.Sprintf("the lowest level, %s, misses %s: search lower levels", low, binding(r))
	case a.Outcome == search.Above && a.Low < r.High:
		return fmt.Sprintf("the highest level, %s, is too near to the limit to decide about: search higher levels", high)
	case a.Outcome == search.Above:
		return fmt.Sprintf("the highest level, %s, meets the requirements: search higher levels", high)
	case a.Outcome == search.Limited:
		return limited(r)
	case a.Outcome == search.Wide && a.Missing > 0 && a.Missing < 20*r.Budget: // beyond that, it is a guess
		return fmt.Sprintf("the budget of %s ended the search before the precision of %s was reached; about %s more would reach it", lasting(r.Budget), units.Percent(r.Precision), lasting(a.Missing))
	case a.Outcome == search.Wide:
		return fmt.Sprintf("the budget of %s ended the search; raise it, ask for less precision, or search a machine with less noise", lasting(r.Budget))
	}
	return "the search was interrupted"
}

// binding is the requirement that is missed first.
func binding(r *search.Record) string {
	if i := r.Answer.Binding; i >= 0 && i < len(r.Limits) {
		return r.Limits[i].Name
	}
	return "a requirement"
}

// changed names the readings that contradict each other.
func changed(r *search.Record) string {
	const advice = ": the server changed; let it warm up, or look for a leak"
	reading := func(i int) (level, bad string, at time.Duration) {
		v := r.Visits[i]
		for _, earlier := range r.Visits[:i] {
			at += earlier.Took
		}
		return units.Int(int64(v.Level)), units.Percent(share(v.Batches, r.Answer.Binding)), at
	}
	switch at := r.Answer.Changed; len(at) {
	case 1:
		level, bad, _ := reading(at[0])
		return fmt.Sprintf("level %s was proven to meet the requirements with %s bad, and misses them at the end with %s"+advice, level, before(r), bad)
	case 2:
		level, bad, then := reading(at[0])
		level2, bad2, later := reading(at[1])
		return fmt.Sprintf("level %s had %s bad after %s, and level %s had %s after %s"+advice, level, bad, lasting(then), level2, bad2, lasting(later))
	}
	return fmt.Sprintf("level %s was proven to meet the requirements and level %s to miss one"+advice, units.Int(int64(r.Answer.Low)), units.Int(int64(r.Answer.High)))
}

// before is the bad share of the highest level that meets, without the last check.
func before(r *search.Record) string {
	for _, l := range r.Answer.Levels {
		if l.Level == r.Answer.Low {
			return units.Percent(float64(l.Bad[r.Answer.Binding]) / float64(max(l.N, 1)))
		}
	}
	return "none"
}

func share(batches []search.Batch, limit int) float64 {
	var n, bad int64
	for _, b := range batches {
		n, bad = n+b.N, bad+b.Bad[limit]
	}
	return float64(bad) / float64(max(n, 1))
}

// limited names the level that could not be measured, and why: the generator, or the
// machine.
func limited(r *search.Record) string {
	for i := len(r.Visits) - 1; i >= 0; i-- {
		if v := r.Visits[i]; v.Limited != "" {
			return fmt.Sprintf("level %s cannot be measured here, so the limit of the server is unknown: %s", units.Int(int64(v.Level)), v.Limited)
		}
	}
	return "higher levels cannot be measured here"
}

// Progress is a visit in one line, with what is known after it.
func Progress(r *search.Record, v search.Visit) string {
	a := r.Answer
	known := units.Int(int64(a.Low)) + " to "
	if a.High > 0 {
		known += units.Int(int64(a.High))
	} else {
		known += "?"
	}
	what := "NOT VALID: " + v.Limited
	for _, l := range a.Levels {
		if l.Level == v.Level && v.Limited == "" {
			i := worst(r, l)
			what = words.If(l.Outrun, "arrivals outrun replies, ") + fmt.Sprintf("%s bad (%s to %s), %s", units.Percent(float64(l.Bad[i])/float64(max(l.N, 1))), units.Percent(l.Lower[i]), units.Percent(l.Upper[i]), l.Verdict)
		}
	}
	var open []string
	for _, level := range a.Reopened {
		open = append(open, units.Int(int64(level)))
	}
	if len(open) > 0 {
		known += " (" + strings.Join(open, ", ") + " undecided again: bad arrivals come in longer clusters than was known)"
	}
	return fmt.Sprintf("%7s %s, %s: %s; capacity %s; %s of %s", units.Int(int64(v.Level)), unit(r), units.Duration(v.Length), what, known, lasting(a.Spent), lasting(r.Budget))
}

// worst is the limit that a level comes closest to, or exceeds the most.
func worst(r *search.Record, l search.Level) (at int) {
	for i := range l.Bad {
		if float64(l.Bad[i])/r.Limits[i].Share > float64(l.Bad[at])/r.Limits[at].Share {
			at = i
		}
	}
	return at
}

func levels(r *search.Record) *table.Table {
	t := table.New(table.Numbers("Verdict", "Level", "Measured", "Arrivals", "Bad", "From", "To", "Requirement")...)
	for _, l := range r.Answer.Levels {
		i := worst(r, l)
		t.Row(string(l.Verdict), units.Int(int64(l.Level)), units.Duration(l.Length), units.Int(l.N),
			units.Percent(float64(l.Bad[i])/float64(max(l.N, 1))), units.Percent(l.Lower[i]), units.Percent(l.Upper[i]), r.Limits[i].Name)
	}
	return t
}

// asked is what was searched for.
func asked(r *search.Record) string {
	var names []string
	for _, l := range r.Limits {
		names = append(names, l.Name)
	}
	return fmt.Sprintf("%s, %s to %s %s, in %s", strings.Join(names, ", "), units.Int(int64(r.Low)), units.Int(int64(r.High)), unit(r), lasting(r.Answer.Spent))
}

// Asked is the first latency that was required; nil where it was none.
func Asked(r *search.Record) *sweep.Asked {
	for _, l := range r.Limits {
		required, err := compare.ParseRequirements(l.Name)
		if err != nil {
			continue
		}
		rest, adjusted := strings.CutPrefix(required[0].Metric, "adjusted-")
		if q, ok := units.ParsePercentile(rest); ok {
			return &sweep.Asked{Percentile: units.Percentile(q), Adjusted: adjusted, Most: time.Duration(required[0].Bound)}
		}
	}
	return nil
}

// Text is the answer for a terminal.
func Text(r *search.Record) string {
	return fmt.Sprintf("%s\n%s (%s)\n%s\n%s", Headline(r), words.UpperFirst(strings.TrimSuffix(Why(r), ".")), asked(r), words.If(r.Limit != nil, limit(r)+"\n"), levels(r))
}

// StepSummary is the answer in Markdown.
func StepSummary(r *search.Record) string {
	return fmt.Sprintf("# Capacity of %s\n\n%s (%s)\n\n%s\n", escape.Markdown(Headline(r)), escape.Markdown(words.UpperFirst(strings.TrimSuffix(Why(r), "."))), escape.Markdown(asked(r)), words.If(r.Limit != nil, escape.Markdown(limit(r))+"\n\n")+levels(r).Markdown())
}

// Annotation is the answer as a workflow command of GitHub.
func Annotation(r *search.Record) string {
	kind := map[int]string{compare.ExitFine: "notice", compare.ExitInconclusive: "warning"}[ExitCode(r)]
	return ci.Annotation(cmp.Or(kind, "error"), "capacity", Headline(r), Why(r))
}

func junit(r *search.Record) string {
	k := ci.Case{Class: r.Target, Name: "capacity", Message: Headline(r), Type: string(r.Answer.Outcome), Text: Why(r), Out: Text(r)}
	if r.AtLeast > 0 {
		k.Name = fmt.Sprintf("capacity of at least %.0f", r.AtLeast)
	}
	switch ExitCode(r) {
	case compare.ExitRegressed:
		k.Outcome = "failure"
	case compare.ExitInvalid:
		k.Outcome = "error"
	case compare.ExitInconclusive:
		k.Outcome, k.Text = "skipped", k.Message+"; "+k.Text
	}
	s := ci.Suite{Name: "onhold find", Cases: []ci.Case{k}, Took: r.Answer.Spent, Time: r.Started.Add(r.Answer.Spent)}
	return s.JUnit()
}

// Files are find.png, find.svg and junit.xml of a search, whose stages are in points, one
// for each level.
func Files(r *search.Record, points []sweep.Point) ([]sweep.File, error) {
	made, err := figure.Files(levelsFigure(r, points), "find", canvas.DPI)
	return append(made, sweep.File{Name: "junit.xml", Data: []byte(junit(r))}), err
}
