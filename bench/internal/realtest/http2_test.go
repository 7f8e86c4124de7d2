package realtest

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/reports/result"
)

// nginx2 starts nginx over HTTP/2. Its connections end after 50 requests.
func nginx2(t *testing.T, b *bed) (log func() string) {
	b.write(t, "page.txt", strings.Repeat("the same line, time and again\n", 10_000))
	return b.nginx(t, "$status $server_protocol $request_method $request_length", `
	limit_req_zone $server_port zone=some:1m rate=20r/s;
	ssl_certificate DIR/cert.pem; ssl_certificate_key DIR/cert.key;
	keepalive_requests 50; http2_max_concurrent_streams 8; client_max_body_size 1m;
	server {
		listen 127.0.0.1:FIRST http2; listen 127.0.0.1:SECOND ssl http2; root DIR;
		location = / { return 200 "ok\n"; }
		location /busy { limit_req zone=some; try_files /page.txt =404; }
	}`)
}

// nghttpd starts the server of nghttp2, which prints each frame.
func nghttpd(t *testing.T, b *bed, args ...string) (log func() string) {
	b.write(t, "index.html", "ok")
	stop := b.start(t, "nghttpd", append([]string{"-v", "-a", "127.0.0.1", "-d", b.dir}, args...)...)
	return func() string {
		var lines strings.Builder
		for line := range strings.Lines(stop()) {
			if _, status, ok := strings.Cut(line, ":status: "); ok {
				lines.WriteString(strings.TrimSpace(status) + " HTTP/2.0\n")
			}
		}
		return lines.String()
	}
}

// standard2 starts a server of Go's net/http, over HTTP/2 at both ports, that allows few
// streams.
func standard2(t *testing.T, b *bed) (log func() string) {
	var mu sync.Mutex
	var lines strings.Builder
	s := &http.Server{Protocols: new(http.Protocols), HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 5, MaxReceiveBufferPerStream: 1 << 16, MaxReceiveBufferPerConnection: 1 << 17}}
	s.Protocols.SetUnencryptedHTTP2(true)
	s.Protocols.SetHTTP2(true)
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		n, _ := io.Copy(w, r.Body)
		w.Header().Set("X-Sum", fmt.Sprint(n))
		mu.Lock()
		fmt.Fprintln(&lines, 200, r.Proto, r.Method, n)
		mu.Unlock()
	})
	own, _ := wiretest.Certificate()
	for port, secure := range map[string]bool{b.plain: false, b.port: true} {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		if secure {
			config := own.Clone()
			config.NextProtos = []string{"h2"}
			l = tls.NewListener(l, config)
		}
		go s.Serve(l)
	}
	t.Cleanup(func() { s.Close() })
	return func() string {
		s.Close()
		mu.Lock()
		defer mu.Unlock()
		return lines.String()
	}
}

