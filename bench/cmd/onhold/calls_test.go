package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/admission"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/grpc"
)

// ordersOverGRPC is a server of ours that a run calls as it would anybody's.
func ordersOverGRPC(t *testing.T) *grpc.Server {
	t.Helper()
	var b backend.Backend
	b, err := sim.New(sim.Config{Latency: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	s, err := grpc.Start(admission.Config{Addr: "127.0.0.1:0", Workers: 50, Queue: 50, Backend: b})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return s
}

const findOrders = "/onhold.orders.v1.Orders/Find"

// What a run counts, over open and closed loads, is what the server counts.
func TestRunCalls(t *testing.T) {
	table := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(table, []byte("user\n7\n8\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		before int64 // calls before the window: the first of each client
		flags  []string
	}{
		{4, []string{"--clients", "4", "--ramp-up", "1ns", "--body", `{"userId": 42}`}},
		{0, []string{"--rate", "200", "--grpc-connections", "2", "--body", `{"userId": {user}}`, "--data", table}},
		{0, []string{"--burst", "5", "--new-connection", "--body", `{"userId": {random 1 9}}`, "--header", "x-tenant: blue"}},
	} {
		flags := row.flags
		s := ordersOverGRPC(t)
		dir := filepath.Join(t.TempDir(), "out")
		var out, errOut bytes.Buffer
		args := append([]string{"onhold", "run", "grpc://" + s.Addr() + findOrders, "--duration", "200ms", "--warmup", "0s", "--retries", "0", "--extend", "1", "--no-report", "--out", dir}, flags...)
		if code := run(args, &out, &errOut); code != exitOK && code != exitInvalid {
			t.Fatalf("%q: exit code %d, %s", flags, code, errOut.String())
		}
		_, stages, _, err := result.Open(dir)
		if err != nil || len(stages) != 1 {
			t.Fatal(err, len(stages))
		}
		n := stages[0].Counts
		if st := s.Stats(); n[result.OK]+row.before != st.Accepted || n[result.OK] == 0 || n.Planned() != n[result.OK] {
			t.Errorf("%q: the run counts %v, the server %+v", flags, n, st)
		}
		if got := stages[0].TargetName(); got != "grpc://"+s.Addr()+findOrders {
			t.Errorf("the target is %s", got)
		}
	}
}

// What is wrong with a call is said before the run, with the exit code that it means.
func TestCallsThatCannotBe(t *testing.T) {
	startsMany(t)
	s := ordersOverGRPC(t)
	at := "grpc://" + s.Addr()
	for _, row := range []struct {
		code int
		want string
		args []string
	}{
		{exitUsage, "did you mean Find?", []string{at + "/onhold.orders.v1.Orders/Fnd"}},
		{exitUsage, `--body=(11 bytes): want a message onhold.orders.v1.FindRequest in JSON`, []string{at + findOrders, "--body", `{"user": 1}`}},
		{exitUsage, "give the message with --body", []string{at + findOrders, "--data", `{"userId": 1}`}},
		{exitUsage, "--method=GET: works with http:// and https:// only", []string{at + findOrders, "--method", "GET"}},
		{exitUsage, "--mix=/a: works with http:// and https:// only", []string{at, "--mix", "/a"}},
		{exitUsage, "grpc:// has its own driver", []string{at + findOrders, "--driver", "epoll"}},
		{exitUsage, "--insecure: requires an address that begins with grpcs://", []string{at + findOrders, "--insecure"}},
		{exitUsage, "--proto=no.proto: want files that compile", []string{at + findOrders, "--proto", "no.proto"}},
		{exitUsage, "cannot be given together: connections are shared", []string{at + findOrders, "--grpc-connections", "2", "--new-connection"}},
		{exitUsage, "requires style grpc or an address that begins with grpc://", []string{"http://" + s.Addr(), "--proto", "no.proto"}},
		{exitUsage, "requires the address of a server", []string{"grpc", "--proto", "no.proto"}},
		{exitNotStarted, "does the server speak TLS at this port?", []string{"grpcs://" + s.Addr() + findOrders}},
		{exitNotStarted, "is the server running?", []string{"grpc://127.0.0.1:1" + findOrders}},
	} {
		stderr, code := refused(t, append([]string{"run", "--clients", "1", "--out", filepath.Join(t.TempDir(), "out")}, row.args...)...)
		if code != row.code || !strings.Contains(stderr, row.want) {
			t.Errorf("%q: exit code %d, %s; want %d, %s", row.args, code, stderr, row.code, row.want)
		}
	}
	if n := s.Stats().Accepted; n != 0 {
		t.Errorf("the server was called %d times", n)
	}
}
