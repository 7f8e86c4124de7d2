package bare

import (
	"time"
	"unsafe"

	"github.com/a628bb15/onhold/bench/clock"
	"golang.org/x/sys/unix"
)

// conn is a connection. It is used again for the next one with the same
// descriptor.
type conn struct {
	fd      int
	life    uint32 // which connection this is of those with this descriptor
	open    bool
	last    bool   // asked to be closed: what comes after is not read
	due     int    // replies that wait for their instant
	partial []byte // the beginning of a request
	out     []byte // what the kernel did not take yet; while there is any, nothing is read
}

func (c *conn) begin() {
	c.life++
	c.open, c.last, c.due = true, false, 0
}

func (c *conn) end() {
	c.life++ // what is due finds another connection
	c.open = false
	c.partial, c.out = c.partial[:0], nil
}

// ready does what a connection is ready for.
func (l *loop) ready(c *conn, events uint32) {
	if len(c.out) > 0 {
		if events&(unix.EPOLLOUT|unix.EPOLLERR|unix.EPOLLHUP) != 0 {
			l.flush(c)
		}
		return
	}
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(c.fd), uintptr(unsafe.Pointer(&l.in[0])), readBuffer)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return
	case errno != 0 || n == 0:
		l.close(c)
		return
	case c.last:
		return // requests after the last one are not answered
	}
	l.serve(c, l.in[:n], clock.Now())
}

// serve takes up the requests in data, which was read at that instant.
func (l *loop) serve(c *conn, data []byte, read time.Duration) {
	if len(c.partial) > 0 {
		c.partial = append(c.partial, data...)
		data = c.partial
	}
	l.out = l.out[:0]
	counted := 0
	for len(data) > 0 && !c.last {
		n, r, path := next(data)
		if n == 0 && len(data) <= maxHead {
			break
		}
		if n == 0 {
			r = bad
		}
		data = data[n:]
		c.last = r == bad || r&closing != 0
		switch {
		case r == bad:
			l.out = append(l.out, replies[bad]...)
		case path != "":
			l.out = l.control(l.out, path, r)
		default:
			if len(l.arrivals) < cap(l.arrivals) {
				l.arrivals = append(l.arrivals, int64(clock.Kernel(read)))
			}
			if l.latency > 0 {
				c.due++
				l.waiting.push(due{at: int64(read + l.latency), read: int64(read), conn: c, life: c.life, reply: r})
				continue
			}
			l.out = append(l.out, replies[r]...)
			counted++
		}
	}
	// data may lie in c.partial: it moves to its front.
	c.partial = append(c.partial[:0], data...)
	if len(l.out) > 0 && l.write(c, l.out) {
		l.count(counted, read)
	}
	if c.open && c.last && c.due == 0 && len(c.out) == 0 {
		l.close(c)
	}
}

// turn is how many replies are written before the connections are looked at
// again. With all that are due in one go, clients that once sent together would
// stay together: the loop would be idle for half of the time, and late.
const turn = 8

// answerDue writes the replies whose instant has come, up to a turn of them.
func (l *loop) answerDue() {
	for range turn {
		if l.waiting.n == 0 {
			return
		}
		d := l.waiting.next()
		if d.at > int64(clock.Now()) {
			return
		}
		c, alive, r, read := d.conn, d.conn.life == d.life, d.reply, time.Duration(d.read)
		l.waiting.pop()
		if !alive {
			continue // the client went away meanwhile
		}
		c.due--
		if l.write(c, replies[r]) {
			l.count(1, read)
		}
		if c.open && c.last && c.due == 0 && len(c.out) == 0 {
			l.close(c)
		}
	}
}

// count counts n replies, written just now, to requests read at that instant.
func (l *loop) count(n int, read time.Duration) {
	if n == 0 {
		return
	}
	now := clock.Now()
	if l.served == 0 {
		l.first = now
	}
	l.last = now
	l.served += int64(n)
	for range n {
		l.own.Record(now - read)
	}
}

// write sends b, and keeps what the kernel does not take. It reports whether
// the connection is still there.
func (l *loop) write(c *conn, b []byte) bool {
	if len(c.out) > 0 {
		c.out = append(c.out, b...)
		return true
	}
	n, ok := l.send(c, b)
	if !ok || n == len(b) {
		return ok
	}
	if l.watch(unix.EPOLL_CTL_MOD, c.fd, unix.EPOLLOUT) != nil {
		l.close(c)
		return false
	}
	c.out = append(c.out, b[n:]...)
	return true
}

// flush sends what was kept, and listens again once all is sent.
func (l *loop) flush(c *conn) {
	n, ok := l.send(c, c.out)
	if !ok || n < len(c.out) {
		if ok {
			c.out = c.out[n:]
		}
		return
	}
	c.out = nil // it may have been large
	if c.last && c.due == 0 || l.watch(unix.EPOLL_CTL_MOD, c.fd, unix.EPOLLIN) != nil {
		l.close(c)
	}
}

// send gives the kernel as much of b as it takes, which is n bytes. Where it
// fails the connection is closed.
func (l *loop) send(c *conn, b []byte) (n int, ok bool) {
	for n < len(b) {
		k, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(c.fd), uintptr(unsafe.Pointer(&b[n])), uintptr(len(b)-n))
		switch errno {
		case 0:
			n += int(k)
		case unix.EINTR:
		case unix.EAGAIN:
			return n, true
		default:
			l.close(c)
			return n, false
		}
	}
	return n, true
}
