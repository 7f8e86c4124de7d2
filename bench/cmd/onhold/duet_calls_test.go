package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v3"
	rpc "google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/reflection"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/render/verdict"
	"github.com/a628bb15/onhold/reports/result"
)

// streamer is a service of gRPC's own interoperability tests, as far as it streams.
type streamer struct {
	pb.UnimplementedTestServiceServer
}

// StreamingOutputCall sends a message for each of the parameters, after its interval.
func (streamer) StreamingOutputCall(in *pb.StreamingOutputCallRequest, to rpc.ServerStreamingServer[pb.StreamingOutputCallResponse]) error {
	for _, p := range in.ResponseParameters {
		time.Sleep(time.Duration(p.IntervalUs) * time.Microsecond)
		if err := to.Send(&pb.StreamingOutputCallResponse{}); err != nil {
			return err
		}
	}
	return nil
}

// streamerAt starts such a server, and returns its address.
func streamerAt(t *testing.T, describes bool, options ...rpc.ServerOption) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := rpc.NewServer(options...)
	pb.RegisterTestServiceServer(s, streamer{})
	if describes {
		reflection.Register(s)
	}
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

// stageOfDuet drives one stage of a comparison against a server at an address.
func stageOfDuet(t *testing.T, server string, args ...string) (stage *result.Stage, err error) {
	t.Helper()
	c := duetCommand()
	c.DisableSliceFlagSeparator = true
	c.Action = func(ctx context.Context, c *cli.Command) error {
		e, err := serveExperiment(c)
		if err != nil {
			return err
		}
		d, err := e.(*duet.Serve).Driver(server)
		if err != nil {
			return err
		}
		stage, err = bench.Run(ctx, bench.Plan{Load: bench.Load{Burst: 3}, Duration: 50 * time.Millisecond}, d)
		return err
	}
	err = c.Run(t.Context(), append([]string{"duet", "--build", "true", "--serve", "true"}, args...))
	return stage, err
}

const (
	streamMessages = "{addr}/grpc.testing.TestService/StreamingOutputCall"
	fiveMessages   = `{"responseParameters": [{}, {"intervalUs": 3000}, {"intervalUs": 3000}, {"intervalUs": 3000}, {"intervalUs": 3000}]}`
)

// A comparison calls the method of its address on each of its servers, with and
// without TLS.
func TestDuetCalls(t *testing.T) {
	own, _ := wiretest.Certificate()
	orders := ordersOverGRPC(t)
	for _, row := range []struct {
		server string
		args   []string
		events int64 // of each call; 0: no stream
	}{
		{orders.Addr(), []string{"grpc://{addr}" + findOrders, "--body", `{"userId": 42}`}, 0},
		{orders.Addr(), []string{"grpc://{host}:{port}" + findOrders, "--body", `{"userId": {random 1 9}}`, "--connections", "1", "--header", "x-tenant: blue"}, 0},
		{streamerAt(t, true), []string{"grpc://" + streamMessages, "--body", fiveMessages}, 5},
		{streamerAt(t, true), []string{"grpc://" + streamMessages, "--body", fiveMessages, "--stream-events", "2"}, 2},
		{streamerAt(t, true, rpc.Creds(credentials.NewTLS(own))), []string{"grpcs://" + streamMessages, "--insecure", "--body", fiveMessages}, 5},
	} {
		stage, err := stageOfDuet(t, row.server, row.args...)
		if err != nil {
			t.Errorf("%q: %v", row.args, err)
			continue
		}
		if n := stage.Counts; n[result.OK] == 0 || n.Planned() != n[result.OK] {
			t.Errorf("%q: %v, %q", row.args, n, stage.Notes())
		}
		if s := stage.Streams; (s != nil) != (row.events > 0) || s != nil && (s.FirstEvent.N() != stage.Counts[result.OK] || s.Gap.N() != (row.events-1)*s.FirstEvent.N()) {
			t.Errorf("%q: streams %+v", row.args, s)
		}
	}
	if n := orders.Stats().Accepted; n == 0 {
		t.Error("the server was not called")
	}
}

