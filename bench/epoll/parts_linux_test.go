package epoll

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/a628bb15/onhold/bench/host"
	"pgregory.net/rapid"
)

func TestPartsMakeTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clients, n := rapid.IntRange(0, 5000).Draw(t, "clients"), rapid.IntRange(1, MaxThreads).Draw(t, "loops")
		sum, least, most := 0, clients, 0
		for i := range n {
			p := part(clients, i, n)
			sum, least, most = sum+p, min(least, p), max(most, p)
		}
		if sum != clients || most-least > 1 {
			t.Fatalf("parts of %d in %d loops add up to %d, from %d to %d each", clients, n, sum, least, most)
		}
	})
}

// The line gives back the oldest of what is under way, whatever leaves it in
// between.
func TestLineKeepsTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		conns := make([]conn, 20)
		q := newLine()
		var want []int32
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			i := rapid.Int32Range(0, int32(len(conns)-1)).Draw(t, "client")
			if at := slices.Index(want, i); at >= 0 {
				q.remove(conns, i)
				want = slices.Delete(want, at, at+1)
			} else {
				q.push(conns, i)
				want = append(want, i)
			}
			var got []int32
			for i := q.first; i != none && len(got) <= len(conns); i = conns[i].next {
				got = append(got, i)
			}
			if !slices.Equal(got, want) || q.last != lastOf(want) {
				t.Fatalf("the line is %v, its last %d; want %v", got, q.last, want)
			}
		}
	})
}

func lastOf(x []int32) int32 {
	if len(x) == 0 {
		return none
	}
	return x[len(x)-1]
}

// Clients that are free are taken last in, first out, or in a burst by turns;
// none is lost, none is given out twice, and the memory stays bounded.
func TestFreeClients(t *testing.T) {
	for _, burst := range []bool{false, true} {
		s := &scheduled{burst: burst, idle: []int32{0, 1, 2, 3}}
		var order []int32
		for range 1000 {
			i, j := s.pop(), s.pop()
			if i == j {
				t.Fatalf("client %d was given out twice", i)
			}
			order = append(order, i, j)
			s.ended(i, 0, 0)
			s.ended(j, 0, 0)
		}
		want := []int32{3, 2, 2, 3, 3, 2, 2, 3}
		if burst {
			want = []int32{0, 1, 2, 3, 0, 1, 2, 3}
		}
		if !slices.Equal(order[:8], want) || len(s.idle)-s.first != 4 || cap(s.idle) > 64 {
			t.Errorf("burst %v: order %v, %d free, room for %d", burst, order[:8], len(s.idle)-s.first, cap(s.idle))
		}
	}
}

// Connections are spread over as many addresses as they need, and only where
// those are ours.
func TestSources(t *testing.T) {
	ports, known := host.Ports()
	if !known {
		t.Skip("the range of ports is not known")
	}
	loopback, elsewhere := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.1")
	for _, c := range []struct {
		server      netip.Addr
		connections int
		fresh       bool
		want        int
	}{
		{loopback, 1, false, 1},
		{loopback, ports / 2, false, 1},
		{loopback, ports, false, 2},
		{loopback, 4 * ports, false, 6},
		{loopback, 1, true, 16},
		{loopback, 1000 * ports, false, mostSources},
		{elsewhere, 3 * ports, false, 1},
		{netip.MustParseAddr("::1"), 3 * ports, true, 1},
	} {
		if got := sources(c.server, c.connections, c.fresh); got != c.want {
			t.Errorf("sources(%v, %d, %v) = %d, want %d", c.server, c.connections, c.fresh, got, c.want)
		}
	}
	if sourceAddress(0, 1) != nil {
		t.Error("an address is given where the kernel may choose")
	}
}
