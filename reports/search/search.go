// Package search finds a capacity: the highest level of load at which every limit
// holds in the long run. It knows no clock and no server, so a search can be simulated,
// and decided again from its record:
//
//	s := search.New(config)
//	for v, ok := s.Next(); ok; v, ok = s.Next() {
//		v.Batches = … // measure v.Level for v.Length, or until s.Enough(v)
//		s.Add(v)
//	}
//	answer := s.Answer()
//
// Each limit is about a share of the arrivals, so every level asks one kind of question
// (decide.go). Levels are chosen by regression, and the two ends of the answer are
// proven on what was counted at these levels themselves (next.go).
package search

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Limit is one requirement: fewer than Share of the arrivals are bad.
type Limit struct {
	Name  string  `json:"name"`
	Share float64 `json:"share"`
}

// Config is what is searched for. Levels are whole numbers.
type Config struct {
	Low        float64       `json:"low"`            // the lowest level of the range
	High       float64       `json:"high"`           // the highest
	First      float64       `json:"first,omitzero"` // the level to begin with; 0: the lowest
	Limits     []Limit       `json:"limits"`
	Precision  float64       `json:"precision"`         // how far the two ends may lie apart, as a share of the lower
	Confidence float64       `json:"confidence"`        // that the capacity lies between the ends
	Budget     time.Duration `json:"budget_ns"`         // for the complete search
	AtLeast    float64       `json:"at_least,omitzero"` // the search ends once this level is decided; 0: none
	Closed     bool          `json:"closed,omitzero"`   // levels are clients; else, arrivals per second
}

// Batch is a part of a visit: how many arrivals there were, and by each limit how many
// were bad, and how many nearly so. Those show clusters before any arrival is bad.
type Batch struct {
	N     int64   `json:"arrivals"`
	Ended int64   `json:"ended,omitzero"` // of the arrivals of the visit, those that ended in this time; 0: not known
	Bad   []int64 `json:"bad"`
	Near  []int64 `json:"near"` // latency above half of the limit; 0 where that has no meaning
}

// Add adds what another batch counted.
func (b *Batch) Add(o Batch) {
	b.N, b.Ended = b.N+o.N, b.Ended+o.Ended
	for i := range b.Bad {
		b.Bad[i] += o.Bad[i]
		b.Near[i] += o.Near[i]
	}
}

// Visit is one measurement of a level.
type Visit struct {
	Level   float64       `json:"level"`
	Length  time.Duration `json:"length_ns"`         // of the measured window
	Took    time.Duration `json:"took_ns"`           // with warm-up and drain
	Check   bool          `json:"check,omitzero"`    // of a level that was proven before
	Limited string        `json:"limited,omitzero"`  // why it says nothing of the server: the generator was the limit
	Batches []Batch       `json:"batches,omitempty"` // of about a second each
	Verdict Verdict       `json:"verdict,omitempty"` // of its level after the visit
}

// Verdict is what is known of a level.
type Verdict string

// The verdicts.
const (
	Undecided Verdict = "undecided"
	Meets     Verdict = "meets"
	Misses    Verdict = "misses"
)

// Outcome is how a search ended.
type Outcome string

// The outcomes.
const (
	Running Outcome = "running" // it has not ended, or was interrupted
	Found   Outcome = "found"   // the ends are as close as the precision asks
	Wide    Outcome = "wide"    // the budget ended it before
	Below   Outcome = "below"   // the lowest level misses
	Above   Outcome = "above"   // the highest level meets
	Changed Outcome = "changed" // the server changed during the search
	Limited Outcome = "limited" // the generator was the limit
)

// Answer is what is known.
type Answer struct {
	Outcome  Outcome       `json:"outcome"`
	Low      float64       `json:"low"`                 // the highest level proven to meet the limits; 0: none
	High     float64       `json:"high"`                // the lowest level proven to miss one; 0: none
	Estimate float64       `json:"estimate"`            // by regression; 0: none
	Binding  int           `json:"binding"`             // which of the limits is missed first
	Missing  time.Duration `json:"missing_ns,omitzero"` // about how much longer the asked precision would take
	Spent    time.Duration `json:"spent_ns"`
	Changed  []int         `json:"changed,omitempty"` // the last check, which a proven level failed, or two visits that contradict each other
	Levels   []Level       `json:"levels"`            // rising
	Reopened []float64     `json:"-"`                 // levels whose verdict the last visit took back
}

// Level is what was counted at a level, over all of its visits.
type Level struct {
	Level   float64       `json:"level"`
	Length  time.Duration `json:"length_ns"`
	N       int64         `json:"arrivals"`
	Bad     []int64       `json:"bad"`
	Lower   []float64     `json:"lower"` // bounds of the bad share, by each limit, as the verdict uses them
	Upper   []float64     `json:"upper"`
	Outrun  bool          `json:"outrun,omitzero"` // arrivals outran their ends: requests in flight grew all the time
	Verdict Verdict       `json:"verdict"`
}

