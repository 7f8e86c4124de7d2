package http2

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"pgregory.net/rapid"
)

// server reads what a connection sends, as a server does that checks it.
type server struct {
	*peer
	in      bytes.Buffer
	framer  *http2.Framer
	greeted bool
	headers map[uint32][]hpack.HeaderField
	bodies  map[uint32]int
	ended   map[uint32]bool
	window  map[uint32]int64 // what it still allows; 0 is that of the connection
	initial int64
	open    int
	most    int // that were open
}

func newServer(settings ...http2.Setting) *server {
	s := &server{peer: newPeer(settings...), headers: map[uint32][]hpack.HeaderField{}, bodies: map[uint32]int{}, ended: map[uint32]bool{}, window: map[uint32]int64{0: firstWindow}, initial: firstWindow}
	s.framer = http2.NewFramer(nil, &s.in)
	s.framer.ReadMetaHeaders = hpack.NewDecoder(defaultTable, nil)
	return s
}

// read takes what is pending of a connection, and reports what is wrong with it.
func (s *server) read(c *Conn) error {
	s.in.Write(c.Pending())
	c.Sent(len(c.Pending()))
	if !s.greeted {
		if s.greeted = true; string(s.in.Next(len(preface))) != preface {
			return errors.New("no preface")
		}
	}
	for {
		f, err := s.framer.ReadFrame()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		id := f.Header().StreamID
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			s.headers[id], s.ended[id] = f.Fields, f.StreamEnded()
			s.window[id] += s.initial
			s.open++
			s.most = max(s.most, s.open)
		case *http2.DataFrame:
			n := int64(f.Length)
			if s.window[0] -= n; s.window[0] < 0 || s.ended[id] {
				return fmt.Errorf("%d bytes on stream %d: window of the connection %d, ended %v", n, id, s.window[0], s.ended[id])
			}
			if s.window[id] -= n; s.window[id] < 0 {
				return fmt.Errorf("%d bytes on stream %d are %d more than its window", n, id, -s.window[id])
			}
			s.bodies[id] += int(n)
			s.ended[id] = f.StreamEnded()
		case *http2.RSTStreamFrame:
			delete(s.headers, id)
		case *http2.GoAwayFrame:
			return fmt.Errorf("GOAWAY %v", f.ErrCode)
		}
	}
}

// A request arrives as it is meant, in the first and in later headers of a connection,
// also after the server has changed the size of its table.
func TestRequestsArriveAsTheyAre(t *testing.T) {
	long := strings.Repeat("v", 20_000)
	raw := []string{
		get,
		"POST /upload HTTP/1.1\r\nHost: example.org:8080\r\nX-Own: \t a: b \r\nAccept: */*\r\nTE: trailers\r\nContent-Length: 5\r\n\r\nhello",
		"HEAD / HTTP/1.1\r\nhost: x\r\nKeep-Alive: 1\r\nX-Long: " + long + "\r\nTE: gzip\r\n\r\n",
	}
	f := func(of ...string) (all []hpack.HeaderField) {
		for i := 0; i < len(of); i += 2 {
			all = append(all, hpack.HeaderField{Name: of[i], Value: of[i+1]})
		}
		return all
	}
	want := [][]hpack.HeaderField{
		f(":method", "GET", ":scheme", "http", ":authority", "example.org", ":path", "/a?b=c", "user-agent", "onhold", "accept", "*/*"),
		f(":method", "POST", ":scheme", "http", ":authority", "example.org:8080", ":path", "/upload", "x-own", "a: b", "accept", "*/*", "te", "trailers", "content-length", "5"),
		f(":method", "HEAD", ":scheme", "http", ":authority", "x", ":path", "/", "x-long", long),
	}
	for _, differ := range []bool{false, true} {
		for _, tables := range [][]uint32{nil, {0}, {100}, {1 << 20}, {0, 4096}, {4096, 60, 4096}} {
			requests := requestsFor(raw...)
			maker := requests.Maker()
			c, s := New(requests, 0), newServer()
			next := uint32(1)
			round := func() {
				if _, err := c.Read(s.take()); err != nil {
					t.Fatal(err)
				}
				for i := range raw {
					q := requests.Request(i)
					if differ {
						q = maker.Make([]byte(raw[i]), i == 2)
					}
					c.Request(0, q, q.Body, differ)
					if err := s.read(c); err != nil {
						t.Fatalf("differ %v, tables %v: %v", differ, tables, err)
					}
					got := s.headers[next]
					for k := range got {
						got[k].Sensitive = false
					}
					if !slices.Equal(got, want[i]) || s.bodies[next] != len(q.Body) || !s.ended[next] || q.Head != (i == 2) {
						t.Errorf("differ %v, tables %v: %v and %d bytes arrive, want %v", differ, tables, got, s.bodies[next], want[i])
					}
					next += 2
				}
			}
			round()
			round()
			for _, size := range tables {
				s.framer.ReadMetaHeaders.SetAllowedMaxDynamicTableSize(size)
				s.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: size})
			}
			round()
			round()
		}
	}
}

// A request that was sent before takes few bytes.
func TestRequestsAreShortWhenRepeated(t *testing.T) {
	c := asked(1)
	c.Request(1, c.requests.Request(0), nil, false)
	if n := len(c.Pending()); n > frameHeader+8 {
		t.Errorf("the second request takes %d bytes", n)
	}
}