// What is reported of a server of others over HTTP/2 is what that logged.
func TestHTTP2(t *testing.T) {
	post := func(bytes int) bench.HTTP {
		return bench.HTTP{URL: "/", Method: "POST", Body: []byte(strings.Repeat("x", bytes))}
	}
	plain := func(t *testing.T, b *bed) func() string { return nghttpd(t, b, "--no-tls", b.plain) }
	overTLS := func(t *testing.T, b *bed) func() string {
		b.port = b.plain
		return nghttpd(t, b, b.plain, b.path("cert.key"), b.path("cert.pem"))
	}
	for _, row := range []struct {
		name   string
		server func(*testing.T, *bed) (log func() string)
		http   bench.HTTP // its URL begins at the path
		change func(*bed, *bench.HTTP)
		load   bench.Load
		want   map[int]result.Outcome
		logged string // what each line has
	}{
		{name: "nginx, whose connections end", server: nginx2, http: bench.HTTP{URL: "/"}, want: ok, logged: "HTTP/2.0 GET"},
		{name: "nginx, few streams", server: nginx2, http: bench.HTTP{URL: "/", Connections: 1}, load: bench.Load{Clients: 30}, want: ok},
		{name: "nginx, TLS", server: nginx2, http: bench.HTTP{URL: "/", Connections: 1}, change: secure, load: bench.Load{Rate: 300}, want: ok},
		{name: "nginx, HEAD", server: nginx2, http: bench.HTTP{URL: "/page.txt", Method: "HEAD", Connections: 1}, want: ok, logged: "HTTP/2.0 HEAD"},
		{name: "nginx, a large reply", server: nginx2, http: bench.HTTP{URL: "/page.txt", Connections: 2}, want: ok},
		{name: "nginx, a large reply, TLS", server: nginx2, http: bench.HTTP{URL: "/page.txt", Connections: 2}, change: secure, want: ok},
		{name: "nginx, 503 above a rate", server: nginx2, http: bench.HTTP{URL: "/busy", Connections: 1}, load: above, want: map[int]result.Outcome{200: result.OK, 503: result.Rejected}},
		{name: "nginx, a new connection each", server: nginx2, http: bench.HTTP{URL: "/", NewConnection: true}, want: ok},
		{name: "nghttpd", server: plain, http: bench.HTTP{URL: "/", Connections: 1}, load: bench.Load{Clients: 30}, want: ok},
		{name: "nghttpd, TLS", server: overTLS, http: bench.HTTP{URL: "/", Connections: 2}, change: secure, load: bench.Load{Rate: 300}, want: ok},
		{name: "net/http", server: standard2, http: bench.HTTP{URL: "/", Connections: 1}, load: bench.Load{Clients: 20}, want: ok, logged: "HTTP/2.0 GET 0"},
		{name: "net/http, bodies beyond the windows", server: standard2, http: post(300_000), want: ok, logged: "POST 300000"},
		{name: "net/http, bodies beyond the windows, shared", server: standard2, http: func() bench.HTTP { h := post(100_000); h.Connections = 1; return h }(), load: bench.Load{Clients: 8}, want: ok, logged: "POST 100000"},
		{name: "net/http, TLS", server: standard2, http: post(1000), change: secure, want: ok, logged: "POST 1000"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, driver := range []string{epoll.Name, bench.GoroutineName} {
				if driver == epoll.Name && !epoll.Supported {
					continue
				}
				b := newBed(t)
				log := row.server(t, b)
				h := row.http
				h.URL, h.Version = "http://127.0.0.1:"+b.plain+h.URL, bench.HTTP2
				if row.change != nil {
					row.change(b, &h)
				}
				plan := bench.Plan{Load: row.load, Duration: 200 * time.Millisecond, MaxLag: time.Minute, Timeout: 20 * time.Second, NewConnection: h.NewConnection}
				if plan.Load == (bench.Load{}) {
					plan.Load = bench.Load{Clients: 4}
				}
				stage := drive(t, driver, h, plan)
				lines := strings.Split(strings.TrimSuffix(log(), "\n"), "\n")
				logged := map[string]int64{}
				for _, line := range lines {
					if logged[line[:min(3, len(line))]]++; !strings.Contains(line, row.logged) {
						t.Errorf("%s: it logged %q, want %q in it", driver, line, row.logged)
						break
					}
				}
				for status, outcome := range row.want {
					if n := stage.Counts[outcome]; n == 0 || n != stage.Statuses[status] || logged[fmt.Sprint(status)] != n {
						t.Errorf("%s: %d of status %d, %d logged; %v %q", driver, n, status, logged[fmt.Sprint(status)], stage.Counts, stage.Warnings)
					}
				}
				// nginx may end two connections in a row before it looks at the same request.
				twice := int64(0)
				if slices.ContainsFunc(stage.Warnings, func(w string) bool { return strings.Contains(w, exchange.Unprocessed) }) {
					twice = stage.Counts[result.Reset]
				}
				if n := int64(len(lines)); stage.Counts.Planned() != n+twice || twice > stage.Resent/10 {
					t.Errorf("%s: the stage counts %v, %d are logged: %q", driver, stage.Counts, n, stage.Warnings)
				}
			}
		})
	}
}

func drive(t *testing.T, driver string, h bench.HTTP, p bench.Plan) *result.Stage {
	t.Helper()
	d, err := epoll.Best(h, epoll.Options{})
	if driver == bench.GoroutineName {
		d, err = h.Driver()
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := bench.Run(t.Context(), p, d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
