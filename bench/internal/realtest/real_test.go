// Package realtest drives servers that others wrote, as they are installed, and holds
// what is reported against what each of them logged, request by request.
package realtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

const upLimit = 10 * time.Second // for a server to start, on a slow machine

// bed is where a server runs.
type bed struct {
	dir         string
	plain, port string // ports: a first one, and one that speaks TLS or lies behind
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{dir: t.TempDir(), plain: freePort(t), port: freePort(t)}
	if err := os.Chmod(b.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	server, _ := wiretest.Certificate()
	wiretest.WritePEM(t, b.dir, "cert", server.Certificates[0])
	return b
}

func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		// Below the ports of outgoing connections, of which other tests make thousands.
		port := strconv.Itoa(10000 + rand.IntN(20000))
		if l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:"+port); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

func (b *bed) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bed) write(t *testing.T, name, text string) {
	t.Helper()
	text = strings.NewReplacer("DIR", b.dir, "FIRST", b.plain, "SECOND", b.port).Replace(text)
	if err := os.WriteFile(b.path(name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// start starts a program that is installed, and waits until it serves. It returns what
// stops it, and then what it printed.
func (b *bed) start(t *testing.T, program string, args ...string) (stop func() string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + program)
	}
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("ONHOLD_REQUIRE"), ","), program) {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	printed, read := new(bytes.Buffer), make(chan struct{})
	p, err := process.Start(exec.CommandContext(t.Context(), path, args...), nil, func(r io.Reader) {
		io.Copy(printed, r)
		close(read)
	})
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceValue(func() string {
		p.Stop()
		<-read
		return printed.String()
	})
	t.Cleanup(func() { stop() })
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", "127.0.0.1:"+b.plain)
		if err == nil {
			c.Close()
			return stop
		}
		if time.Since(began) > upLimit {
			t.Fatalf("%s does not serve: %v\n%s", program, err, stop())
		}
	}
}

// nginx starts nginx.
func nginx(t *testing.T, b *bed) (log func() string) {
	b.write(t, "users", "joe:{PLAIN}pass\n")
	b.write(t, "page.txt", strings.Repeat("the same line, time and again\n", 10_000))
	return b.nginx(t, "$status $sent_http_content_encoding $request_uri $msec", `
	limit_req_zone $server_port zone=some:1m rate=20r/s;
	ssl_certificate DIR/cert.pem; ssl_certificate_key DIR/cert.key; ssl_client_certificate DIR/cert.pem; ssl_verify_client optional; ssl_protocols TLSv1.2 TLSv1.3;
	keepalive_timeout 1s;
	server {
		listen 127.0.0.1:FIRST; listen 127.0.0.1:SECOND ssl; listen unix:DIR/socket; root DIR;
		location = / { return 200 "ok\n"; }
		location /known { if ($ssl_client_verify != SUCCESS) { return 403; } return 200 "ok\n"; }
		location = /inner { access_log off; return 200 "ok\n"; }
		location = /body { proxy_pass http://127.0.0.1:FIRST/inner; }
		location /auth { auth_basic "here"; auth_basic_user_file DIR/users; try_files /page.txt =404; }
		location = /page.txt { gzip on; gzip_types text/plain; types { text/plain txt; } }
		location /busy { limit_req zone=some; try_files /page.txt =404; }
		location /slower { limit_req zone=some; limit_req_status 429; try_files /page.txt =404; }
	}`)
}

// nginx starts nginx with that in the http section of its configuration. Each line of its
// log is in that format.
func (b *bed) nginx(t *testing.T, format, section string) (log func() string) {
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	b.write(t, "nginx.conf", user+`
daemon off; pid DIR/pid; worker_processes 1;
events { worker_connections 1024; }
http {
	log_format status "`+format+`"; access_log DIR/access.log status;
	client_body_temp_path DIR/1; proxy_temp_path DIR/2; fastcgi_temp_path DIR/3; uwsgi_temp_path DIR/4; scgi_temp_path DIR/5;`+section+`
}`)
	stop := b.start(t, "nginx", "-p", b.dir, "-e", b.path("error.log"), "-c", b.path("nginx.conf"))
	return func() string {
		printed := stop()
		text, err := os.ReadFile(b.path("access.log"))
		if err != nil {
			t.Fatal(err, printed)
		}
		return string(text)
	}
}

// haproxy starts HAProxy in front of a server of Go; at /down of none.
func haproxy(t *testing.T, b *bed) (log func() string) {
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") }))
	t.Cleanup(behind.Close)
	b.write(t, "haproxy.cfg", `
global
	log stdout format raw local0
	nbthread 1
defaults
	mode http
	log global
	log-format "%ST"
	option dontlognull
	timeout connect 1s
	timeout client 5s
	timeout server 5s
frontend front
	bind 127.0.0.1:FIRST
	use_backend down if { path /down }
	default_backend up
backend up
	server a `+behind.Listener.Addr().String()+`
backend down
	retries 0
	server b 127.0.0.1:SECOND
`)
	stop := b.start(t, "haproxy", "-db", "-f", b.path("haproxy.cfg"))
	return func() string {
		time.Sleep(100 * time.Millisecond) // it logs a request after its reply, and what it has not logged is lost when it ends
		return stop()
	}
}

