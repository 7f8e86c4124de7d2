package trace_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/a628bb15/onhold/reports/trace"
)

// gate is one for so many at once. Its caller sees to it that calls do not
// overlap, which the race detector checks of the log.
type gate struct{ limit, inside int }

func (g *gate) Enter() bool {
	if g.inside >= g.limit {
		return false
	}
	g.inside++
	return true
}

func (g *gate) Leave() { g.inside-- }

var header = trace.Header{Style: "blocking", Workers: 2, Queue: 1, Started: time.Date(2026, 5, 1, 10, 0, 0, 7, time.UTC), ClockResolution: 30}

// small is a trace of every kind of record.
func small() *trace.Trace {
	return &trace.Trace{Header: header, LeftOut: 7, Records: []trace.Record{
		{At: 0, Started: 10, Done: 100, Worker: 1, Accepted: true},
		{At: 5, Started: 12, Done: 90, Worker: 0, Accepted: true},
		{At: 6, Started: 105, Done: 1 << 40, Worker: 1, Accepted: true},
		{At: 7},
		{At: 110, Started: 110, Done: 120, Worker: trace.NoWorker, Accepted: true},
		{At: 115, Accepted: true},
	}}
}

func written(t testing.TB, tr *trace.Trace) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := trace.Write(&b, tr); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// encoded is records as a file has them, also those that Write refuses.
func encoded(t testing.TB, records ...trace.Record) string {
	t.Helper()
	b, err := binary.Append(nil, binary.LittleEndian, records)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	for _, want := range []*trace.Trace{small(), {Header: header}} {
		got, err := trace.Read(iotest.OneByteReader(bytes.NewReader(written(t, want))))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

// Wherever the file is cut, it is reported, and what was whole before is there.
func TestACutFileIsTold(t *testing.T) {
	whole := small()
	b := written(t, whole)
	begin := bytes.Index(b, []byte("}\n")) + 2 // of the records
	most := 0
	for n := range b {
		tr, err := trace.Read(bytes.NewReader(b[:n]))
		if n < begin {
			if err == nil {
				t.Errorf("cut to %d bytes, within the header: no error", n)
			}
			continue
		}
		if err != nil || !strings.Contains(tr.Damage, "ends before its end mark") || len(tr.Warnings()) != 1 {
			t.Fatalf("cut to %d of %d bytes: %v, %+v", n, len(b), err, tr)
		}
		if got := tr.Records; len(got) < most || !slices.Equal(got, whole.Records[:len(got)]) {
			t.Errorf("cut to %d bytes the records are %+v", n, got)
		}
		most = len(tr.Records)
	}
	if most != len(whole.Records) {
		t.Errorf("with nothing but its end mark cut the file has %d records, want %d", most, len(whole.Records))
	}
}

func TestWhatIsNoTrace(t *testing.T) {
	head := string(written(t, &trace.Trace{Header: header}))
	head = head[:strings.Index(head, "}\n")+2]
	for _, row := range []struct{ what, file, want string }{
		{"nothing", "", "did not end cleanly"},
		{"something else", "{\"schema\":1}\n", `does not begin with "onhold-trace 2"`},
		{"something long", strings.Repeat("x", 1<<20), "does not begin"},
		{"another version", strings.Replace(head, " 2 ", " 3 ", 1), `its version is "3"`},
		{"half a header", head[:40], "ends within the header"},
		{"a long header", "onhold-trace 2 " + strings.Repeat(" ", 1<<20), "longer than"},
		{"no JSON", "onhold-trace 2 workers=1\n", "the header: invalid"},
		{"no workers", "onhold-trace 2 {}\n", "workers is 0"},
	} {
		t.Run(row.what, func(t *testing.T) {
			if _, err := trace.Read(strings.NewReader(row.file)); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v, want %q", err, row.want)
			}
		})
	}
	const end = -1
	for _, row := range []struct {
		what    string
		records []trace.Record
		want    string
	}{
		{"the same instant again", []trace.Record{{At: 1}, {At: 1}}, "record 2: it is not later"},
		{"a negative instant", []trace.Record{{At: -2}}, "record 1: it is not later"},
		{"a worker too many", []trace.Record{{At: 0, Started: 1, Done: 2, Worker: 2, Accepted: true}}, "record 1: its worker is 2 of 2"},
		{"done before it began", []trace.Record{{At: 2, Started: 3, Done: 1, Accepted: true}}, "record 1: its instants are out of order"},
		{"counts that differ", []trace.Record{{At: 0, Accepted: true}, {At: end, Started: 2}}, "the end mark: it counts 2 requests, but 1 were there"},
		{"fewer than none left out", []trace.Record{{At: end, Done: -1}}, "the end mark: it counts"},
		{"more behind the end", []trace.Record{{At: 0}, {At: end, Started: 1}, {At: 5}}, "the end mark: there is more behind it"},
	} {
		t.Run(row.what, func(t *testing.T) {
			tr, err := trace.Read(strings.NewReader(head + encoded(t, row.records...)))
			if err != nil || !strings.Contains(tr.Damage, row.want) || len(tr.Warnings()) == 0 {
				t.Errorf("%v, %+v, want %q", err, tr, row.want)
			}
		})
	}
	broken := errors.New("the disk is gone")
	if _, err := trace.Read(io.MultiReader(strings.NewReader(head+encoded(t, trace.Record{At: 1})+"x"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("a read error came back as %v", err)
	}
	empty := filepath.Join(t.TempDir(), "empty.trace")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := trace.ReadFile(empty); err == nil || !strings.Contains(err.Error(), empty) {
		t.Errorf("the error does not name the file: %v", err)
	}
	if _, err := trace.ReadFile(empty + ".not"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// What could not be read again is not written.
func TestWriteRefusesWhatCannotBe(t *testing.T) {
	for _, r := range []trace.Record{
		{At: -1},
		{At: 5, Started: 6},
		{At: 5, Started: 6, Done: 7},
		{At: 5, Started: 4, Done: 7, Accepted: true},
		{At: 5, Started: 6, Done: 5, Accepted: true},
		{At: 5, Started: 6, Done: 7, Accepted: true, Worker: 2},
		{At: 5, Started: 6, Done: 7, Accepted: true, Worker: -2},
	} {
		if err := trace.Write(io.Discard, &trace.Trace{Header: header, Records: []trace.Record{r}}); err == nil {
			t.Errorf("%+v was written", r)
		}
	}
	if err := trace.Write(io.Discard, &trace.Trace{}); err == nil {
		t.Error("a trace of no workers was written")
	}
}

func TestServices(t *testing.T) {
	got := small().Services()
	want := []trace.Service{
		{Time: 100, Dispatch: 10, Late: 10},
		{Time: 85, Dispatch: 7, Late: 7},
		{Time: 1<<40 - 100, Dispatch: 5, Late: 5}, // from when worker 1 was free
		{},
		{Time: 10},
		{},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A worker that sleeps makes requests late, whoever serves them.
func TestServicesOfSleepingWorkers(t *testing.T) {
	taken := func(at, started, done time.Duration, worker int32) trace.Record {
		return trace.Record{At: at, Started: started, Done: done, Worker: worker, Accepted: true}
	}
	for _, c := range []struct {
		what    string
		workers int
		records []trace.Record
		want    []trace.Service
	}{
		{"worker 0 sleeps after its first request, worker 1 takes the next one in its place, and a third was never there", 3,
			[]trace.Record{taken(10, 10, 100, 0), taken(20, 20, 150, 1), taken(120, 150, 200, 1), taken(210, 300, 310, 0)},
			[]trace.Service{{Time: 90}, {Time: 130}, {Time: 80, Dispatch: 30, Late: 30}, {Time: 100, Dispatch: 90, Late: 90}}},
		{"worker 1 sleeps from 40 on, and when it wakes worker 0 has just taken the request behind", 2,
			[]trace.Record{taken(10, 10, 90, 0), taken(20, 20, 40, 1), taken(60, 99, 120, 1), taken(80, 95, 130, 0)},
			[]trace.Service{{Time: 80}, {Time: 20}, {Time: 30, Dispatch: 9, Late: 39}, {Time: 50, Dispatch: 15, Late: 5}}},
	} {
		tr := &trace.Trace{Header: trace.Header{Style: "test", Workers: c.workers}, Records: c.records}
		if got := tr.Services(); !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.what, got, c.want)
		}
	}
}

// Many at once, for the last places of a gate: every decision follows from
// what was logged before it.
func TestLogIsInTheOrderOfTheDecisions(t *testing.T) {
	const callers, each = 8, 500
	h := trace.Header{Style: "test", Workers: 3}
	g := &gate{limit: h.Places()}
	log := trace.NewLog(h, callers*each)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(1, 2))
			for range each {
				if v, ok := log.Enter(g); ok {
					for spin := rng.IntN(500); spin > 0; spin-- {
						_ = log.Now()
					}
					log.Leave(g, v, trace.NoWorker, 0)
				}
			}
		})
	}
	wg.Wait()
	tr := log.End()
	if len(tr.Records) != callers*each || tr.LeftOut != 0 || tr.ClockResolution <= 0 || tr.Started.IsZero() {
		t.Fatalf("%d records, %d left out, header %+v", len(tr.Records), tr.LeftOut, tr.Header)
	}
	var done []time.Duration
	for _, r := range tr.Records {
		if r.Accepted {
			done = append(done, r.Done)
		}
	}
	slices.Sort(done)
	inside, rejected := 0, 0
	for i, r := range tr.Records {
		for len(done) > 0 && done[0] < r.At {
			done = done[1:]
			inside--
		}
		if r.Accepted != (inside < tr.Places()) {
			t.Fatalf("record %d of %d: accepted is %v with %d inside", i+1, len(tr.Records), r.Accepted, inside)
		}
		if r.Accepted {
			inside++
		} else {
			rejected++
		}
	}
	t.Logf("%d of %d were rejected", rejected, len(tr.Records))
	written(t, tr) // and that the file takes it
}

func TestAFullLogCounts(t *testing.T) {
	g := &gate{limit: 2}
	log := trace.NewLog(trace.Header{Workers: 2}, 3)
	var visits []trace.Visit
	for range 5 {
		v, ok := log.Enter(g)
		if ok {
			visits = append(visits, v)
		}
		if len(visits) == 2 {
			log.Leave(g, visits[0], 0, log.Now())
			visits = visits[1:]
		}
	}
	log.Leave(g, visits[0], 1, log.Now()) // is not in the log
	tr := log.End()
	if len(tr.Records) != 3 || tr.LeftOut != 2 || g.inside != 0 {
		t.Fatalf("%d inside, %+v", g.inside, tr)
	}
	for i, r := range tr.Records {
		if !r.Accepted || r.Done == 0 {
			t.Errorf("record %d is %+v, want it done", i+1, r)
		}
	}
	if w := tr.Warnings(); len(w) != 1 || !strings.Contains(w[0], "full after 3 requests, and 2 more") {
		t.Errorf("the warnings are %q", w)
	}
	again, err := trace.Read(bytes.NewReader(written(t, tr)))
	if err != nil || again.LeftOut != 2 {
		t.Errorf("read again: %v, %+v", err, again)
	}
}

// After its end a log leaves the gate as it is, and the trace.
func TestAnEndedLogIsStill(t *testing.T) {
	g := &gate{limit: 2}
	log := trace.NewLog(trace.Header{Workers: 2}, 3)
	v, _ := log.Enter(g)
	tr := log.End()
	log.Leave(g, v, 0, log.Now())
	if _, ok := log.Enter(g); !ok || g.inside != 1 {
		t.Errorf("accepted is %v, inside %d", ok, g.inside)
	}
	if len(tr.Records) != 1 || !tr.Records[0].Accepted || tr.Records[0].Done != 0 || tr.LeftOut != 0 {
		t.Errorf("the trace is %+v", tr)
	}
}

func TestLoggingDoesNotAllocate(t *testing.T) {
	g := &gate{limit: 1}
	log := trace.NewLog(trace.Header{Workers: 1}, 500)
	if n := testing.AllocsPerRun(1000, func() { // the log is full half way
		v, _ := log.Enter(g)
		log.Enter(g)
		log.Leave(g, v, 0, log.Now())
	}); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
}

func BenchmarkLog(b *testing.B) {
	g := &gate{limit: 1 << 30}
	log := trace.NewLog(trace.Header{Workers: 1}, trace.DefaultLimit)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			v, _ := log.Enter(g)
			log.Leave(g, v, 0, log.Now())
		}
	})
}

// Whatever is read does no harm, and can be written and read again.
func FuzzRead(f *testing.F) {
	f.Add(written(f, small()))
	f.Add(written(f, &trace.Trace{Header: header}))
	f.Add(written(f, small())[:150])
	f.Add([]byte("onhold-trace 2 {\"workers\":1}\n" + encoded(f, trace.Record{At: 1, Accepted: true}, trace.Record{At: -1, Started: 1, Done: 5})))
	f.Fuzz(func(t *testing.T, b []byte) {
		tr, err := trace.Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		tr.Services()
		again, err := trace.Read(bytes.NewReader(written(t, tr)))
		if err != nil {
			t.Fatal(err)
		}
		tr.Damage = ""
		if !tr.Started.Equal(again.Started) {
			t.Errorf("began at %v, then at %v", tr.Started, again.Started)
		}
		tr.Started, again.Started = time.Time{}, time.Time{}
		if !reflect.DeepEqual(tr, again) {
			t.Errorf("read  %+v\nagain %+v", tr, again)
		}
	})
}