// What is wrong with the calls of a comparison is said before it measures.
func TestDuetCallsThatCannotBe(t *testing.T) {
	orders, silent := ordersOverGRPC(t), streamerAt(t, false)
	for _, row := range []struct {
		code   int
		want   string
		server string
		args   []string
	}{
		{exitUsage, "did you mean Find?", orders.Addr(), []string{"grpc://{addr}/onhold.orders.v1.Orders/Fnd"}},
		{exitUsage, `unknown field "user"; its fields are user_id`, orders.Addr(), []string{"grpc://{addr}" + findOrders, "--body", `{"user": 1}`}},
		{exitUsage, "it has no server reflection", silent, []string{"grpc://" + streamMessages}},
		{exitUsage, "works with http:// and https:// only", orders.Addr(), []string{"grpc://{addr}" + findOrders, "--method", "POST"}},
		{exitUsage, "a gRPC method that streams replies is a stream by itself", orders.Addr(), []string{"grpc://{addr}" + findOrders, "--stream", "sse"}},
		{exitUsage, "requires an address that begins with grpcs://", orders.Addr(), []string{"grpc://{addr}" + findOrders, "--insecure"}},
		{exitUsage, "requires an address that begins with https:// or wss://", orders.Addr(), []string{"http://{addr}/", "--insecure"}},
		{exitUsage, "requires an address that begins with grpc:// or grpcs://", orders.Addr(), []string{"--proto", "no.proto"}},
		{exitUsage, "want files that compile", orders.Addr(), []string{"grpc://{addr}" + findOrders, "--proto", "no.proto"}},
		{exitUsage, "each server of a comparison has its own", orders.Addr(), []string{"grpc://" + orders.Addr() + findOrders}},
		{exitUsage, "want one address", orders.Addr(), []string{"grpc://{addr}" + findOrders, "grpc://{addr}" + findOrders}},
		{exitUsage, "cannot be given together", orders.Addr(), []string{"grpc://{addr}" + findOrders, "--path", "/a"}},
		{exitUsage, "only with Go benchmarks", orders.Addr(), []string{"./..."}},
		{exitNotStarted, "does the server speak TLS at this port?", orders.Addr(), []string{"grpcs://{addr}" + findOrders}},
		{exitNotStarted, "is the server running?", "127.0.0.1:2", []string{"grpc://{host}:{port}" + findOrders}},
	} {
		stage, err := stageOfDuet(t, row.server, row.args...)
		if code := exitCodeOf(err); stage != nil || code != row.code || !strings.Contains(fmt.Sprint(err), row.want) {
			t.Errorf("%q: exit code %d, %v; want %d, %s", row.args, code, err, row.code, row.want)
		}
	}
	if n := orders.Stats().Accepted; n != 0 {
		t.Errorf("the server was called %d times", n)
	}
	for _, args := range [][]string{{"grpc://127.0.0.1:1" + findOrders}, {"http://a:1", "http://b:1"}} {
		if text, code := refused(t, append([]string{"duet", "--base", "main"}, args...)...); code != exitUsage || !strings.Contains(text, "requires --build and --serve") {
			t.Errorf("%q: exit code %d, %s", args, code, text)
		}
	}
}

