package realtest

import (
	"bufio"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/grpc"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/reports/result"
)

const sayHello = "/helloworld.Greeter/SayHello"

// examples are the example servers of grpc-go.
const examples = "google.golang.org/grpc/examples"

// example builds and starts one of them, and returns its port. It listens on every
// address, as it has no flag for one.
func example(t *testing.T, b *bed, name string) (port string) {
	if testing.Short() {
		t.Skip("builds a server of others")
	}
	program := b.path("example")
	build := exec.CommandContext(t.Context(), "go", "build", "-modfile=tools.mod", "-o", program, examples+"/features/"+name+"/server")
	build.Dir = "../../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	line := make(chan string, 1)
	p, err := process.Start(exec.CommandContext(t.Context(), program, "-port", "0"), nil, func(r io.Reader) {
		read := bufio.NewReader(r)
		first, _ := read.ReadString('\n')
		line <- strings.TrimSpace(first)
		_, _ = io.Copy(io.Discard, read)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop() })
	first := <-line
	at := strings.LastIndexByte(first, ':')
	if at < 0 {
		t.Fatalf("it prints %q", first)
	}
	return first[at+1:]
}

// A service that is not ours, called as it is and behind nginx, which logs each call and
// rejects some.
func TestGRPC(t *testing.T) {
	b := newBed(t)
	port := example(t, b, "reflection")
	const format = "$status $request_uri"
	section := `
	limit_req_zone $server_port zone=some:1m rate=20r/s;
	ssl_certificate DIR/cert.pem; ssl_certificate_key DIR/cert.key;
	keepalive_requests 50;
	server {
		listen 127.0.0.1:FIRST http2; listen 127.0.0.1:SECOND ssl http2;
		location / { grpc_pass grpc://127.0.0.1:` + port + `; }
		location /helloworld.Greeter { if ($http_tenant = busy) { rewrite ^ /busy$uri last; } grpc_pass grpc://127.0.0.1:` + port + `; }
		location /busy { limit_req zone=some; rewrite ^/busy(.*)$ $1 break; grpc_pass grpc://127.0.0.1:` + port + `; }
	}`
	_, client := wiretest.Certificate()
	body := []byte(`{"name": "{seq}"}`)
	numbered, err := bench.DataFiles{}.Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name     string
		calls    grpc.Calls
		load     bench.Load
		proxied  bool
		rejected bool
	}{
		{name: "as it is", calls: grpc.Calls{URL: "grpc://127.0.0.1:" + port + sayHello}},
		{name: "as it is, shared connections", calls: grpc.Calls{URL: "grpc://127.0.0.1:" + port + sayHello, Connections: 2}, load: bench.Load{Rate: 300}},
		{name: "nginx, whose connections end", calls: grpc.Calls{URL: "grpc://127.0.0.1:" + b.plain + sayHello}, proxied: true},
		{name: "nginx, TLS", calls: grpc.Calls{URL: "grpcs://127.0.0.1:" + b.port + sayHello, TLS: client}, load: bench.Load{Rate: 300}, proxied: true},
		{name: "nginx, above a rate", calls: grpc.Calls{URL: "grpc://127.0.0.1:" + b.plain + sayHello, Header: []string{"tenant: busy"}, RejectedStatus: "503"}, load: above, proxied: true, rejected: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			log := func() string { return "" }
			if row.proxied {
				b.write(t, "access.log", "")
				log = b.nginx(t, format, section)
			}
			row.calls.Body, row.calls.Data = body, numbered
			if row.load == (bench.Load{}) {
				row.load = bench.Load{Clients: 4}
			}
			d, err := row.calls.Driver()
			if err != nil {
				t.Fatal(err)
			}
			stage, err := bench.Run(t.Context(), bench.Plan{Load: row.load, Duration: 300 * time.Millisecond, MaxLag: time.Minute, Timeout: 20 * time.Second}, d)
			if err != nil {
				t.Fatal(err)
			}
			n, logged := stage.Counts, log()
			if n[result.OK] == 0 || n.Planned() != n[result.OK]+n[result.Rejected] || (n[result.Rejected] > 0) != row.rejected {
				t.Errorf("the stage counts %v: %q", n, stage.Warnings)
			}
			ok, rejected := strings.Count(logged, "200 "+sayHello), strings.Count(logged, "503 "+sayHello)
			if row.proxied && (int64(ok) != n[result.OK] || int64(rejected) != n[result.Rejected]) {
				t.Errorf("the stage counts %v, and nginx logged %d and %d", n, ok, rejected)
			}
		})
	}
}

// A service that is not ours and streams replies, called as it is and behind nginx, which
// logs each call. It has no reflection, and sends ten messages at once.
func TestGRPCStreams(t *testing.T) {
	const method, each = "/grpc.examples.echo.Echo/ServerStreamingEcho", 10
	b := newBed(t)
	port := example(t, b, "metadata")
	list := exec.CommandContext(t.Context(), "go", "list", "-modfile=tools.mod", "-m", "-f", "{{.Dir}}", examples)
	list.Dir = "../../.."
	dir, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	section := `
	keepalive_requests 50;
	server { listen 127.0.0.1:FIRST http2; location / { grpc_pass grpc://127.0.0.1:` + port + `; } }`
	for _, row := range []struct {
		name, port string
		ends       int // after so many messages by the caller
		load       bench.Load
		proxied    bool
	}{
		{"as it is", port, 0, bench.Load{Clients: 4}, false},
		{"as it is, cancelled", port, 3, bench.Load{Rate: 100}, false},
		{"nginx, whose connections end", b.plain, 0, bench.Load{Clients: 4}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			log := func() string { return "" }
			if row.proxied {
				b.write(t, "access.log", "")
				log = b.nginx(t, "$status $request_uri", section)
			}
			d, err := grpc.Calls{
				URL: "grpc://127.0.0.1:" + row.port + method, Body: []byte(`{"message": "hello"}`), StreamEvents: row.ends,
				Proto: []string{"features/proto/echo/echo.proto"}, ProtoPath: []string{strings.TrimSpace(string(dir))},
			}.Driver()
			if err != nil {
				t.Fatal(err)
			}
			stage, err := bench.Run(t.Context(), bench.Plan{Load: row.load, Duration: 300 * time.Millisecond, MaxLag: time.Minute, Timeout: 20 * time.Second}, d)
			if err != nil {
				t.Fatal(err)
			}
			n, got, logged := stage.Counts, stage.Streams, log()
			want := n[result.OK] * each
			if row.ends > 0 {
				want = n[result.OK] * int64(row.ends)
			}
			if n[result.OK] == 0 || n.Planned() != n[result.OK] || got == nil || got.Events != want || got.FirstEvent.N() != n[result.OK] || got.EndedEarly != 0 {
				t.Fatalf("the stage counts %v: %q, %+v", n, stage.Warnings, got)
			}
			if row.ends == 0 && !row.proxied && got.Together == 0 {
				t.Error("of ten messages that were sent at once, none came with the one before")
			}
			if calls := strings.Count(logged, "200 "+method); row.proxied && int64(calls) != n[result.OK] {
				t.Errorf("the stage counts %v, and nginx logged %d", n, calls)
			}
		})
	}
}
