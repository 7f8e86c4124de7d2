package netns

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// TB is the part of [testing.TB] that this package needs.
type TB interface {
	Helper()
	Cleanup(func())
	Fatal(args ...any)
	Skip(args ...any)
}

// New returns a network without machines, which ends with the test. The losses and
// delays of its links follow from the seed. The test is skipped, or fails where
// ONHOLD_REQUIRE has [Required], where this process may not make namespaces.
func New(t TB, seed uint64) *Network {
	t.Helper()
	n := &Network{t: t, machines: map[netip.Addr]*Machine{}, random: rand.New(rand.NewPCG(seed, 0))}
	m, err := open(n, netip.AddrFrom4([4]byte{10, 77, 0, 1}))
	if err == nil {
		m.close()
		return n
	}
	err = fmt.Errorf("a network namespace with a TUN device cannot be made, which takes root: %w", err)
	if slices.Contains(strings.Split(os.Getenv("ONHOLD_REQUIRE"), ","), Required) {
		t.Fatal(err)
	}
	t.Skip(err)
	return nil
}

// Machine is a machine of a network.
type Machine struct {
	network *Network
	addr    netip.Addr
	do      chan func() // in the thread that is in the namespace
	device  *os.File
	in      *queue
	ended   sync.WaitGroup

	// Guarded by the network's mutex.
	link  Link
	apart map[*Machine]bool
}

// Machine adds a machine to the network, on a link without delay. It ends with the test,
// and with it the programs that were started in it.
func (n *Network) Machine() *Machine {
	n.t.Helper()
	n.mu.Lock()
	addr := netip.AddrFrom4([4]byte{10, 77, 0, byte(len(n.machines) + 1)})
	n.mu.Unlock()
	m, err := open(n, addr)
	if err != nil {
		n.t.Fatal(err)
	}
	n.mu.Lock()
	n.machines[addr] = m
	n.mu.Unlock()
	n.t.Cleanup(m.close)
	return m
}

// open makes a machine.
func open(n *Network, addr netip.Addr) (*Machine, error) {
	m := &Machine{network: n, addr: addr, do: make(chan func()), apart: map[*Machine]bool{}}
	opened := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends, and is of no use to others
		err := m.open()
		opened <- err
		if err != nil {
			return
		}
		for f := range m.do {
			f()
		}
	}()
	if err := <-opened; err != nil {
		return nil, err
	}
	m.in = newQueue(m.device)
	m.ended.Go(m.read)
	return m, nil
}

// mtu is of all links, as that of Ethernet.
const mtu = 1500

// open takes the calling thread into a new namespace and sets up its devices.
func (m *Machine) open() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("a new network namespace: %w", err)
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("/dev/net/tun: %w", err)
	}
	const name = "link"
	up := func() error {
		request, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
			return fmt.Errorf("a TUN device: %w", err)
		}
		return set(name, m.addr)
	}
	if err := up(); err != nil {
		unix.Close(fd)
		return err
	}
	m.device = os.NewFile(uintptr(fd), "tun")
	return nil
}

// set gives a device its address, and brings it and the loopback device up.
func set(name string, addr netip.Addr) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	for _, step := range []struct {
		device string
		call   uint
		fill   func(*unix.Ifreq) error
	}{
		{name, unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(addr.AsSlice()) }},
		{name, unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr([]byte{255, 255, 255, 0}) }},
		{name, unix.SIOCSIFMTU, func(r *unix.Ifreq) error { r.SetUint32(mtu); return nil }},
		{name, unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING); return nil }},
		{"lo", unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING); return nil }},
	} {
		request, err := unix.NewIfreq(step.device)
		if err == nil {
			err = step.fill(request)
		}
		if err == nil {
			err = unix.IoctlIfreq(socket, step.call, request)
		}
		if err != nil {
			return fmt.Errorf("setting up device %s: %w", step.device, err)
		}
	}
	return nil
}

// read passes on what the machine sends, until it is closed.
func (m *Machine) read() {
	buffer := make([]byte, 1<<16)
	for {
		n, err := m.device.Read(buffer)
		if err != nil {
			return
		}
		m.network.forward(m, slices.Clone(buffer[:n]))
	}
}

// close ends the machine. The kernel kills the programs that were started in it, as the
// thread that started them ends.
func (m *Machine) close() {
	close(m.do)
	m.device.Close()
	m.ended.Wait()
}

// within runs a function in the machine.
func (m *Machine) within(f func()) {
	done := make(chan struct{})
	m.do <- func() {
		defer close(done)
		f()
	}
	<-done
}

// Addr is the machine's address.
func (m *Machine) Addr() string { return m.addr.String() }

// Start starts a program in the machine. It is killed at the end of the test, also where
// that is killed.
func (m *Machine) Start(cmd *exec.Cmd) (err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	m.within(func() { err = cmd.Start() })
	return err
}

// Listen listens on a port of the machine; 0 is any.
func (m *Machine) Listen(port int) (l net.Listener, err error) {
	m.within(func() {
		l, err = new(net.ListenConfig).Listen(context.Background(), "tcp", netip.AddrPortFrom(m.addr, uint16(port)).String())
	})
	return l, err
}

// SetLink sets what the machine's link is like from now on. Packets that are on their
// way arrive as they would have.
func (m *Machine) SetLink(l Link) {
	m.network.mu.Lock()
	defer m.network.mu.Unlock()
	m.link = l
}

// Part cuts the way between two machines, or restores it. Both reach all others.
func (m *Machine) Part(other *Machine, cut bool) {
	m.network.mu.Lock()
	defer m.network.mu.Unlock()
	m.apart[other] = cut
}

// ShiftClock shifts the monotonic and the boot clock of programs that are started in the machine from
// now on. It can be called once. An error means that the kernel has no time namespaces.
func (m *Machine) ShiftClock(by time.Duration) (err error) {
	m.within(func() {
		if err = unix.Unshare(unix.CLONE_NEWTIME); err != nil {
			return
		}
		seconds := by / time.Second
		if by < seconds*time.Second {
			seconds-- // the nanoseconds are not negative
		}
		offset := fmt.Sprintf("monotonic %[1]d %[2]d\nboottime %[1]d %[2]d\n", seconds, by-seconds*time.Second)
		err = os.WriteFile(fmt.Sprintf("/proc/%d/timens_offsets", unix.Gettid()), []byte(offset), 0)
	})
	return err
}
