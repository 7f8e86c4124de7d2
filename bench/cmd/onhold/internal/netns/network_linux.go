package netns

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Network is a network of machines. Its methods may be called from any goroutine.
type Network struct {
	t TB

	mu       sync.Mutex
	machines map[netip.Addr]*Machine
	random   *rand.Rand
	seen     func(Packet)
}

// Packet is one that a machine has sent, whether it arrives or not.
type Packet struct {
	At       time.Time
	From, To netip.AddrPort // of TCP; other packets are not shown
	Data     int            // bytes of data that it carries
}

// Watch has a function called for each packet, before it is passed on. It must be quick,
// and is called from several goroutines.
func (n *Network) Watch(seen func(Packet)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen = seen
}

// forward passes a packet on as the links of both machines allow.
func (n *Network) forward(from *Machine, packet []byte) {
	at := time.Now()
	source, target, ok := addresses(packet)
	if !ok {
		return
	}
	n.mu.Lock()
	seen, to := n.seen, n.machines[target]
	var delay time.Duration
	passes := to != nil && source == from.addr && !from.apart[to] && !to.apart[from]
	if passes {
		for _, l := range []Link{from.link, to.link} {
			passes = passes && !l.Cut && n.random.Float64() >= l.Loss
			delay += l.Delay + time.Duration((2*n.random.Float64()-1)*float64(l.Jitter))
		}
		delay += to.link.More
	}
	n.mu.Unlock()
	if seen != nil {
		if p, ok := tcp(packet, source, target); ok {
			p.At = at
			seen(p)
		}
	}
	if passes {
		to.in.put(at.Add(delay), packet)
	}
}

// addresses are the addresses of an IPv4 packet.
func addresses(packet []byte) (from, to netip.Addr, ok bool) {
	if len(packet) < 20 || packet[0]>>4 != 4 {
		return from, to, false
	}
	return netip.AddrFrom4([4]byte(packet[12:16])), netip.AddrFrom4([4]byte(packet[16:20])), true
}

// tcp is what an IPv4 packet with TCP carries.
func tcp(packet []byte, from, to netip.Addr) (Packet, bool) {
	header := int(packet[0]&15) * 4
	if packet[9] != 6 || len(packet) < header+20 {
		return Packet{}, false
	}
	segment := packet[header:]
	port := func(at int) uint16 { return uint16(segment[at])<<8 | uint16(segment[at+1]) }
	return Packet{
		From: netip.AddrPortFrom(from, port(0)), To: netip.AddrPortFrom(to, port(2)),
		Data: max(0, len(segment)-int(segment[12]>>4)*4),
	}, true
}

// mostWaiting bounds the packets that are on their way to one machine: those beyond it
// are lost, as in a router.
const mostWaiting = 8192

// queue has the packets that are on their way to one machine.
type queue struct {
	mu     sync.Mutex
	due    arrivals
	number uint64
	timer  *time.Timer
	device *os.File
}

func newQueue(device *os.File) *queue {
	q := &queue{device: device}
	q.timer = time.AfterFunc(time.Hour, q.deliver)
	return q
}

// put hands a packet to the machine at an instant. It keeps the packet.
func (q *queue) put(at time.Time, packet []byte) {
	q.mu.Lock()
	if len(q.due) < mostWaiting {
		q.number++
		heap.Push(&q.due, arrival{at, q.number, packet})
	}
	q.mu.Unlock()
	q.deliver()
}

// deliver hands over what is due.
func (q *queue) deliver() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.due) > 0 {
		if wait := time.Until(q.due[0].at); wait > 0 {
			q.timer.Reset(wait)
			return
		}
		_, _ = q.device.Write(heap.Pop(&q.due).(arrival).packet) // fails once the machine is gone
	}
}

// arrival is a packet that is on its way.
type arrival struct {
	at     time.Time
	number uint64
	packet []byte
}

// arrivals is a heap, first by instant and then in the order of sending.
type arrivals []arrival

func (a arrivals) Len() int { return len(a) }
func (a arrivals) Less(i, j int) bool {
	if !a[i].at.Equal(a[j].at) {
		return a[i].at.Before(a[j].at)
	}
	return a[i].number < a[j].number
}
func (a arrivals) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *arrivals) Push(x any)   { *a = append(*a, x.(arrival)) }
func (a *arrivals) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	(*a)[last] = arrival{}
	*a = (*a)[:last]
	return x
}
