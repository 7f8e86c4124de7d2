package conformance

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/theory"
	"github.com/a628bb15/onhold/reports/trace"
)

func spec(law string, workers, places, rate int) Spec {
	set := theory.Setting{Load: load.Load{Rate: float64(rate)}, Workers: workers, Queue: places, ServiceTime: 20 * time.Millisecond, ServiceLaw: theory.Law{Kind: law}}
	return Spec{Name: "test", Setting: set, Judged: []string{Rejected}}
}

func played(t testing.TB, s Spec, length time.Duration, seed uint64) *trace.Trace {
	t.Helper()
	tr, err := s.Play(length, seed)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func compared(t testing.TB, tr *trace.Trace) *Decisions {
	t.Helper()
	f, err := CompareDecisions(tr)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// jittery is the trace of a server whose workers take a while to come back for
// the next: the one that is there first takes the oldest, or with lifo the
// newest. wrong says whether it decides wrongly with so many inside.
func jittery(s Spec, n int, way time.Duration, lifo bool, wrong func(i, inside int) bool) *trace.Trace {
	r := rand.New(rand.NewPCG(7, 7))
	service := s.ServiceLaw.Sampler(r)
	t := &trace.Trace{Header: trace.Header{Style: "jittery", Workers: s.Workers, Queue: s.Queue, ClockResolution: 1}}
	ready, done := make([]time.Duration, s.Workers), []time.Duration{}
	var waiting []int
	// take lets workers take what waits until t.
	take := func(until time.Duration) {
		for len(waiting) > 0 {
			w := slices.Index(ready, slices.Min(ready))
			k := 0
			if lifo {
				k = len(waiting) - 1
			}
			i := waiting[k]
			start := max(t.Records[i].At, ready[w])
			if start > until {
				return
			}
			waiting = slices.Delete(waiting, k, k+1)
			rec := &t.Records[i]
			rec.Started, rec.Done, rec.Worker = start, start+max(1, time.Duration(service()*float64(s.ServiceTime))), int32(w)
			for slices.Contains(done, rec.Done) {
				rec.Done++
			}
			done = append(done, rec.Done)
			ready[w] = rec.Done + time.Duration(r.ExpFloat64()*float64(way))
		}
	}
	var at time.Duration
	for range n {
		at += time.Duration(r.ExpFloat64()/s.Load.Rate*1e9) + 1
		take(at)
		done = slices.DeleteFunc(done, func(d time.Duration) bool { return d < at })
		inside := len(done) + len(waiting)
		accepted := inside < s.Workers+s.Queue
		if wrong != nil && wrong(len(t.Records), inside) {
			accepted = !accepted
		}
		t.Records = append(t.Records, trace.Record{At: at, Accepted: accepted})
		if t.Records[len(t.Records)-1].Accepted {
			waiting = append(waiting, len(t.Records)-1)
		}
	}
	take(1 << 62)
	return t
}

func TestAnIdealServerDecidesAsTheQueue(t *testing.T) {
	for _, s := range Grid(false) {
		f := compared(t, played(t, s, 2*time.Second, 3))
		if f.Requests == 0 || f.Equal() != f.Requests || f.Unexplained() != 0 || f.OutOfOrder != 0 || f.DispatchMax != 0 {
			t.Errorf("%s: %+v", s.Name, f)
		}
	}
}

// However late workers come back, the queue takes that as they do. Where they take
// requests out of order it decides otherwise, and that explains it.
func TestLateWorkersExplainWhatDiffers(t *testing.T) {
	for _, law := range []string{theory.Constant, theory.Exponential} {
		for _, lifo := range []bool{false, true} {
			f := compared(t, jittery(spec(law, 10, 5, 650), 20_000, time.Millisecond, lifo, nil))
			if f.Unexplained() != 0 || len(f.Admission) != 0 || !lifo && len(f.Replay) > 0 || f.DispatchMax < time.Millisecond {
				t.Errorf("%s, last first %v: %d differ, %d unexplained, admission %v, dispatch up to %v", law, lifo, len(f.Replay), f.Unexplained(), f.Admission, f.DispatchMax)
			}
			if lifo && law == theory.Exponential && len(f.Replay) == 0 {
				t.Error("nothing differs: this tests nothing")
			}
			for _, d := range f.Replay {
				if d.Cause == 0 || d.Cause >= d.Number || d.Slack > max(f.Tie, d.Dispatch) {
					t.Errorf("%s: %+v", law, d)
				}
			}
		}
	}
}

// sleepy is the trace of a server that hands a request to the worker that has waited
// longest, which then takes a while to wake: those that come later overtake it.
func sleepy(s Spec, n int, sleep time.Duration) *trace.Trace {
	r := rand.New(rand.NewPCG(5, 5))
	service := s.ServiceLaw.Sampler(r)
	t := &trace.Trace{Header: trace.Header{Style: "sleepy", Workers: s.Workers, Queue: s.Queue, ClockResolution: 1}}
	idle, busy, waiting := []int{}, []int{}, []int{} // workers; requests at workers, and waiting
	for w := range s.Workers {
		idle = append(idle, w)
	}
	begin := func(i, worker int, at time.Duration) {
		rec := &t.Records[i]
		rec.Started, rec.Worker = at, int32(worker)
		rec.Done = at + 1 + time.Duration(service()*float64(s.ServiceTime))
		busy = append(busy, i)
		slices.SortFunc(busy, func(a, b int) int { return int(t.Records[a].Done - t.Records[b].Done) })
	}
	// leave lets those leave that are done by t.
	leave := func(until time.Duration) {
		for len(busy) > 0 && t.Records[busy[0]].Done < until {
			rec := t.Records[busy[0]]
			busy = busy[1:]
			if len(waiting) == 0 {
				idle = append(idle, int(rec.Worker))
				continue
			}
			begin(waiting[0], int(rec.Worker), rec.Done)
			waiting = waiting[1:]
		}
	}
	var at time.Duration
	for i := range n {
		at += time.Duration(r.ExpFloat64()/s.Load.Rate*1e9) + 1
		leave(at)
		t.Records = append(t.Records, trace.Record{At: at, Accepted: len(busy)+len(waiting) < s.Workers+s.Queue})
		switch {
		case !t.Records[i].Accepted:
		case len(idle) > 0:
			begin(i, idle[0], at+time.Duration(r.ExpFloat64()*float64(sleep)))
			idle = idle[1:]
		default:
			waiting = append(waiting, i)
		}
	}
	leave(1 << 62)
	return t
}

func TestSleepExplainsWhatDiffers(t *testing.T) {
	for _, law := range []string{theory.Constant, theory.Exponential} {
		for _, places := range []int{0, 5} {
			f := compared(t, sleepy(spec(law, 10, places, 500), 20_000, 3*time.Millisecond))
			if f.Unexplained() != 0 || f.OutOfOrder < 100 || len(f.Replay) == 0 {
				t.Errorf("%s, %d places: %d differ, %d unexplained, %d out of order", law, places, len(f.Replay), f.Unexplained(), f.OutOfOrder)
			}
		}
	}
}

// A worker that never takes a request is not late but missing, which explains nothing.
func TestAMissingWorkerIsNoCause(t *testing.T) {
	for _, law := range []string{theory.Constant, theory.Exponential} {
		tr := jittery(spec(law, 9, 6, 500), 5_000, 0, false, nil)
		tr.Workers, tr.Queue = 10, 5
		if f := compared(t, tr); f.Unexplained() < 100 || len(f.Admission) > 0 || f.DispatchMax > 0 {
			t.Errorf("%s: %d unexplained, admission %v, dispatch up to %v", law, f.Unexplained(), f.Admission, f.DispatchMax)
		}
	}
}

// Who is served first has no part in who is let in, as long as all take the same.
func TestOutOfOrderIsCounted(t *testing.T) {
	f := compared(t, jittery(spec(theory.Constant, 10, 10, 700), 5_000, 0, true, nil))
	if f.OutOfOrder < 100 || f.OutOfOrderMax < 5*time.Millisecond || len(f.Admission) > 0 {
		t.Errorf("%d out of order, by up to %v", f.OutOfOrder, f.OutOfOrderMax)
	}
}

// Every wrong decision of a server that is right otherwise is named, and nothing
// else: the queue goes on from what was, and one fault does not make more.
func TestEveryInjectedDecisionIsNamed(t *testing.T) {
	const limit = 15
	for _, c := range []struct {
		name  string
		wrong func(inside int) bool
	}{
		{"rejected while there is room", func(inside int) bool { return inside < limit-5 }},
		{"rejected from the last place but one", func(inside int) bool { return inside == limit-2 }},
		{"let in while there is none", func(inside int) bool { return inside == limit }},
	} {
		for _, law := range []string{theory.Constant, theory.Exponential} {
			var injected []int
			tr := jittery(spec(law, 10, 5, 650), 4000, 0, false, func(i, inside int) bool {
				if wrong := c.wrong(inside) && i > 200*(len(injected)+1); !wrong {
					return false
				}
				injected = append(injected, i+1)
				return true
			})
			f := compared(t, tr)
			numbers := func(ds []Difference) (out []int) {
				for _, d := range ds {
					out = append(out, d.Number)
				}
				return out
			}
			if len(injected) < 8 || !slices.Equal(numbers(f.Admission), injected) || !slices.Equal(numbers(f.Replay), injected) {
				t.Errorf("%s, %s: injected %v; the admission names %v, the replay %v", c.name, law, injected, numbers(f.Admission), numbers(f.Replay))
			}
			if f.Unexplained() != len(injected) {
				t.Errorf("%s, %s: %d injected, %d unexplained: %+v", c.name, law, len(injected), f.Unexplained(), f.Replay)
			}
		}
	}
}

func TestOpenAndUnfinishedTraces(t *testing.T) {
	tr := played(t, spec(theory.Exponential, 3, 2, 300), time.Second, 1)
	last := tr.Records[len(tr.Records)-1].At
	for i := range tr.Records {
		if r := &tr.Records[i]; r.Done > last {
			r.Started, r.Done, r.Worker = 0, 0, 0
		}
	}
	tr.LeftOut = 9
	f := compared(t, tr)
	if len(f.Admission) > 0 || f.Unexplained() > 0 || len(f.Warnings) != 1 {
		t.Errorf("%+v", f)
	}
	if f := compared(t, &trace.Trace{Header: trace.Header{Workers: 1}}); f.Requests != 0 || f.EqualShare() != 1 || f.Unexplained() != 0 {
		t.Errorf("an empty trace: %+v", f)
	}
	if _, err := CompareDecisions(&trace.Trace{}); err == nil {
		t.Error("no workers are no error")
	}
}

func TestTotal(t *testing.T) {
	a, b := &Decisions{Requests: 10, Admission: []Difference{{}}, OutOfOrder: 1, Tie: 3}, &Decisions{Requests: 5, Replay: []Difference{{Explained: true}}, Tie: 2}
	if f := Total([]*Decisions{a, nil, b}); f.Requests != 15 || f.Unexplained() != 1 || f.Equal() != 14 || f.Tie != 3 {
		t.Errorf("%+v", f)
	}
}

// Whatever is in a file, a replay ends, and its counts add up.
func FuzzCompareDecisions(f *testing.F) {
	for _, s := range []Spec{spec(theory.Exponential, 3, 2, 300), spec(theory.Constant, 2, 0, 200)} {
		for _, tr := range []*trace.Trace{played(f, s, 200*time.Millisecond, 1), jittery(s, 40, time.Millisecond, true, nil)} {
			var b bytes.Buffer
			if err := trace.Write(&b, tr); err != nil {
				f.Fatal(err)
			}
			f.Add(b.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tr, err := trace.Read(bytes.NewReader(data))
		if err != nil || tr.Workers > 1000 || tr.Queue > 1000 {
			return
		}
		got, err := CompareDecisions(tr)
		if err != nil {
			return
		}
		if got.Requests != len(tr.Records) || got.Equal() < 0 || got.Unexplained() > len(got.Admission)+len(got.Replay) {
			t.Errorf("%d records: %+v", len(tr.Records), got)
		}
	})
}
