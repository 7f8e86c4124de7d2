package grpc_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	rpc "google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/grpc"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/reports/result"
)

// Every call of a stage is one that the server answered, whatever the load.
func TestCountsAreTheServers(t *testing.T) {
	for _, row := range []struct {
		says, connections int
		load              bench.Load
	}{
		{newer, 0, bench.Load{Clients: 8}},
		{newer, 2, bench.Load{Rate: 500}},
		{older, 0, bench.Load{Rate: 500}},
		{older, 2, bench.Load{Burst: 20, BurstInterval: 50 * time.Millisecond}},
	} {
		t.Run(fmt.Sprintf("%v over %d connections", row.load, row.connections), func(t *testing.T) {
			s := serve(t, &server{}, row.says)
			d := driver(t, grpc.Calls{URL: s.url(), Body: []byte(`{"responseSize": 100}`), Connections: row.connections})
			stage := run(t, d, row.load)
			if n := stage.Counts; n[result.OK] != s.calls.Load() || n[result.OK] == 0 || n.Planned() != n[result.OK] {
				t.Errorf("the stage counts %v, the server %d", n, s.calls.Load())
			}
			if n := stage.Connect.N(); row.connections > 0 && n != int64(row.connections) {
				t.Errorf("%d connections were made, want %d", n, row.connections)
			}
			for key, want := range map[string]string{result.KeyDriver: grpc.Driver, result.KeyGRPCConnections: text(row.connections), result.KeyBodyBytes: "21"} {
				if got := stage.Settings.Get(key); got != want {
					t.Errorf("setting %s is %q, want %q", key, got, want)
				}
			}
			if stage.Settings.Get(result.KeyRequest) == "" || stage.Settings.Get(result.KeyMethod) != "" {
				t.Errorf("settings %v", stage.Settings)
			}
		})
	}
}

