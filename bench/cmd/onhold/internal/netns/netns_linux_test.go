package netns

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// talk has a machine send lines to a listener, which sends them back, and returns the
// round trip of each.
func talk(t *testing.T, from *Machine, l net.Listener, lines int) (trips []time.Duration) {
	t.Helper()
	var c net.Conn
	var err error
	from.within(func() { c, err = net.DialTimeout("tcp", l.Addr().String(), 10*time.Second) })
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	for range lines {
		began := time.Now()
		if _, err := c.Write([]byte("a line\n")); err != nil {
			t.Fatal(err)
		}
		if line, err := r.ReadString('\n'); err != nil || line != "a line\n" {
			t.Fatalf("%q: %v", line, err)
		}
		trips = append(trips, time.Since(began))
	}
	return trips
}

func echo(t *testing.T, m *Machine) net.Listener {
	t.Helper()
	l, err := m.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); io.Copy(c, c) }()
		}
	}()
	return l
}

func TestLinks(t *testing.T) {
	t.Parallel()
	n := New(t, 1)
	a, b, c := n.Machine(), n.Machine(), n.Machine()
	l := echo(t, b)
	quick := talk(t, a, l, 5)
	a.SetLink(Link{Delay: 20 * time.Millisecond})
	for _, trip := range talk(t, a, l, 3) {
		if trip < 40*time.Millisecond {
			t.Errorf("a round trip took %v over a link with a delay of 20 ms each way, %v without", trip, quick)
		}
	}
	a.SetLink(Link{Delay: 5 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.2})
	talk(t, a, l, 20) // TCP repeats what is lost
	a.SetLink(Link{Cut: true})
	reach := func(from *Machine) (err error) {
		from.within(func() {
			var conn net.Conn
			if conn, err = net.DialTimeout("tcp", l.Addr().String(), 300*time.Millisecond); err == nil {
				conn.Close()
			}
		})
		return err
	}
	if reach(a) == nil {
		t.Error("a machine reaches others over a link that is cut")
	}
	talk(t, c, l, 1)
	a.SetLink(Link{})
	a.Part(b, true)
	if reach(a) == nil {
		t.Error("a machine reaches one from which it is cut off")
	}
	a.Part(b, false)
	talk(t, a, l, 1)
}

// uptime is the first number of the last line of a file, in seconds.
func uptime(t *testing.T, path string) time.Duration {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	first, _, _ := strings.Cut(lines[len(lines)-1], " ")
	d, err := time.ParseDuration(first + "s")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A program is in the namespace of its machine, has the clock of it, and ends with it.
func TestPrograms(t *testing.T) {
	t.Parallel()
	var ended *exec.Cmd
	t.Run("machine", func(t *testing.T) {
		m := New(t, 1).Machine()
		shifted := m.ShiftClock(time.Hour + 500*time.Millisecond)
		if shifted != nil {
			t.Log("without a time namespace:", shifted)
		}
		out, err := os.CreateTemp(t.TempDir(), "out")
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("cat", "/proc/net/fib_trie", "/proc/uptime")
		cmd.Stdout = out
		if err := m.Start(cmd); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(out.Name()); err != nil || !strings.Contains(string(text), m.Addr()) {
			t.Errorf("the program does not have the address %s: %v\n%s", m.Addr(), err, text)
		}
		if up, here := uptime(t, out.Name()), uptime(t, "/proc/uptime"); shifted == nil && up < here+30*time.Minute {
			t.Errorf("the clock of the machine is at %v, that of this process at %v", up, here)
		}
		ended = exec.Command("sleep", "60")
		if err := m.Start(ended); err != nil {
			t.Fatal(err)
		}
	})
	if ended == nil {
		return // skipped
	}
	began := time.Now()
	ended.Wait()
	if time.Since(began) > 30*time.Second || ended.ProcessState.String() != "signal: killed" {
		t.Errorf("the program was not killed with its machine: %v", ended.ProcessState)
	}
}

// What machines send can be watched, also what does not arrive.
func TestWatch(t *testing.T) {
	t.Parallel()
	n := New(t, 1)
	a, b := n.Machine(), n.Machine()
	l := echo(t, b)
	packets := make(chan Packet, 1000)
	n.Watch(func(p Packet) { packets <- p })
	talk(t, a, l, 1)
	for p := range packets {
		if p.Data > 0 {
			if p.To.String() != l.Addr().String() || p.From.Addr().String() != a.Addr() || p.Data != len("a line\n") {
				t.Errorf("the first packet with data: %+v", p)
			}
			return
		}
	}
}
