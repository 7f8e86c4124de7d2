//go:build linux

package fleet

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
)

// profiledBus has this program be an agent: the URL of its bus, and a file for a profile.
const profiledBus = "FLEET_TEST_PROFILED"

func init() { children[profiledBus] = profiledAgent }

// BenchmarkAgentOnTheBus is an agent, in a process of its own, that drives 4,000 arrivals
// per second over HTTP. An iteration is a second of the stage: -benchtime=20x. It leaves a
// CPU profile in the file $FLEET_PROFILE, in which what the generator does has the label
// "drive", and what the bus takes has none:
//
//	go tool pprof -tags FILE
func BenchmarkAgentOnTheBus(b *testing.B) {
	file := os.Getenv("FLEET_PROFILE")
	if file == "" {
		b.Skip("FLEET_PROFILE names no file for the profile")
	}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	bus, err := Embed()
	if err != nil {
		b.Fatal(err)
	}
	defer bus.Close()
	agent := exec.Command(os.Args[0])
	agent.Env = append(os.Environ(), profiledBus+"="+bus.URL+" "+file)
	agent.Stderr = os.Stderr
	if err := agent.Start(); err != nil {
		b.Fatal(err)
	}
	defer agent.Wait()
	f, err := Lead(b.Context(), bus, Config{Run: "r", Version: "v", Agents: 1, Plan: []byte(server.URL), Gather: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	spec := []byte(strconv.Itoa(max(b.N, 5)))
	p, driver, err := labelled{server.URL}.Stage(spec)
	if err != nil {
		b.Fatal(err)
	}
	p.Watch = func(bench.Live) {}
	s, err := f.Stage(b.Context(), spec, p, p.StageSettings(driver))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(100*s.Generator.CPU.Seconds()/s.Length.Seconds(), "%core")
	b.ReportMetric(float64(s.Counts.Planned())/s.Length.Seconds(), "arrivals/s")
}

// profiledAgent serves one run, and writes a CPU profile of it.
func profiledAgent(value string) error {
	url, file, _ := strings.Cut(value, " ")
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	bus, err := Connect(BusConfig{URL: url})
	if err != nil {
		return err
	}
	defer bus.Close()
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return Serve(context.Background(), bus, AgentConfig{
		Name: "a", Version: "v", Once: true, Say: func(string) {}, Open: func(plan []byte) (Opened, error) { return labelled{string(plan)}, nil },
	})
}

// labelled is a plan that is the URL of a server, whose driver has a label in profiles.
type labelled struct{ url string }

func (l labelled) Stage(spec []byte) (bench.Plan, bench.Driver, error) {
	seconds, err := strconv.Atoi(string(spec))
	if err != nil {
		return bench.Plan{}, nil, err
	}
	driver, err := epoll.New(bench.HTTP{URL: l.url + "/"}, epoll.Options{Threads: 1})
	p := bench.Plan{Load: bench.Load{Rate: 4000}, Duration: time.Duration(seconds) * time.Second, DrainTimeout: 5 * time.Second, Timeout: 5 * time.Second, MaxLag: time.Minute}
	return p, labelledDriver{driver}, err
}

func (labelled) Close() {}

type labelledDriver struct{ bench.Driver }

// Drive implements [bench.Driver].
func (d labelledDriver) Drive(ctx context.Context, p bench.Plan, rec *bench.Recorder) error {
	ctx = pprof.WithLabels(ctx, pprof.Labels("drive", "yes"))
	pprof.SetGoroutineLabels(ctx)
	defer pprof.SetGoroutineLabels(context.Background())
	return d.Driver.Drive(ctx, p, rec)
}