// What is sent is what the JSON says, with the metadata and a deadline.
func TestMessageAndMetadata(t *testing.T) {
	s := serve(t, &server{}, newer)
	c := dial(t, grpc.Calls{
		URL: "grpc://joe:hunter2@" + s.addr + unary, Body: []byte(`{"responseSize": 7, "payload": {"body": "AAEC"}, "fillUsername": true}`),
		Header: []string{"X-Tenant: blue", "x-tenant: green", "trace-bin: AAEC", "User-Agent: probe/1", "Host: shop.example"},
	})
	for range 2 {
		if r := c.Do(20 * time.Second); r.Outcome != result.OK {
			t.Fatalf("%+v", r)
		}
	}
	in, md := s.asked[1], s.metadata[1]
	if in.ResponseSize != 7 || string(in.Payload.Body) != "\x00\x01\x02" || !in.FillUsername {
		t.Errorf("the server got %v", in)
	}
	for name, want := range map[string]string{
		"x-tenant": "blue green", "trace-bin": "\x00\x01\x02", ":authority": "shop.example", "authorization": "Basic am9lOmh1bnRlcjI=", "content-type": "application/grpc",
	} {
		if got := strings.Join(md.Get(name), " "); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if agent := md.Get("user-agent"); len(agent) != 1 || !strings.HasPrefix(agent[0], "probe/1 ") {
		t.Errorf("user-agent is %q", agent)
	}
}

// An empty message needs no JSON.
func TestEmptyMessage(t *testing.T) {
	s := serve(t, &server{}, newer)
	if r := dial(t, grpc.Calls{URL: s.url()}).Do(20 * time.Second); r.Outcome != result.OK {
		t.Errorf("%+v", r)
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func data(t *testing.T, f bench.DataFiles) *bench.Data {
	t.Helper()
	d, err := f.Read()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Each arrival sends the message of its row, whether all are encoded beforehand or each
// has something of its own.
func TestRowsOfData(t *testing.T) {
	table := write(t, "sizes.csv", "size,tenant\n1,a\n2,b\n3,c\n")
	rows := write(t, "rows.jsonl", `{"body": "{\"responseSize\": 1}", "headers": {"tenant": "a"}}`+"\n"+
		`{"body": "{\"responseSize\": 2}", "headers": {"tenant": "b"}}`+"\n"+`{"headers": {"tenant": "c"}}`+"\n")
	both := write(t, "both.jsonl", `{"body": "{\"responseSize\": {size}}", "headers": {"tenant": "{tenant}"}}`+"\n")
	for _, row := range []struct {
		what, body, header string
		files              bench.DataFiles
	}{
		{"a table", `{"responseSize": {size}}`, "tenant: {tenant}", bench.DataFiles{Data: table}},
		{"a table, and a number of its own", `{"responseSize": {size}, "responseStatus": {"message": "{seq}"}}`, "tenant: {tenant}", bench.DataFiles{Data: table}},
		{"lines", `{"responseSize": 3}`, "", bench.DataFiles{Requests: rows}},
		{"both", "", "", bench.DataFiles{Requests: both, Data: table}},
	} {
		t.Run(row.what, func(t *testing.T) {
			s := serve(t, &server{}, newer)
			c := grpc.Calls{URL: s.url(), Body: []byte(row.body), Data: data(t, row.files)}
			if row.header != "" {
				c.Header = []string{row.header}
			}
			conn := dial(t, c)
			for n := range 7 {
				conn.(bench.NumberedConn).Number(uint64(n))
				if r := conn.Do(20 * time.Second); r.Outcome != result.OK {
					t.Fatalf("%+v", r)
				}
				in, tenant := s.asked[n], s.metadata[n].Get("tenant")
				if in.ResponseSize != int32(n%3+1) || !slices.Equal(tenant, []string{string(rune('a' + n%3))}) {
					t.Errorf("arrival %d sent %v with tenant %q", n, in, tenant)
				}
				if strings.Contains(row.body, "seq") && in.ResponseStatus.GetMessage() != text(n+1) {
					t.Errorf("arrival %d sent %v", n, in)
				}
			}
		})
	}
}

// Data that ends ends the stage.
func TestDataThatEnds(t *testing.T) {
	s := serve(t, &server{}, newer)
	table := write(t, "sizes.csv", "size\n1\n2\n3\n")
	d := driver(t, grpc.Calls{URL: s.url(), Body: []byte(`{"responseSize": {size}}`), Data: data(t, bench.DataFiles{Data: table, DataEnd: bench.DataStop})})
	if stage := run(t, d, bench.Load{Clients: 2}); stage.Counts[result.OK] != 3 || s.calls.Load() != 3 {
		t.Errorf("%v, and the server counts %d, want 3", stage.Counts, s.calls.Load())
	}
}

// Over TLS each connection is one of HTTP/2, and its handshake is recorded.
func TestTLS(t *testing.T) {
	own, client := wiretest.Certificate()
	s := serve(t, &server{}, newer, rpc.Creds(credentials.NewTLS(own)))
	c := grpc.Calls{URL: "grpcs://" + s.addr + unary, TLS: client}
	stage := run(t, driver(t, c), bench.Load{Clients: 3})
	if n := stage.Counts[result.OK]; n != s.calls.Load() || n == 0 || stage.TLS.N() != 3 {
		t.Errorf("%v, and the server counts %d; %d handshakes", stage.Counts, s.calls.Load(), stage.TLS.N())
	}
	if got := stage.Settings.Get(result.KeyTLS); !strings.HasPrefix(got, "TLS 1.3 ") {
		t.Errorf("setting tls is %q", got)
	}
}

func TestUnixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "sock") // a socket's path has at most 103 bytes
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Skip(err)
	}
	s := &server{}
	serveOn(t, ln, s, newer)
	if r := dial(t, grpc.Calls{URL: "grpc://shop.example" + unary, UnixSocket: path}).Do(20 * time.Second); r.Outcome != result.OK || s.metadata[0].Get(":authority")[0] != "shop.example" {
		t.Errorf("%+v, %v", r, s.metadata)
	}
}

// A server that closes its connections gracefully, again and again, loses no call.
func TestGracefulEndsFailNothing(t *testing.T) {
	for _, connections := range []int{0, 1} {
		s := serve(t, &server{}, newer, rpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: 20 * time.Millisecond, MaxConnectionAgeGrace: 20 * time.Second}))
		stage := run(t, driver(t, grpc.Calls{URL: s.url(), Connections: connections}), bench.Load{Clients: 4})
		if n := stage.Counts; n[result.OK] != n.Planned() || n[result.OK] != s.calls.Load() {
			t.Errorf("%v, and the server counts %d: %v", n, s.calls.Load(), stage.Warnings)
		}
		if stage.Reconnects == 0 {
			t.Error("no connection was replaced: the test shows nothing")
		}
	}
}
