//go:build unix

package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/orders"
	"github.com/a628bb15/onhold/targets/queue"
)

// Nothing that was accepted is lost, and nothing paid twice that is seen
// twice, whichever process is killed. The processes are real ones, and the
// broker flushes to the disk before it acknowledges.

// plant is a queue of three processes.
type plant struct {
	broker, payments, queue *targets.Process

	t            *testing.T
	url          string // of the broker
	brokerArgs   []string
	paymentsArgs []string
}

func serveProcess(t *testing.T, args ...string) *targets.Process {
	t.Helper()
	return serveProcessWith(t, nil, args...)
}

func serveProcessWith(t *testing.T, env []string, args ...string) *targets.Process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, append([]string{"serve"}, args...)...)
	cmd.Env = slices.Concat(os.Environ(), []string{asCommand + "=1"}, commandtest.Short, env)
	p, err := targets.LaunchCommand(t.Context(), cmd, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

// freeAddr is an address for a process that is to come back at the same one.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// newPlant starts a broker and a server. Payments are still to be started.
func newPlant(t *testing.T, brokerArgs ...string) *plant {
	t.Helper()
	addr := freeAddr(t)
	p := &plant{t: t, url: "nats://" + addr, brokerArgs: append([]string{"broker", "--addr=" + addr, "--broker-dir=" + t.TempDir(), "--broker-store=file", "--broker-sync=always"}, brokerArgs...)}
	p.startBroker()
	p.paymentsArgs = []string{"payments", "--broker=" + p.url, "--consumers=10", "--ack-wait=500ms"}
	p.queue = serveProcess(t, "queue", "--broker="+p.url)
	return p
}

func (p *plant) startBroker()   { p.broker = serveProcess(p.t, p.brokerArgs...) }
func (p *plant) startPayments() { p.payments = serveProcess(p.t, p.paymentsArgs...) }

// run drives orders at a steady rate and does what is to happen meanwhile.
func (p *plant) run(rate int, length time.Duration, meanwhile func()) *result.Stage {
	p.t.Helper()
	d, done, err := queue.Driver(p.t.Context(), p.queue.Addr, p.url, false)
	if err != nil {
		p.t.Fatal(err)
	}
	defer done()
	happened := make(chan struct{})
	go func() {
		defer close(happened)
		meanwhile()
	}()
	stage, err := bench.Run(p.t.Context(), bench.Plan{
		Load: bench.Load{Rate: float64(rate), Arrivals: load.Constant}, Duration: length, DrainTimeout: 20 * time.Second, MaxLag: time.Minute,
	}, d)
	<-happened
	if err != nil {
		p.t.Fatal(err)
	}
	return stage
}

// accepted waits until the server has accepted some orders, as long as the load may last
// on a busy machine.
func (p *plant) accepted() {
	for range 200 {
		if p.stats(p.queue).Accepted >= 20 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// check holds that everything accepted was processed, and prints the numbers.
func (p *plant) check(s *result.Stage) {
	p.t.Helper()
	q := s.Completion
	p.t.Logf("accepted %d, completed %d, lost %d, duplicates %d (paid twice %d, as far as is known); not accepted: %d rejected, %d failed",
		q.Accepted, q.Completed(), q.Lost, q.Duplicates, q.CompletedAgain, s.Counts[result.Rejected], s.Counts.Failed())
	if q.Lost != 0 || q.Backlog != 0 || q.Completed() != q.Accepted || q.Accepted != s.Counts[result.OK] || q.Accepted == 0 {
		p.t.Errorf("%+v, and these are the outcomes: %v; it says: %s", *q, s.Counts, strings.Join(s.Notes(), "; "))
	}
	// Whatever the service had paid is on record, once: also orders of which the
	// broker could not tell the server that it has them.
	var st orders.Stats
	for range 1000 {
		if st = p.stats(p.payments); st.Backend.Calls == st.Broker.Paid {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if st.Broker.PaidTwice != 0 || st.Backend.Calls != st.Broker.Paid {
		p.t.Errorf("the service paid %d times: %+v", st.Backend.Calls, *st.Broker)
	}
}

func (p *plant) stats(of *targets.Process) (st orders.Stats) {
	p.t.Helper()
	resp, err := http.Get("http://" + of.Addr + orders.PathStats)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&st); err != nil {
		p.t.Fatal(err)
	}
	return st
}

// All at once, and not by t.Parallel, of which there is one for each CPU: they
// wait most of the time, the longest for as long as the consumers are stopped.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for _, row := range []struct {
		what string
		test func(*testing.T)
	}{
		{"payment service killed", paymentServiceKilled},
		{"broker killed", brokerKilled},
		{"stream of 30 filled", streamFilled},
		{"consumers stopped", func(t *testing.T) { consumersStopped(t, 2*time.Second) }},
	} {
		all.Go(func() { t.Run(row.what, row.test) })
	}
	all.Wait()
}

func paymentServiceKilled(t *testing.T) {
	p := newPlant(t)
	p.startPayments()
	s := p.run(100, 1200*time.Millisecond, func() {
		p.accepted()
		p.payments.Kill()
		p.startPayments()
	})
	p.check(s)
}

func brokerKilled(t *testing.T) {
	p := newPlant(t)
	p.startPayments()
	s := p.run(100, 1500*time.Millisecond, func() {
		p.accepted()
		p.broker.Kill()
		p.startBroker()
	})
	p.check(s)
	if n := s.Counts[result.OK] + s.Counts[result.Error]; n != s.Counts.Planned() {
		t.Errorf("while the broker was away callers got something else than an error: %v", s.Counts)
	}
	// The server finds it again by itself.
	deadline := time.Now().Add(10 * time.Second)
	for {
		resp, err := http.Post("http://"+p.queue.Addr+orders.PathOrders, "application/json", strings.NewReader(`{"user_id":1,"total_cents":1}`))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode == http.StatusAccepted {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("with the broker back: %d %s", resp.StatusCode, body)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func streamFilled(t *testing.T) {
	const room = 30
	p := newPlant(t, "--stream-orders=30")
	s := p.run(200, 500*time.Millisecond, func() {
		time.Sleep(700 * time.Millisecond) // nobody pays before
		p.startPayments()
	})
	p.check(s)
	if s.Counts[result.Rejected] != s.Counts.Planned()-room || s.Completion.Accepted != room {
		t.Errorf("with room for %d orders: %v", room, s.Counts)
	}
}

func TestSlowNothingIsLostInALongStop(t *testing.T) {
	slow.Only(t)
	consumersStopped(t, 10*time.Second)
}

func consumersStopped(t *testing.T, stopped time.Duration) {
	p := newPlant(t)
	p.startPayments()
	s := p.run(100, 800*time.Millisecond, func() {
		p.accepted()
		p.signal(syscall.SIGSTOP)
		time.Sleep(stopped) // what they had is handed out again meanwhile
		p.signal(syscall.SIGCONT)
	})
	p.check(s)
	if st := p.stats(p.payments); s.Completion.CompletedAgain != 0 || st.Backend.Calls != s.Completion.Accepted {
		t.Errorf("%d orders were paid %d times", s.Completion.Accepted, st.Backend.Calls)
	}
}

func (p *plant) signal(s syscall.Signal) {
	if err := syscall.Kill(p.payments.PID, s); err != nil {
		p.t.Error(err)
	}
}

// What lets somebody in at the broker is in no command line that everybody can
// read, in no file of a run, and nothing that a process says of itself.
func TestQueueTellsNobodyThePassword(t *testing.T) {
	startsMany(t)
	t.Parallel()
	const password = "hush-6172"
	addr := freeAddr(t)
	broker := serveProcess(t, "broker", "--addr="+addr, "--broker-store=memory")
	url := "nats://" + broker.Addr
	open := "nats://me:" + password + "@" + addr
	var everything strings.Builder
	env := []string{"ONHOLD_BROKER=" + open}
	payments, accepts := serveProcessWith(t, env, "payments"), serveProcessWith(t, env, "queue")
	for _, p := range []*targets.Process{payments, accepts} {
		text, err := json.Marshal(p.Ready)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Get("http://" + p.Addr + orders.PathStats)
		if err != nil {
			t.Fatal(err)
		}
		stats, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(stats), `"url":"nats://xxxxx@`+addr) {
			t.Errorf("%s: %v", stats, err)
		}
		everything.Write(text)
		everything.Write(stats)
	}
	for _, row := range []struct {
		what string
		env  []string
		args []string
	}{
		{"as a flag", nil, []string{"--broker", open}},
		{"and joined to it, twice", nil, []string{"--broker=" + open, "--broker=" + open}},
		{"in the environment", env, nil},
		{"with another server", nil, []string{"--broker", url + "," + open}},
	} {
		dir := t.TempDir()
		stop := make(chan struct{})
		seen := make(chan int)
		go func() { seen <- watchArguments(t, stop, "queue", password) }()
		args := append([]string{"run", "queue", "--clients", "5", "--out", "out"}, row.args...)
		stdout, stderr, code := onholdWith(t, row.env, dir, args...)
		close(stop)
		if n := <-seen; n == 0 && haveProc() {
			t.Errorf("%s: no target was seen", row.what)
		}
		if code != 0 {
			t.Errorf("%s: exit code %d\n%s%s", row.what, code, stdout, stderr)
		}
		everything.WriteString(stdout + stderr)
		for _, name := range []string{"run.json", "stages.jsonl", "summary.md"} {
			text, err := os.ReadFile(filepath.Join(dir, "out", name))
			if err != nil {
				t.Fatal(err)
			}
			if name == "stages.jsonl" && !strings.Contains(string(text), "nats://xxxxx@"+addr) {
				t.Errorf("%s: the broker is not reported: %s", row.what, text)
			}
			everything.Write(text)
		}
	}
	if strings.Contains(everything.String(), password) {
		t.Errorf("the password is reported:\n%s", everything.String())
	}
}

// The limits of this machine are asked for what drives style queue: no event
// loop with addresses of its own.
func TestQueueHasOneSourceAddress(t *testing.T) {
	t.Parallel()
	style, ok := targets.Find(queue.Name)
	if !ok {
		t.Fatal("there is no style queue")
	}
	run := runCommand()
	run.Action = func(_ context.Context, c *cli.Command) error {
		driving, err := drivingOf(c, []targets.Style{style})
		if err != nil {
			return err
		}
		d, _, err := style.Driver(t.Context(), targets.Ready{Addr: anyAddr}, driving)
		if err != nil {
			return err
		}
		if _, addresses := d.Connections(bench.Plan{}); addresses != 1 || d.Name() != queue.Name {
			t.Errorf("it is driven by %s, from %d addresses", d.Name(), addresses)
		}
		return nil
	}
	if err := run.Run(t.Context(), []string{"run"}); err != nil {
		t.Fatal(err)
	}
}

// A target that has started a broker and a payment service ends with them.
func TestQueueStartsAndEndsItsParts(t *testing.T) {
	t.Parallel()
	p := serveProcess(t, "queue", "--broker-store=memory")
	if p.Broker == "" {
		t.Fatalf("no broker in the ready line: %+v", p.Ready)
	}
	d, done, err := queue.Driver(t.Context(), p.Addr, p.Broker, false)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	s, err := bench.Run(t.Context(), bench.Plan{Load: bench.Load{Clients: 3}, Duration: 200 * time.Millisecond, DrainTimeout: 10 * time.Second, MaxLag: time.Minute}, d)
	if err != nil {
		t.Fatal(err)
	}
	if q := s.Completion; q.Accepted == 0 || q.Completed() != q.Accepted || q.Duplicates != 0 {
		t.Errorf("%+v", q)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	broker := strings.TrimPrefix(p.Broker, "nats://")
	if conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", broker); err == nil {
		conn.Close()
		t.Error("the broker is still there")
	}
}