// node starts a server of Node.
func node(t *testing.T, b *bed) (log func() string) {
	b.write(t, "server.js", `
const server = require('http').createServer((q, r) => {
	r.statusCode = q.url == '/some' && Math.random() < 0.5 ? 404 : 200
	console.log(r.statusCode)
	if (q.url == '/trailers') { r.setHeader('Trailer', 'X-Sum'); r.write('one'); r.addTrailers({'X-Sum': '1'}) }
	r.end('ok')
}).listen(FIRST, '127.0.0.1')
`)
	return b.start(t, "node", b.path("server.js"))
}

// standard starts a server of Go's net/http.
func standard(t *testing.T, b *bed) (log func() string) {
	var mu sync.Mutex
	var lines strings.Builder
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:"+b.plain)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: wiretest.Listener{Listener: l}, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		fmt.Fprintln(&lines, 200)
		mu.Unlock()
		if r.URL.Path == "/unread" { // nor is a reply 100 sent, which only reading the body does
			return
		}
		if r.URL.Path == "/hints" {
			w.Header().Set("Link", "</style.css>")
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.Header().Set("Trailer", "X-Sum")
		n, _ := io.Copy(w, r.Body)
		w.Header().Set("X-Sum", strconv.FormatInt(n, 10))
	})}}
	server.Start()
	t.Cleanup(server.Close)
	return func() string {
		server.Close()
		return lines.String()
	}
}

type row struct {
	name   string
	server func(*testing.T, *bed) (log func() string)
	http   bench.HTTP // its URL begins at the path
	change func(*bed, *bench.HTTP)
	load   bench.Load
	want   map[int]result.Outcome // of each status that must come, and of no other
	holds  func(s *result.Stage, log string) error
}