// served compares two servers of ours, by the flags of serve for each, and returns what
// was found, the folder and the exit code.
func served(t *testing.T, base, candidate string, args ...string) (r *compare.Report, dir string, code int) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("wants a Unix shell")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := func(flags string) map[string]string {
		return map[string]string{"server.sh": "#!/bin/sh\nexec env " + asCommand + "=1 '" + exe + "' serve " + flags + " --addr \"$1\"\n"}
	}
	repo := commandtest.Repo(t, script(base))
	commandtest.Write(t, repo, script(candidate))
	dir = filepath.Join(t.TempDir(), "out")
	stdout, stderr, code := onholdWith(t, []string{"ONHOLD_NO_CONTROL=false"}, repo, append([]string{
		"duet", "--base", "main", "--build", "cp server.sh {out}", "--serve", "{out} {addr}", "--measure-identical", "--rate", "200", "--duration", "100ms", "--out", dir}, args...)...)
	r, err = verdict.Read(dir)
	if err != nil {
		t.Fatalf("exit code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	return r, dir, code
}

// found is the finding of a metric.
func found(t *testing.T, r *compare.Report, metric string) compare.Finding {
	t.Helper()
	i := slices.IndexFunc(r.Findings, func(f compare.Finding) bool { return f.Metric == metric })
	if i < 0 {
		t.Fatalf("%s was not compared: %q", metric, r.Reasons)
	}
	return r.Findings[i]
}

// A delay in a gRPC server is found, and none is where the base is its own control.
func TestSlowDuetFindsADelayOfCalls(t *testing.T) {
	slow.Only(t)
	r, dir, code := served(t, "grpc --backend-latency 2ms", "grpc --backend-latency 2ms --inject-delay 40ms@100%",
		"--gate", "p50", "--tolerance", "p50=100%", "--body", `{"userId": 42}`, "grpc://{addr}"+findOrders)
	if f := found(t, r, "p50"); code != exitRegressed || f.Verdict != compare.Regressed {
		t.Errorf("exit code %d, %+v, %q", code, f, r.Reasons)
	}
	run, stages, _, err := result.Open(dir)
	if err != nil || run.Settings.Get("request") != "grpc://{addr}"+findOrders || run.Settings.Get(result.KeyDriver) != "grpc" {
		t.Errorf("%v, settings %v", err, run.Settings)
	}
	for _, s := range stages {
		if s.Settings.Get(result.KeyArm) == string(compare.Control) && s.Counts[result.OK] > 0 {
			return
		}
	}
	t.Error("no control was called")
}

func TestSlowDuetFindsNoDelayOfCalls(t *testing.T) {
	slow.Only(t)
	r, _, code := served(t, "grpc --backend-latency 2ms", "grpc --backend-latency 2ms",
		"--gate", "p50", "--tolerance", "p50=100%", "--body", `{"userId": 42}`, "grpc://{addr}"+findOrders)
	if f := found(t, r, "p50"); code != exitOK || f.Verdict == compare.Regressed {
		t.Errorf("exit code %d, %+v, %q", code, f, r.Reasons)
	}
}

// A comparison whose candidate lacks the method ends before it measures.
func TestDuetOfAMethodThatIsGone(t *testing.T) {
	t.Parallel()
	r, _, code := served(t, "grpc", "goroutine", "grpc://{addr}"+findOrders)
	if why := strings.Join(r.Reasons, "; "); code != exitNotStarted || r.Pairs != 0 || !strings.Contains(why, "the server of the candidate: ") || !strings.Contains(why, "not HTTP/2, which gRPC requires") {
		t.Errorf("exit code %d, %q", code, r.Reasons)
	}
	r, _, code = served(t, "grpc", "grpc --inject-delay 1ms@1%", "grpc://{addr}/onhold.orders.v1.Orders/Fnd")
	if why := strings.Join(r.Reasons, "; "); code != exitUsage || r.Pairs != 0 || !strings.Contains(why, "did you mean Find?") {
		t.Errorf("exit code %d, %q", code, r.Reasons)
	}
}

// What comes later in a stream is found by the metrics of streams, by duet and by compare.
func TestSlowDuetComparesStreams(t *testing.T) {
	slow.Only(t)
	const gate = "gap-p50,first-event-p50,events/s"
	r, dir, code := served(t, "stream --backend-latency 5ms --order-events 4 --event-interval 5ms", "stream --backend-latency 5ms --order-events 4 --event-interval 25ms",
		"--stream", "sse", "--path", "/api/orders/42/events", "--pairs", "12", "--gate", gate, "--tolerance", "gap-p50=50%,first-event-p50=100%,events/s=90%")
	if f := found(t, r, "gap-p50"); code != exitRegressed || f.Verdict != compare.Regressed {
		t.Errorf("exit code %d, %+v, %q", code, f, r.Reasons)
	}
	for _, same := range []string{"first-event-p50", "events/s"} {
		if f := found(t, r, same); f.Verdict == compare.Invalid {
			t.Errorf("%+v", f)
		}
	}
	if _, errOut, again := onhold(t, dir, "compare", dir, "--gate", "gap-p50"); again != exitRegressed {
		t.Errorf("decided again: exit code %d, %s", again, errOut)
	}
}
