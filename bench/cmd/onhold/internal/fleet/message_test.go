package fleet

import (
	"bytes"
	"compress/flate"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/a628bb15/onhold/reports/result"
)

// A message arrives as it was sent, and one that is cut short is not read.
func TestMessages(t *testing.T) {
	var latency result.Sparse
	latency.Record(20 * time.Millisecond)
	progress := &Progress{To: time.Second, Counts: counts{result.OK: 1}, Latency: binaryOf(&latency), Lag: binaryOf(new(result.Sparse)), Disturbed: true, Counted: []byte{1, 2}}
	streams := *progress
	streams.Streams = &streamPart{FirstEvent: binaryOf(&latency), Gap: binaryOf(new(result.Sparse)), InWindow: 3, EndedEarly: 1}
	for _, s := range []State{
		{Run: "r", Epoch: 1, Agent: "a"}, {Run: "r", Phase: Started, Live: &streams}, {Run: "r", Phase: Started, Live: progress},
		{Run: "r", Phase: Done, Live: progress, Size: 9, From: 2, Part: []byte("a\npart\x00"), Sum: "s"},
	} {
		same(t, s, func(s *State) any { return s })
	}
	same(t, Order{Run: "r", Goal: Prepare, Plan: []byte(`{"a":1}` + "\n"), Spec: []byte{0, 255}}, func(o *Order) any { return o })
	same(t, Call{Run: "r"}, func(c *Call) any { return c })
	same(t, Hello{Run: "r", Agent: "a"}, func(h *Hello) any { return h })
}

func same[M any](t *testing.T, message M, pointer func(*M) any) {
	t.Helper()
	data, err := encode(pointer(&message))
	if err != nil {
		t.Fatal(err)
	}
	var got M
	if err := decode(data, pointer(&got)); err != nil {
		t.Fatal(err)
	}
	equate := cmp.Comparer(func(a, b []byte) bool { return string(a) == string(b) })
	if diff := cmp.Diff(message, got, equate); diff != "" {
		t.Error(diff)
	}
	for n := range data {
		var short M
		if decode(data[:n], pointer(&short)) == nil {
			t.Errorf("%d of %d bytes of a %T are read", n, len(data), message)
		}
	}
}

// A record is read as the stage that it was made of, its exact sums included, and not
// where its slices contradict it.
func TestRecords(t *testing.T) {
	s := result.NewStage()
	s.Length, s.Disturbed = time.Second, true
	for k := range 4 {
		part := result.Slice{Offset: time.Duration(k) * time.Second / 4, Length: time.Second / 4, Latency: new(result.Sparse), LagMax: time.Millisecond}
		part.Counts[result.OK] = 2
		for _, took := range []time.Duration{1_234_567, 9_876_543} {
			part.Latency.Record(took)
			s.Latency.Record(took)
		}
		part.Streams = result.NewStreamPart()
		part.Streams.FirstEvent.Record(1_234_567)
		part.Streams.EndedEarly = 1
		s.Counts[result.OK] += 2
		s.Slices = append(s.Slices, part)
	}
	s.Streams = result.NewStreams()
	for k := range 8 {
		s.Streams.FirstEvent.Record(time.Duration(k+1) * 1_234_567)
		s.Streams.Gap.Record(time.Duration(k) * 777)
		s.Streams.Length.Record(time.Duration(k+1) * time.Hour)
		s.Streams.Events += 2
		s.Streams.EndedEarly++
	}
	text, err := recordOf(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := readRecord(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range [][2]*result.Hist{{s.Streams.FirstEvent, got.Streams.FirstEvent}, {s.Streams.Gap, got.Streams.Gap}, {s.Streams.Length, got.Streams.Length}} {
		if diff := cmp.Diff(maps.Collect(h[0].All()), maps.Collect(h[1].All())); diff != "" || h[0].N() != h[1].N() {
			t.Errorf("streams: %s", diff)
		}
	}
	if len(got.Slices) != 4 || !got.Disturbed || got.Slices[2].Latency.Sum() != s.Slices[2].Latency.Sum() || got.Slices[2].LagMax != time.Millisecond || got.Slices[2].Streams.FirstEvent.Sum() != 1_234_567 || got.Slices[2].Streams.EndedEarly != 1 {
		t.Errorf("%+v", got.Slices)
	}
	s.Slices[1].Counts[result.OK] = 3
	if text, err = recordOf(s, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err = readRecord(text); err == nil {
		t.Error("a record is read whose slices have more arrivals than the stage")
	}
	if _, _, err = readRecord(text[:len(text)-8]); err == nil {
		t.Error("a record is read of which the end is missing")
	}
	for _, text := range []string{"", "{}", `{"stage":null}`} {
		if _, _, err := readRecord(deflated(t, strings.NewReader(text))); err == nil {
			t.Errorf("%q is read", text)
		}
	}
	// Of a few kilobytes that expand to more than is allowed, no more is read.
	if _, _, err := readRecord(deflated(t, io.LimitReader(spaces{}, mostInflated+1))); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a record that expands beyond the limit: %v", err)
	}
}

// deflated is a text as records are compressed.
func deflated(t *testing.T, text io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// spaces has them without end.
type spaces struct{}

func (spaces) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}
