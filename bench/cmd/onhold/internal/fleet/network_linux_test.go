package fleet

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/netns"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
)

const (
	busPort    = 4222
	targetPort = 8080
	busToken   = "a-token-of-the-tests"
	// brokerVariable has this program be the broker of a network: ADDRESS DIR.
	brokerVariable = "FLEET_TEST_BROKER"
)

func init() { children[brokerVariable] = serveBroker }

// serveBroker serves with TLS on both sides until it is killed. It returns only on errors.
func serveBroker(where string) error {
	host, dir, _ := strings.Cut(where, " ")
	config, err := server.GenTLSConfig(&server.TLSConfigOpts{
		CertFile: filepath.Join(dir, "bus.pem"), KeyFile: filepath.Join(dir, "bus.key"), CaFile: filepath.Join(dir, "ca.pem"), Verify: true,
	})
	if err != nil {
		return err
	}
	s, err := server.NewServer(&server.Options{ServerName: "bus", Host: host, Port: busPort, Authorization: busToken, TLSConfig: config, TLSTimeout: 10, NoLog: true, NoSigs: true})
	if err != nil {
		return err
	}
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		return fmt.Errorf("the broker did not start")
	}
	fmt.Println("ready")
	select {}
}

// build builds the command for a test.
func build(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "onhold")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// machines are a fleet in which each program has a machine of its own, but for the broker
// and the coordinator, which share one.
type machines struct {
	t            *testing.T
	program, dir string
	network      *netns.Network
	target, lead *netns.Machine
	broker       *exec.Cmd
	brokerEnded  chan struct{}
	agents       []*agentMachine
}

// agentMachine is a machine with an agent.
type agentMachine struct {
	*netns.Machine
	name   string
	cmd    *exec.Cmd
	said   *commandtest.Output
	served atomic.Int64 // the instant at which its first request was seen, in nanoseconds since 1970; 0: not yet
}

// newMachines starts a target and a broker. It makes machines for agents, but starts none.
func newMachines(t *testing.T, program string, seed uint64, handler http.Handler, names ...string) *machines {
	t.Helper()
	n := netns.New(t, seed)
	m := &machines{t: t, program: program, dir: t.TempDir(), network: n, target: n.Machine(), lead: n.Machine()}
	ca := wiretest.Sign(x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	for name, c := range map[string]tls.Certificate{
		"ca":     ca,
		"bus":    wiretest.Sign(x509.Certificate{IPAddresses: []net.IP{net.ParseIP(m.lead.Addr())}}, &ca),
		"client": wiretest.Sign(x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, &ca),
	} {
		wiretest.WritePEM(t, m.dir, name, c)
	}
	l, err := m.target.Listen(targetPort)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	for _, name := range names {
		m.agents = append(m.agents, &agentMachine{Machine: n.Machine(), name: name})
	}
	target := netip.AddrPortFrom(netip.MustParseAddr(m.target.Addr()), targetPort)
	n.Watch(func(p netns.Packet) {
		if p.To != target || p.Data == 0 {
			return
		}
		for _, a := range m.agents {
			if p.From.Addr().String() == a.Addr() {
				a.served.CompareAndSwap(0, p.At.UnixNano())
			}
		}
	})
	m.startBroker()
	return m
}

// start starts a program on a machine, and has it killed at the end of the test.
func (m *machines) start(on *netns.Machine, cmd *exec.Cmd) (ended chan struct{}) {
	m.t.Helper()
	if err := on.Start(cmd); err != nil {
		m.t.Fatal(err)
	}
	ended = make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	m.t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
	})
	return ended
}

// startBroker starts a broker where none runs, and waits until it serves.
func (m *machines) startBroker() {
	m.t.Helper()
	m.broker = exec.Command(os.Args[0])
	m.broker.Env = append(environ(), brokerVariable+"="+m.lead.Addr()+" "+m.dir)
	said := new(commandtest.Output)
	m.broker.Stdout, m.broker.Stderr = said, said
	m.brokerEnded = m.start(m.lead, m.broker)
	if !await(20*time.Second, func() bool { return said.String() == "ready\n" }) {
		m.t.Fatalf("the broker says %q", said)
	}
}

func (m *machines) killBroker() {
	m.broker.Process.Kill()
	<-m.brokerEnded
}

// command is the command with the bus and its keys.
func (m *machines) command(args ...string) *exec.Cmd {
	cmd := exec.Command(m.program, args...)
	file := func(name string) string { return filepath.Join(m.dir, name) }
	cmd.Env = append(environ(), fmt.Sprintf("ONHOLD_BUS=tls://%s@%s", busToken, netip.AddrPortFrom(netip.MustParseAddr(m.lead.Addr()), busPort)),
		"ONHOLD_BUS_CA="+file("ca.pem"), "ONHOLD_BUS_CERT="+file("client.pem"), "ONHOLD_BUS_KEY="+file("client.key"))
	return cmd
}

// startAgent starts the agent of a machine.
func (m *machines) startAgent(a *agentMachine) {
	m.t.Helper()
	a.said = new(commandtest.Output)
	a.cmd = m.command("agent", "--name", a.name, "--allow", "http://"+m.target.Addr())
	a.cmd.Stderr = a.said
	a.cmd.Env = append(a.cmd.Env, "XDG_CACHE_HOME="+filepath.Join(m.dir, a.name)) // its disk
	m.start(a.Machine, a.cmd)
}

// run starts a run of the agents with the load that args say.
func (m *machines) run(args ...string) (cmd *exec.Cmd, printed *commandtest.Output, ended chan struct{}) {
	m.t.Helper()
	url := fmt.Sprintf("http://%s", netip.AddrPortFrom(netip.MustParseAddr(m.target.Addr()), targetPort))
	cmd = m.command(append([]string{"run", url, "--agents", fmt.Sprint(len(m.agents)), "--no-report"}, args...)...)
	printed = new(commandtest.Output)
	cmd.Stdout, cmd.Stderr = printed, printed
	return cmd, printed, m.start(m.lead, cmd)
}

// environ is the environment without what the command takes for its flags.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ONHOLD_") })
}

// await waits until something is true, and reports whether it became so within a limit.
func await(limit time.Duration, is func() bool) bool {
	for began := time.Now(); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > limit {
			return false
		}
	}
	return true
}