var rows = []row{
	{name: "nginx", server: nginx, http: bench.HTTP{URL: "/"}, want: ok},
	{name: "nginx, HEAD", server: nginx, http: bench.HTTP{URL: "/page.txt", Method: "HEAD"}, want: ok},
	{name: "nginx, a large reply", server: nginx, http: bench.HTTP{URL: "/page.txt"}, want: ok},
	{name: "nginx, gzip", server: nginx, http: bench.HTTP{URL: "/page.txt", Header: []string{"Accept-Encoding: gzip"}}, want: ok,
		holds: func(_ *result.Stage, log string) error { return has(log, "200 gzip") }},
	{name: "nginx, gzip, TLS", server: nginx, http: bench.HTTP{URL: "/page.txt", Header: []string{"Accept-Encoding: gzip"}}, change: secure, want: ok,
		holds: func(_ *result.Stage, log string) error { return has(log, "200 gzip") }},
	{name: "nginx, HEAD, TLS", server: nginx, http: bench.HTTP{URL: "/page.txt", Method: "HEAD"}, change: secure, want: ok},
	{name: "nginx, 100-continue", server: nginx, http: expecting("/body", 1000), want: ok},
	{name: "nginx, 100-continue, TLS", server: nginx, http: expecting("/body", 1000), change: secure, want: ok},
	{name: "nginx, 100-continue, a long body", server: nginx, http: expecting("/body", 500_000), want: ok},
	{name: "nginx, 100-continue, nobody reads the body", server: nginx, http: expecting("/", 1000), want: ok},
	{name: "nginx, TLS", server: nginx, http: bench.HTTP{URL: "/"}, change: secure, want: ok,
		holds: func(s *result.Stage, _ string) error { return has(s.Settings.Get("tls"), "TLS 1.3 TLS_AES_") }},
	{name: "nginx, TLS 1.2, resumed", server: nginx, http: bench.HTTP{URL: "/", NewConnection: true}, want: ok,
		change: func(b *bed, h *bench.HTTP) {
			secure(b, h)
			h.TLS.MaxVersion, h.TLS.ClientSessionCache = tls.VersionTLS12, tls.NewLRUClientSessionCache(4)
		},
		holds: func(s *result.Stage, _ string) error {
			return has(s.Settings.Get("tls")+" resumed "+s.Settings.Get("tls-resumed"), "TLS 1.2 TLS_ECDHE_ECDSA_", "resumed true")
		}},
	{name: "nginx, a client with a certificate", server: nginx, http: bench.HTTP{URL: "/known"}, want: ok,
		change: func(b *bed, h *bench.HTTP) {
			secure(b, h)
			server, _ := wiretest.Certificate()
			h.TLS.Certificates = server.Certificates
		}},
	{name: "nginx, a client without", server: nginx, http: bench.HTTP{URL: "/known"}, change: secure, want: map[int]result.Outcome{403: result.Error}},
	{name: "nginx, a Unix socket", server: nginx, http: bench.HTTP{URL: "/"}, want: ok,
		change: func(b *bed, h *bench.HTTP) { h.URL, h.UnixSocket = "http://app.example/", b.path("socket") }},
	{name: "nginx, connections that end while idle", server: nginx, http: bench.HTTP{URL: "/"}, want: ok, load: bench.Load{Burst: 4, BurstInterval: 1200 * time.Millisecond},
		holds: func(s *result.Stage, _ string) error {
			if s.Reconnects != 4 {
				return fmt.Errorf("%d connections were made again, want 4", s.Reconnects)
			}
			return nil
		}},
	{name: "nginx, a password", server: nginx, http: bench.HTTP{URL: "/auth"}, want: ok,
		change: func(b *bed, h *bench.HTTP) { h.URL = strings.Replace(h.URL, "//", "//joe:pass@", 1) }},
	{name: "nginx, no password", server: nginx, http: bench.HTTP{URL: "/auth"}, want: map[int]result.Outcome{401: result.Error}},
	{name: "nginx, no password, as asked for", server: nginx, http: bench.HTTP{URL: "/auth", OKStatus: "401"}, want: map[int]result.Outcome{401: result.OK}},
	{name: "nginx, 503 above a rate", server: nginx, http: bench.HTTP{URL: "/busy"}, load: above, want: map[int]result.Outcome{200: result.OK, 503: result.Rejected}},
	{name: "nginx, 429 above a rate", server: nginx, http: bench.HTTP{URL: "/slower"}, load: above, want: map[int]result.Outcome{200: result.OK, 429: result.Rejected}},
	{name: "haproxy", server: haproxy, http: bench.HTTP{URL: "/"}, want: ok},
	{name: "haproxy, nothing behind it", server: haproxy, http: bench.HTTP{URL: "/down"}, want: map[int]result.Outcome{503: result.Rejected}},
	{name: "node", server: node, http: bench.HTTP{URL: "/"}, want: ok},
	{name: "node, trailers", server: node, http: bench.HTTP{URL: "/trailers"}, want: ok},
	{name: "node, 404 is an answer", server: node, http: bench.HTTP{URL: "/some", OKStatus: "200,404"}, want: map[int]result.Outcome{200: result.OK, 404: result.OK}},
	{name: "net/http, POST", server: standard, http: bench.HTTP{URL: "/", Method: "POST", Body: bytes.Repeat([]byte("x"), 100_000)}, want: ok},
	{name: "net/http, trailers, TLS", server: standard, http: bench.HTTP{URL: "/", Method: "POST", Body: []byte("x")}, change: either, want: ok},
	{name: "net/http, 100-continue", server: standard, http: expecting("/", 1000), want: ok},
	{name: "net/http, 100-continue, TLS", server: standard, http: expecting("/", 1000), change: either, want: ok},
	{name: "net/http, 100-continue, a long body", server: standard, http: expecting("/", 500_000), want: ok},
	{name: "net/http, 100-continue, nobody reads the body", server: standard, http: expecting("/unread", 1000), want: ok},
	{name: "net/http, 100-continue, nobody reads the long body", server: standard, http: expecting("/unread", 500_000), want: ok},
	{name: "net/http, early hints", server: standard, http: bench.HTTP{URL: "/hints"}, want: ok},
}

var (
	ok    = map[int]result.Outcome{200: result.OK}
	above = bench.Load{Rate: 200, Arrivals: load.Constant}
)

// expecting is a request with a body of so many bytes that asks for a reply 100.
func expecting(path string, bytes int) bench.HTTP {
	return bench.HTTP{URL: path, Method: "POST", Header: []string{"Expect: 100-continue"}, Body: []byte(strings.Repeat("x", bytes))}
}

// secure speaks TLS at the second port.
func secure(b *bed, h *bench.HTTP) {
	either(b, h)
	h.URL = strings.Replace(h.URL, b.plain, b.port, 1)
}

// either speaks TLS at the first port, where the server takes both.
func either(_ *bed, h *bench.HTTP) {
	_, client := wiretest.Certificate()
	h.URL, h.TLS = strings.Replace(h.URL, "http:", "https:", 1), client.Clone()
}

func has(text string, wanted ...string) error {
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			return fmt.Errorf("%q is not in %.200q", want, text)
		}
	}
	return nil
}

