package bench_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/result"
)

// A connection that is idle says nothing of the next request: not where its TLS
// session gets its tickets, not where the last request's time is up; and where
// the server has closed it, properly or not, a new one is taken and nothing is
// a failure.
func TestConnectionsThatRest(t *testing.T) {
	const clients, waves = 3, 3
	for _, c := range []struct {
		name   string
		do     func(*peer)
		secure bool
		again  int64 // connections made again
	}{
		{"kept", answers(okReply), false, 0},
		{"closed", once(okReply), false, clients * (waves - 1)},
		{"reset", onceReset(okReply), false, clients * (waves - 1)},
		{"said goodbye to", once(okReply, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"), false, clients * (waves - 1)},
		{"kept, of a session", answers(okReply), true, 0}, // its tickets wait to be read before the first request
		{"close_notify, then FIN", once(okReply), true, clients * (waves - 1)},
		{"close_notify, and the connection is left open", func(p *peer) {
			if p.request() && p.say(okReply) {
				p.Conn.(*tls.Conn).CloseWrite()
				p.hold()
			}
		}, true, clients * (waves - 1)},
		{"FIN without close_notify", func(p *peer) {
			if p.request() && p.say(okReply) {
				p.tcp.Close()
			}
		}, true, clients * (waves - 1)},
		{"reset, of a session", onceReset(okReply), true, clients * (waves - 1)},
		{"an alert", func(p *peer) {
			if p.request() && p.say(okReply) {
				p.tcp.Write([]byte("\x15\x03\x03\x00\x02\x02\x46"))
				p.hold()
			}
		}, true, clients * (waves - 1)},
	} {
		for _, driver := range []string{epoll.Name, bench.GoroutineName} {
			if driver == epoll.Name && !epoll.Supported {
				continue
			}
			t.Run(c.name+", "+driver, func(t *testing.T) {
				t.Parallel()
				_, client := certificate()
				url := serveHostile(t, c.do, c.secure)
				var stage *result.Stage
				// A wave has to be over before the next one, and its connections closed. A
				// machine that is too busy for that gets more time.
				for every := 250 * time.Millisecond; ; every *= 3 {
					d, err := namedDriver(driver, bench.HTTP{URL: url, TLS: client})
					if err != nil {
						t.Fatal(err)
					}
					// The first wave comes when the connections have rested, too.
					stage = run(t, bench.Plan{
						Load: bench.Load{Burst: clients, BurstInterval: every}, Duration: waves * every, Timeout: every * 4 / 5, DrainTimeout: time.Minute,
					}, d)
					slow := stage.Counts[result.OK] < clients*waves || max(stage.Lag.Max(), stage.Latency.Max()) > every/4
					if !slow || every > 2*time.Second {
						break
					}
				}
				if stage.Counts[result.OK] != clients*waves || stage.Counts.Planned() != clients*waves {
					t.Errorf("counts %v, want %d ok; %q", stage.Counts, clients*waves, stage.Notes())
				}
				if stage.Reconnects != c.again || stage.Unsolicited != 0 {
					t.Errorf("%d connections made again, %d times unsolicited bytes; want %d and none", stage.Reconnects, stage.Unsolicited, c.again)
				}
			})
		}
	}
}

// A server that does not come to an end with the handshake, or does not begin
// it, costs the timeout and no more; one that says anything else refuses, and why
// is reported.
func TestHandshakesThatDoNotEnd(t *testing.T) {
	hello := func(text string) func(net.Conn) {
		return func(c net.Conn) { c.Read(make([]byte, 1000)); c.Write([]byte(text)) }
	}
	for _, c := range []struct {
		name string
		do   func(c net.Conn)
		want result.Outcome
		why  string
	}{
		{"nothing is said", func(c net.Conn) { c.Read(make([]byte, 1000)); time.Sleep(time.Second) }, result.Timeout, ""},
		{"nothing is read", func(c net.Conn) { time.Sleep(time.Second) }, result.Timeout, ""},
		{"half a record", func(c net.Conn) { hello("\x16\x03\x03\x40\x00\x02\x00")(c); time.Sleep(time.Second) }, result.Timeout, ""},
		{"a record drips", func(c net.Conn) {
			hello("\x16\x03\x03\x40\x00\x02\x00")(c)
			for {
				if _, err := c.Write([]byte{0}); err != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}, result.Timeout, ""},
		{"plain HTTP", hello(okReply), result.Refused, "does not look like a TLS handshake"},
		{"garbage", hello(strings.Repeat("\x00\xff", 1000)), result.Refused, "does not look like a TLS handshake"},
		{"a handshake of garbage", hello("\x16\x03\x03\x00\x04\xff\x00\x00\x00"), result.Refused, "tls: "},
		{"an alert", hello("\x15\x03\x03\x00\x02\x02\x28"), result.Refused, "tls: handshake failure"},
		{"closed", func(net.Conn) {}, result.Refused, "TLS handshake: "},
		{"reset", func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) }, result.Refused, "reset"},
	} {
		for _, driver := range []string{epoll.Name, bench.GoroutineName} {
			if driver == epoll.Name && !epoll.Supported {
				continue
			}
			t.Run(c.name+", "+driver, func(t *testing.T) {
				t.Parallel()
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer ln.Close()
				go func() {
					for {
						conn, err := ln.Accept()
						if err != nil {
							return
						}
						go func() { defer conn.Close(); c.do(conn) }()
					}
				}()
				r := hostileRun{URL: "https://" + ln.Addr().String() + "/", Driver: driver, Clients: 4, Stalls: c.want == result.Timeout}
				for range 3 { // others may have taken the CPU
					stage, took, err := r.run(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					addsUp(t, stage)
					if n := stage.Counts[c.want]; n == 0 || n != stage.Counts.Planned() || !strings.Contains(fmt.Sprint(stage.Notes()), c.why) {
						t.Fatalf("counts %v, want all %v for %q; %q", stage.Counts, c.want, c.why, stage.Notes())
					}
					if stage.Connect.N() > 0 || stage.TLS != nil {
						t.Errorf("%d connections are timed, and handshakes %v", stage.Connect.N(), stage.TLS)
					}
					if took <= r.limit(r.plan())+time.Second {
						return
					}
				}
				t.Error("the stage did not end in time")
			})
		}
	}
}

// Each connection has one handshake, of which the time is its own; whatever version
// and cipher were agreed on, the requests are answered, and a certificate that is
// not trusted refuses them.
func TestHandshakesAreTimed(t *testing.T) {
	const clients = 5
	server, trusted := certificate()
	for name, c := range map[string]struct {
		version, cipher uint16
		client          *tls.Config
		want            result.Outcome
		why             string
	}{
		"1.3":                  {tls.VersionTLS13, 0, trusted, result.OK, ""},
		"1.2":                  {tls.VersionTLS12, 0, trusted, result.OK, ""},
		"1.2, CBC":             {tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, trusted, result.OK, ""},
		"1.2, ChaCha20":        {tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, trusted, result.OK, ""},
		"1.0, CBC":             {tls.VersionTLS10, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, trusted, result.OK, ""},
		"not trusted":          {tls.VersionTLS13, 0, nil, result.Refused, "certificate signed by unknown authority"},
		"of another name":      {tls.VersionTLS13, 0, &tls.Config{RootCAs: trusted.RootCAs, ServerName: "shop.example.org"}, result.Refused, "wanted to match shop.example.org"},
		"no version in common": {tls.VersionTLS12, 0, &tls.Config{RootCAs: trusted.RootCAs, MinVersion: tls.VersionTLS13}, result.Refused, "protocol version"},
	} {
		config := server.Clone()
		config.MaxVersion, config.MinVersion = c.version, tls.VersionTLS10
		client := c.client
		if c.cipher != 0 {
			config.CipherSuites = []uint16{c.cipher}
			client = c.client.Clone()
			client.CipherSuites, client.MinVersion = config.CipherSuites, tls.VersionTLS10
		}
		for _, fresh := range []bool{false, true} {
			for _, driver := range []string{epoll.Name, bench.GoroutineName} {
				if driver == epoll.Name && !epoll.Supported {
					continue
				}
				t.Run(fmt.Sprintf("%s, %s, new connections: %v", name, driver, fresh), func(t *testing.T) {
					t.Parallel()
					ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
					if err != nil {
						t.Fatal(err)
					}
					s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 40_000)) }))
					s.Config.ErrorLog = log.New(io.Discard, "", 0)
					s.Listener = ln
					s.Start()
					defer s.Close()
					d, err := namedDriver(driver, bench.HTTP{URL: "https://" + ln.Addr().String() + "/", TLS: client, NewConnection: fresh, Method: "POST", Body: make([]byte, 40_000)})
					if err != nil {
						t.Fatal(err)
					}
					stage := run(t, bench.Plan{Load: bench.Load{Clients: clients, ThinkTime: 5 * time.Millisecond, Backoff: 20 * time.Millisecond}, Duration: 60 * time.Millisecond, NewConnection: fresh}, d)
					n := stage.Counts[c.want]
					if n == 0 || n != stage.Counts.Planned() || stage.Reconnects > 0 || !strings.Contains(fmt.Sprint(stage.Notes()), c.why) {
						t.Errorf("counts %v, want all %v for %q, %d connections made again; %q", stage.Counts, c.want, c.why, stage.Reconnects, stage.Notes())
					}
					switch {
					case c.want != result.OK:
						n = 0
					case !fresh:
						n = clients
					}
					if handshakes := stage.Handshakes().N(); handshakes != n || stage.Connect.N() != n {
						t.Errorf("%d connections and %d handshakes were timed, want %d of each", stage.Connect.N(), handshakes, n)
					}
				})
			}
		}
	}
}

// A server that answers each request twice, the second time when the next
// request is out already, cannot be seen through while that goes on; but it is
// reported.
func TestSecondRepliesThatComeLate(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		late := func(p *peer) {
			for p.request() && p.say(okReply) {
				time.Sleep(5 * time.Millisecond)
				if !p.say(rejectedReply) {
					return
				}
			}
		}
		stage := run(t, bench.Plan{Load: bench.Load{Clients: 2}, Duration: 200 * time.Millisecond, MaxLag: time.Minute}, made(t, bench.HTTP{URL: serveHostile(t, late, false)}))
		if stage.Unsolicited == 0 {
			t.Errorf("it was not noticed; counts %v, %q", stage.Counts, stage.Notes())
		}
	})
}