// Whatever the server does with its windows, bodies never exceed them, and arrive.
func TestUploadsObeyTheWindows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		requests := requestsFor("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + strings.Repeat("x", 200_000))
		c, s := New(requests, 0), newServer()
		feed := func() {
			for _, e := range []func() error{func() error { _, err := c.Read(s.take()); return err }, func() error { return s.read(c) }} {
				if err := e(); err != nil {
					t.Fatal(err)
				}
			}
		}
		feed()
		var sizes []int
		step := func(t *rapid.T) {
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				body := requests.Request(0).Body[:rapid.IntRange(0, 200_000).Draw(t, "body")]
				sizes = append(sizes, len(body))
				c.Request(int32(len(sizes)), requests.Request(0), body, false)
			case 1:
				if len(sizes) > 0 {
					id := uint32(2*rapid.IntRange(0, len(sizes)-1).Draw(t, "stream") + 1)
					by := rapid.Uint32Range(1, 50_000).Draw(t, "by")
					s.window[id] += int64(by)
					s.WriteWindowUpdate(id, by)
				}
			case 2:
				by := rapid.Uint32Range(1, 100_000).Draw(t, "by")
				s.window[0] += int64(by)
				s.WriteWindowUpdate(0, by)
			case 3: // it may leave windows below zero
				to := rapid.Uint32Range(0, 100_000).Draw(t, "initial")
				s.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: to})
				for id := range s.headers {
					s.window[id] += int64(to) - s.initial
				}
				s.initial = int64(to)
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			step(t)
			feed() // so that the server's account of its windows is that of the client
		}
		s.window[0] += maxWindow / 2
		s.WriteWindowUpdate(0, maxWindow/2)
		for i := range sizes {
			id := uint32(2*i + 1)
			s.window[id] += 1 << 20
			s.WriteWindowUpdate(id, 1<<20)
		}
		feed()
		for range sizes {
			feed()
		}
		for i, size := range sizes {
			if id := uint32(2*i + 1); s.bodies[id] != size || !s.ended[id] {
				t.Fatalf("of body %d, %d bytes arrive, want %d; ended: %v", i, s.bodies[id], size, s.ended[id])
			}
		}
	})
}

// There are never more streams than either side allows, also where the server changes
// its mind.
func TestRoom(t *testing.T) {
	c, s := New(requestsFor(get), 5), newServer(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 3})
	if c.Room() {
		t.Error("there is room before the settings have come")
	}
	fill := func(want int) {
		t.Helper()
		if _, err := c.Read(s.take()); err != nil {
			t.Fatal(err)
		}
		for c.Room() && c.Open() < 100 {
			c.Request(0, c.requests.Request(0), nil, false)
		}
		if c.Open() != want {
			t.Errorf("%d streams are open, want %d", c.Open(), want)
		}
	}
	fill(3)
	s.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 100})
	fill(5)
	s.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1})
	s.header(1, true, ":status", "200")
	fill(4)
	for id := range uint32(4) {
		s.header(2*id+3, true, ":status", "200")
	}
	fill(1)
	s.WriteGoAway(maxID, http2.ErrCodeNo, nil)
	fill(1)
	if !c.Going() {
		t.Error("the connection does not go away")
	}
}

// The ids of streams end, and the connection with them.
func TestIDsEnd(t *testing.T) {
	c := asked(0)
	c.nextID = maxID - 2
	for n := 0; c.Room(); n++ {
		if c.Request(0, c.requests.Request(0), nil, false); n > 1 {
			t.Fatal("an id beyond the last is given out")
		}
	}
	if !c.Going() || c.Open() != 2 {
		t.Errorf("going %v, %d open", c.Going(), c.Open())
	}
}

// Streams are found as a map finds them.
func TestStreamsAreFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s streams
		want := map[int32]int32{}
		next, most := int32(1), 1
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			if rapid.IntRange(0, 2).Draw(t, "step") > 0 || len(want) == 0 {
				want[next] = s.add(next)
				next += 2 * rapid.Int32Range(1, 3).Draw(t, "skip")
			} else {
				var ids []int32
				for id := range want {
					ids = append(ids, id)
				}
				slices.Sort(ids)
				id := rapid.SampledFrom(ids).Draw(t, "id")
				s.remove(want[id])
				delete(want, id)
			}
			most = max(most, len(want))
			for id := int32(1); id < next; id += 2 {
				place, ok := want[id]
				if !ok {
					place = none
				}
				if got := s.find(id); got != place {
					t.Fatalf("stream %d is at %d, want %d", id, got, place)
				}
			}
			if s.open != len(want) || len(s.ids) > 4*most {
				t.Fatalf("%d open, want %d; room for %d", s.open, len(want), len(s.ids))
			}
		}
	})
}

// A server that sends much is never stalled: the windows are topped up.
func TestWindowsAreToppedUp(t *testing.T) {
	c := asked(1)
	c.Sink = &sink{} // of a stream without end
	p := newPeer()
	p.take()
	p.header(1, false, ":status", "200")
	if _, err := c.Read(p.take()); err != nil {
		t.Fatal(err)
	}
	windows := map[uint32]int64{0: connWindow, 1: streamWindow}
	p.WriteData(1, false, make([]byte, maxFrame))
	frame := p.take()
	for n := 0; n < connWindow+connWindow/4; n += maxFrame {
		for id := range windows {
			if windows[id] -= maxFrame; windows[id] < 0 {
				t.Fatalf("window %d is used up", id)
			}
		}
		if _, err := c.Read(frame); err != nil {
			t.Fatal(err)
		}
		framer := http2.NewFramer(nil, bytes.NewReader(c.Pending()))
		for f, err := framer.ReadFrame(); err == nil; f, err = framer.ReadFrame() {
			windows[f.Header().StreamID] += int64(f.(*http2.WindowUpdateFrame).Increment)
		}
		c.Sent(len(c.Pending()))
	}
}