// level is a level that was visited.
type level struct {
	at      float64
	length  time.Duration
	looks   int
	batches []Batch
	last    []Batch // those of its last visit
	verdict Verdict
}

// total sums up what count counts.
func total(batches []Batch, count func(Batch) int64) (n, k int64) {
	for _, b := range batches {
		n, k = n+b.N, k+count(b)
	}
	return n, k
}

func bad(limit int) func(Batch) int64  { return func(b Batch) int64 { return b.Bad[limit] } }
func near(limit int) func(Batch) int64 { return func(b Batch) int64 { return b.Near[limit] } }

// Search is a search under way.
type Search struct {
	Config
	levels     []*level // rising
	visits     []Visit
	spent      time.Duration
	limited    map[float64]int   // by level, how often the generator was its limit
	inflations map[place]float64 // as the levels are
	checked    bool
	changed    []int     // see [Answer.Changed]
	reopened   []float64 // see [Answer.Reopened]
	outcome    Outcome
}

// New begins a search.
func New(c Config) *Search {
	return &Search{Config: c, limited: map[float64]int{}, inflations: map[place]float64{}, outcome: Running}
}

// Replay is the search as its visits left it.
func Replay(c Config, visits []Visit) *Search {
	s := New(c)
	for _, v := range visits {
		s.Next()
		s.Add(v)
	}
	s.Next()
	return s
}

// find is a level, which is new where it was not visited yet.
func (s *Search) find(at float64) *level {
	for _, l := range s.levels {
		if l.at == at {
			return l
		}
	}
	return &level{at: at, verdict: Undecided}
}

// Add takes a visit, decides about its level unless that is decided, and returns the
// verdict. Levels that were decided before are open again where the visit raises doubts.
func (s *Search) Add(v Visit) Verdict {
	s.spent += v.Took
	s.visits = append(s.visits, v)
	s.reopened = nil
	if v.Limited != "" {
		s.limited[v.Level]++
		return Undecided
	}
	if v.Check {
		s.checked = true
		if s.judge(&level{at: v.Level, length: firstLook, batches: v.Batches, last: v.Batches}, s.alpha()) == Misses {
			s.changed = []int{len(s.visits) - 1}
		}
		return s.find(v.Level).verdict
	}
	if s.changed == nil {
		s.changed = s.contradiction()
	}
	l := s.find(v.Level)
	if l.looks == 0 {
		s.levels = append(s.levels, l)
		slices.SortFunc(s.levels, func(a, b *level) int { return cmp.Compare(a.at, b.at) })
	}
	l.looks++
	l.length += v.Length
	l.last = v.Batches
	l.batches = append(l.batches, v.Batches...)
	clear(s.inflations)
	if l.verdict == Undecided {
		l.verdict = s.judge(l, s.alpha())
	}
	for _, o := range s.levels {
		if o != l && o.verdict != Undecided && s.judge(o, doubt) == Undecided {
			o.verdict = Undecided
			s.reopened = append(s.reopened, o.at)
		}
	}
	return l.verdict
}

// proven are the highest level that meets and the lowest that misses; 0 and infinite
// where there is none.
func (s *Search) proven() (meets, misses float64) {
	misses = math.Inf(1)
	for _, l := range s.levels {
		switch l.verdict {
		case Meets:
			meets = l.at
		case Misses:
			misses = min(misses, l.at)
		}
	}
	return meets, misses
}

// Answer is what is known so far.
func (s *Search) Answer() Answer {
	a := Answer{Outcome: s.outcome, Spent: s.spent, Changed: s.changed, Reopened: s.reopened}
	meets, misses := s.proven()
	a.Low = meets
	if !math.IsInf(misses, 1) {
		a.High = misses
	}
	for _, l := range s.levels {
		r := Level{Level: l.at, Length: l.length, Verdict: l.verdict, Outrun: s.outrun(l.last)}
		for i := range s.Limits {
			var b int64
			r.N, b = total(l.batches, bad(i))
			lower, upper := bounds(b, r.N, s.inflation(i, l.at), s.alpha())
			r.Bad, r.Lower, r.Upper = append(r.Bad, b), append(r.Lower, lower), append(r.Upper, upper)
		}
		a.Levels = append(a.Levels, r)
	}
	if good, bad := s.looks(); good > 0 && !math.IsInf(bad, 1) {
		e, binding := s.estimate(good, bad)
		a.Estimate, a.Binding = math.Exp(e.at), binding
		if s.outcome == Wide {
			a.Missing = time.Duration(min(s.cheapest(e, binding, steps).seconds, 1e8) * perSecond * float64(time.Second))
		}
	}
	return a
}