func TestServers(t *testing.T) {
	for driver, of := range map[string]func(bench.HTTP) (bench.Driver, error){
		bench.GoroutineName: func(h bench.HTTP) (bench.Driver, error) { return h.Driver() },
		epoll.Name:          func(h bench.HTTP) (bench.Driver, error) { return epoll.Best(h, epoll.Options{}) },
	} {
		for _, row := range slices.Concat(rows, streamRows) {
			t.Run(driver+"/"+row.name, func(t *testing.T) {
				t.Parallel()
				b := newBed(t)
				log := row.server(t, b)
				h := row.http
				h.URL = "http://127.0.0.1:" + b.plain + h.URL
				if row.change != nil {
					row.change(b, &h)
				}
				d, err := of(h)
				if err != nil {
					t.Fatal(err)
				}
				l := row.load
				if l == (bench.Load{}) {
					l = bench.Load{Clients: 8, ThinkTime: 5 * time.Millisecond}
				}
				p := bench.Plan{Load: l, Duration: 250 * time.Millisecond, NewConnection: h.NewConnection}
				p.Duration += l.BurstInterval
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				s, err := bench.Run(ctx, p, d)
				if err != nil {
					t.Fatal(err)
				}
				agree(t, s, log(), row.want, row.holds)
			})
		}
	}
}

// agree holds a stage against the log of the server, of which each line begins with a
// status.
func agree(t *testing.T, s *result.Stage, log string, want map[int]result.Outcome, holds func(*result.Stage, string) error) {
	t.Helper()
	logged := result.Statuses{}
	var counts result.Counts
	for line := range strings.Lines(log) {
		status, err := strconv.Atoi(strings.Fields(line)[0])
		outcome, wanted := want[status]
		if err != nil || !wanted {
			t.Fatalf("the log has %q", line)
		}
		logged[status]++
		counts[outcome]++
	}
	if len(logged) != len(want) {
		t.Errorf("the log has %v, want some of each of %v", logged, want)
	}
	if !maps.Equal(s.Statuses, logged) || s.Counts != counts {
		t.Errorf("the log has %v, but the stage %v and %v; %q", logged, s.Statuses, s.Counts, s.Notes())
	}
	if holds != nil {
		if err := holds(s, log); err != nil {
			t.Error(err)
		}
	}
}

// A replay of an access log sends each request once, at its recorded instant by the clock
// of nginx. That logs milliseconds, and another process may hold up either: some attempt
// has to be close.
func TestReplay(t *testing.T) {
	t.Parallel()
	const attempts, near = 4, 10 * time.Millisecond
	var off time.Duration
	for range attempts {
		if off = replayed(t); off <= near {
			return
		}
	}
	t.Errorf("half of the arrivals are more than %v off their recorded instants", off)
}

// replayed replays 20 seconds in one, and returns the median deviation.
func replayed(t *testing.T) time.Duration {
	const speed = 20
	b := newBed(t)
	log := nginx(t, b)
	var lines strings.Builder
	planned := map[string]time.Duration{}
	for second := range 20 {
		n := 5 + second*7%20 // spread evenly over their second
		for k := range n {
			uri := fmt.Sprintf("/?n=%d", len(planned))
			planned[uri] = (time.Duration(second)*time.Second + time.Duration(k)*time.Second/time.Duration(n)) / speed
			fmt.Fprintf(&lines, "127.0.0.1 - - [01/Nov/2026:12:00:%02d +0000] \"GET %s HTTP/1.1\" 200 3 \"-\" \"-\"\n", second, uri)
		}
	}
	b.write(t, "old.log", lines.String())
	data, err := bench.DataFiles{Requests: b.path("old.log")}.Read()
	if err != nil {
		t.Fatal(err)
	}
	d, err := epoll.Best(bench.HTTP{URL: "http://127.0.0.1:" + b.plain + "/", Data: data}, epoll.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := data.Replay(bench.Plan{MaxLag: time.Minute}, speed)
	if err != nil {
		t.Fatal(err)
	}
	s, err := bench.Run(t.Context(), p, d)
	if err != nil {
		t.Fatal(err)
	}
	var off []time.Duration
	seen := map[string]bool{}
	for line := range strings.Lines(log()) {
		words := strings.Fields(line)
		uri := words[2]
		at, err := strconv.ParseFloat(words[3], 64)
		if _, known := planned[uri]; err != nil || !known || seen[uri] {
			t.Fatalf("the log has %q", line)
		}
		seen[uri] = true
		off = append(off, time.Duration(at*1e9)-planned[uri])
	}
	if len(seen) != len(planned) || s.Counts[result.OK] != int64(len(planned)) {
		t.Fatalf("nginx logged %d requests, %v are counted, want %d", len(seen), s.Counts, len(planned))
	}
	slices.Sort(off)
	origin := off[len(off)/2]
	for i := range off {
		off[i] = (off[i] - origin).Abs()
	}
	slices.Sort(off)
	return off[len(off)/2]
}
