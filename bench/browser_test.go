package bench_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/reports/result"
)

// site is a server with redirects and cookies. It counts requests, each as its method,
// path and length.
type site struct {
	*httptest.Server
	mu   sync.Mutex
	seen map[string]int64
	ids  int // cookies that were set
	lost int // requests without the cookie that their client was given
}

func newSite(t *testing.T) *site {
	s := &site{seen: map[string]int64{}}
	mux := http.NewServeMux()
	for _, status := range []int{301, 302, 303, 307, 308} {
		mux.Handle(fmt.Sprintf("/%d", status), http.RedirectHandler("/end", status))
	}
	to := func(from, location string) {
		mux.HandleFunc(from, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		})
	}
	to("/three", "/two")
	to("/two", "/302")
	to("/loop", "/loop")
	to("/other", "http://127.0.0.2:1/end?token=secret-of-theirs")
	to("/scheme", "ftp://127.0.0.1/end")
	to("/bad", "http://[::1/end")
	to("/a/relative", "../end?x=1#there")
	to("/named", "http://Shop.Example/end")
	to("/blanks", "/end/\u00fc b?x=\u00e4 \xff")
	to("/slash", "http:/end")
	to("/query", "?x=1")
	mux.HandleFunc("/nowhere", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusFound) })
	mux.HandleFunc("/closes", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		http.Redirect(w, r, "/end", http.StatusFound)
	})
	mux.HandleFunc("/missing", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/404", http.StatusFound) })
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(60 * time.Millisecond)
		http.Redirect(w, r, "/slow", http.StatusFound)
	})
	mux.HandleFunc("/parts", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond)
		http.Redirect(w, r, "/end/parts", http.StatusFound)
	})
	mux.HandleFunc("/end/parts", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		time.Sleep(20 * time.Millisecond)
		io.WriteString(w, "last")
	})
	mux.HandleFunc("/end/{name}", func(w http.ResponseWriter, r *http.Request) {})
	mux.HandleFunc("/end", func(w http.ResponseWriter, r *http.Request) {})
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.ids++
		id := s.ids
		s.mu.Unlock()
		http.SetCookie(w, &http.Cookie{Name: "id", Value: fmt.Sprint(id), Path: "/"})
		http.SetCookie(w, &http.Cookie{Name: "elsewhere", Value: "1", Path: "/elsewhere"})
		http.Redirect(w, r, "/home", http.StatusSeeOther)
	})
	mux.HandleFunc("/home", func(w http.ResponseWriter, r *http.Request) {
		_, none := r.Cookie("id")
		if _, err := r.Cookie("elsewhere"); none != nil && r.Method == "GET" || err == nil {
			s.mu.Lock()
			s.lost++
			s.mu.Unlock()
			http.Redirect(w, r, "/login", http.StatusFound)
		}
	})
	s.Server = either(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		s.mu.Lock()
		s.seen[fmt.Sprintf("%s %s %d %q", r.Method, r.RequestURI, n, r.Header.Values("Content-Type"))]++
		s.mu.Unlock()
		if strings.HasPrefix(r.RequestURI, "//") { // which a ServeMux cleans
			http.Redirect(w, r, "/end", http.StatusFound)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// eachGoroutineDriver runs the test for the goroutine driver, over TLS, too.
func eachGoroutineDriver(t *testing.T, test func(t *testing.T, made made)) {
	t.Helper()
	t.Run("plain", func(t *testing.T) { test(t, connsDriver) })
	t.Run("TLS", func(t *testing.T) { test(t, secured(connsDriver)) })
}

// An arrival that is redirected is one arrival, which ends as the last reply says, and the
// server sees each request of it, with the method that RFC 9110 says.
func TestRedirects(t *testing.T) {
	t.Parallel()
	const form = `["text/plain"]`
	for _, c := range []struct {
		method, path string
		change       func(*bench.HTTP)
		follow       int
		redirects    int64    // of each arrival
		seen         []string // of each arrival
		status       int
		outcome      result.Outcome
		why          string
	}{
		{"GET", "/302", nil, 0, 0, []string{"GET /302 0 []"}, 302, result.OK, ""},
		{"GET", "/302", nil, 1, 1, []string{"GET /302 0 []", "GET /end 0 []"}, 200, result.OK, ""},
		{"GET", "/303", nil, 9, 1, []string{"GET /303 0 []", "GET /end 0 []"}, 200, result.OK, ""},
		{"HEAD", "/303", nil, 9, 1, []string{"HEAD /303 0 []", "HEAD /end 0 []"}, 200, result.OK, ""},
		{"POST", "/301", nil, 9, 1, []string{"POST /301 4 " + form, "GET /end 0 []"}, 200, result.OK, ""},
		{"POST", "/302", nil, 9, 1, []string{"POST /302 4 " + form, "GET /end 0 []"}, 200, result.OK, ""},
		{"POST", "/303", nil, 9, 1, []string{"POST /303 4 " + form, "GET /end 0 []"}, 200, result.OK, ""},
		{"POST", "/307", nil, 9, 1, []string{"POST /307 4 " + form, "POST /end 4 " + form}, 200, result.OK, ""},
		{"POST", "/308", nil, 9, 1, []string{"POST /308 4 " + form, "POST /end 4 " + form}, 200, result.OK, ""},
		{"PUT", "/302", nil, 9, 1, []string{"PUT /302 4 " + form, "PUT /end 4 " + form}, 200, result.OK, ""},
		{"PUT", "/303", nil, 9, 1, []string{"PUT /303 4 " + form, "GET /end 0 []"}, 200, result.OK, ""},
		{"GET", "/three", nil, 3, 3, []string{"GET /three 0 []", "GET /two 0 []", "GET /302 0 []", "GET /end 0 []"}, 200, result.OK, ""},
		{"GET", "/three", nil, 2, 2, []string{"GET /three 0 []", "GET /two 0 []", "GET /302 0 []"}, 302, result.Error, "more than 2 redirects"},
		{"GET", "/loop", nil, 2, 2, []string{"GET /loop 0 []", "GET /loop 0 []", "GET /loop 0 []"}, 302, result.Error, "more than 2 redirects"},
		{"GET", "/other", nil, 9, 0, []string{"GET /other 0 []"}, 302, result.Error, "a redirect to another server, http://127.0.0.2:1, which is not followed"},
		{"GET", "/scheme", nil, 9, 0, []string{"GET /scheme 0 []"}, 302, result.Error, "a redirect to another server, ftp://127.0.0.1, which is not followed"},
		{"GET", "/bad", nil, 9, 0, []string{"GET /bad 0 []"}, 302, result.Error, "the Location of a redirect is no address"},
		{"GET", "/a/relative", nil, 9, 1, []string{"GET /a/relative 0 []", "GET /end?x=1 0 []"}, 200, result.OK, ""},
		{"GET", "//named/like/a/server", nil, 9, 1, []string{"GET //named/like/a/server 0 []", "GET /end 0 []"}, 200, result.OK, ""},
		{"GET", "/blanks", nil, 9, 1, []string{"GET /blanks 0 []", "GET /end/%C3%BC%20b?x=%C3%A4%20%FF 0 []"}, 200, result.OK, ""},
		{"GET", "/slash", nil, 9, 0, []string{"GET /slash 0 []"}, 302, result.Error, "the Location of a redirect is no address"},
		{"GET", "/query", nil, 1, 1, []string{"GET /query 0 []", "GET /query?x=1 0 []"}, 302, result.Error, "more than 1 redirects"},
		{"GET", "/nowhere", nil, 9, 0, []string{"GET /nowhere 0 []"}, 302, result.OK, ""},
		{"GET", "/missing", nil, 9, 1, []string{"GET /missing 0 []", "GET /404 0 []"}, 404, result.Error, "HTTP status 404"},
		{"GET", "/302", func(h *bench.HTTP) { h.RejectedStatus = "302" }, 9, 0, []string{"GET /302 0 []"}, 302, result.Rejected, ""},
		{"GET", "/302", func(h *bench.HTTP) { h.OKStatus = "200" }, 9, 1, []string{"GET /302 0 []", "GET /end 0 []"}, 200, result.OK, ""},
		{"GET", "/closes", nil, 9, 1, []string{"GET /closes 0 []", "GET /end 0 []"}, 200, result.OK, ""},
		{"GET", "/302", func(h *bench.HTTP) { h.NewConnection = true }, 9, 1, []string{"GET /302 0 []", "GET /end 0 []"}, 200, result.OK, ""},
	} {
		t.Run(fmt.Sprintf("%s %s %d", c.method, c.path, c.follow), func(t *testing.T) {
			t.Parallel()
			test := func(t *testing.T, made made) {
				site := newSite(t)
				h := bench.HTTP{URL: site.URL + c.path, Method: c.method, Follow: c.follow}
				if c.method == "POST" || c.method == "PUT" {
					h.Body, h.Header = []byte("a=17"), []string{"Content-Type: text/plain"}
				}
				if c.change != nil {
					c.change(&h)
				}
				p := bench.Plan{Load: bench.Load{Clients: 3, ThinkTime: 5 * time.Millisecond}, Duration: 50 * time.Millisecond, NewConnection: h.NewConnection}
				s := run(t, p, made(t, h))
				n := s.Counts.Planned()
				if n == 0 || s.Counts[c.outcome] != n || s.Redirects != n*c.redirects || len(s.Statuses) != 1 || s.Statuses[c.status] != n {
					t.Errorf("outcomes %v, %d redirects, statuses %v; want %d redirects of each, status %d", s.Counts, s.Redirects, s.Statuses, c.redirects, c.status)
				}
				want := map[string]int64{}
				for _, request := range c.seen {
					want[request] += n
				}
				if fmt.Sprint(site.seen) != fmt.Sprint(want) {
					t.Errorf("the server saw %v, want %v", site.seen, want)
				}
				if notes := strings.Join(s.Notes(), "; "); !strings.Contains(notes, c.why) || strings.Contains(notes, "secret") {
					t.Errorf("%q, want one with %q", notes, c.why)
				}
				if connections := s.Connect.N(); c.path == "/closes" && connections < n || h.NewConnection && connections < 2*n {
					t.Errorf("%d connections of %d arrivals", connections, n)
				}
			}
			test(t, connsDriver)
			if c.method == "GET" && c.redirects == 1 {
				t.Run("TLS", func(t *testing.T) { test(t, secured(connsDriver)) })
			}
		})
	}
}

// A server is known by the name that the Host line gives it, also in a row of a file.
func TestRedirectToTheHostLine(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	h := bench.HTTP{URL: site.URL + "/named", Header: []string{"Host: shop.example"}, Follow: 1}
	s := run(t, bench.Plan{Load: bench.Load{Clients: 1, ThinkTime: 5 * time.Millisecond}, Duration: 30 * time.Millisecond}, connsDriver(t, h))
	if n := s.Counts[result.OK]; n == 0 || s.Redirects != n || n != s.Counts.Planned() {
		t.Errorf("outcomes %v, %d redirects; %q", s.Counts, s.Redirects, s.Notes())
	}
}

// A server may close behind each redirect without announcing it, or send it byte by byte in
// chunks: each is followed, over a connection that can be used.
func TestRedirectsThatClose(t *testing.T) {
	t.Parallel()
	const loop = "HTTP/1.1 302 Found\r\nLocation: /\r\n"
	for name, c := range map[string]struct {
		script script
		closes bool
	}{
		"closes": {thenCloses(corked(says(loop + "Content-Length: 0\r\n\r\n"))), true},
		"chunks": {dribbles(loop + "Transfer-Encoding: chunked\r\n\r\n3\r\nbye\r\n0\r\n\r\n"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScripted(t, c.script)
			stage := run(t, bench.Plan{Load: bench.Load{Burst: 1}, Duration: 20 * time.Millisecond, DrainTimeout: time.Minute}, connsDriver(t, bench.HTTP{URL: s.url(), Follow: 2}))
			want := 1
			if c.closes {
				want = 3
			}
			if notes := strings.Join(stage.Notes(), "; "); stage.Counts[result.Error] != 1 || !strings.Contains(notes, "more than 2 redirects") || s.seen() != 3 || s.connections() != want {
				t.Errorf("outcomes %v, %d requests, %d connections, want 3 and %d; %s", stage.Counts, s.seen(), s.connections(), want, notes)
			}
		})
	}
}

// The latency and the first byte are those of the last reply, and the timeout is for all.
func TestTimesOfRedirects(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	p := bench.Plan{Load: bench.Load{Clients: 2}, Duration: 200 * time.Millisecond, Timeout: 10 * time.Second}
	for attempt := 1; ; attempt++ { // a busy machine may read a first byte late, and only that: never each time
		s := run(t, p, connsDriver(t, bench.HTTP{URL: site.URL + "/parts", Follow: 1}))
		n := time.Duration(s.Counts[result.OK])
		if n == 0 || s.Latency.Sum() < n*39*time.Millisecond || s.FirstByte.Sum() < n*19*time.Millisecond {
			t.Fatalf("%d ok, latencies of %v and first bytes of %v in all", n, s.Latency.Sum(), s.FirstByte.Sum())
		}
		if rest := (s.Latency.Sum() - s.FirstByte.Sum()) / n; rest >= 19*time.Millisecond {
			break
		} else if attempt == 20 {
			t.Fatalf("the rest of the last reply takes %v in the mean, want 20ms", rest)
		}
	}
	p.Timeout = 100 * time.Millisecond
	s := run(t, p, connsDriver(t, bench.HTTP{URL: site.URL + "/slow", Follow: 9}))
	if n := s.Counts.Planned(); n == 0 || s.Counts[result.Timeout] != n {
		t.Errorf("outcomes %v of two replies of 60 ms each within 100 ms", s.Counts)
	}
}

// A client keeps its cookies, whatever becomes of its connection, and no other client has
// them.
func TestCookies(t *testing.T) {
	t.Parallel()
	eachGoroutineDriver(t, func(t *testing.T, made made) {
		for name, c := range map[string]struct {
			load bench.Load
			h    bench.HTTP
		}{
			"closed":          {load: bench.Load{Clients: 5, ThinkTime: 5 * time.Millisecond}},
			"new connections": {load: bench.Load{Clients: 5, ThinkTime: 5 * time.Millisecond}, h: bench.HTTP{NewConnection: true}},
			"a cookie given":  {load: bench.Load{Clients: 5, ThinkTime: 5 * time.Millisecond}, h: bench.HTTP{Header: []string{"Cookie: theme=dark"}}},
			"burst":           {load: bench.Load{Burst: 5, BurstInterval: 20 * time.Millisecond}},
		} {
			var site *site
			var s *result.Stage
			for length := 50 * time.Millisecond; length < 5*time.Second; length *= 3 { // a busy machine may not come to a second arrival
				site = newSite(t)
				c.h.URL, c.h.Cookies, c.h.Follow = site.URL+"/home", true, 2
				if s = run(t, bench.Plan{Load: c.load, Duration: length, NewConnection: c.h.NewConnection}, made(t, c.h)); s.Counts.Planned() > 10 {
					break
				}
			}
			// Each logs in at its first arrival: to home, to login, to home again.
			if s.Counts[result.OK] != s.Counts.Planned() || s.Counts.Planned() <= 10 || site.ids != 5 || site.lost != 5 || s.Redirects != 10 {
				t.Errorf("%s: outcomes %v, %d cookies, %d requests without, %d redirects", name, s.Counts, site.ids, site.lost, s.Redirects)
			}
		}
	})
}

// A session begins without cookies and keeps them to its end.
func TestCookiesOfSessions(t *testing.T) {
	t.Parallel()
	site := newSite(t)
	sc := bench.Scenario{HTTP: bench.HTTP{URL: site.URL, Cookies: true, Follow: 1}, Session: func(s *bench.Session) {
		if s.Do("log in", bench.Step{Method: "POST", Path: "/login", Body: []byte("joe")}).OK {
			s.Think(5 * time.Millisecond)
			s.Do("home", bench.Step{Path: "/home"})
		}
	}}
	stages, err := sc.Run(t.Context(), bench.Plan{Load: bench.Load{Clients: 2}, Duration: 60 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	n := stages[0].Counts[result.OK]
	if n == 0 || n != stages[0].Counts.Planned() || int64(site.ids) != n || site.lost != 0 || stages[0].Redirects != n || stages[1].Redirects != n || stages[2].Redirects != 0 {
		t.Errorf("outcomes %v, %d cookies, %d requests without; redirects %d, %d, %d", stages[0].Counts, site.ids, site.lost, stages[0].Redirects, stages[1].Redirects, stages[2].Redirects)
	}
}

// No server can make a client keep what it likes.
func TestCookiesAreBounded(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	n, most, large := 0, 0, false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		most, large = max(most, len(r.Cookies())), large || slices.ContainsFunc(r.Cookies(), func(c *http.Cookie) bool { return c.Name == "large" })
		w.Header().Add("Set-Cookie", "large="+strings.Repeat("x", 5000))
		w.Header().Add("Set-Cookie", "no cookie")
		for range 50 {
			n++
			w.Header().Add("Set-Cookie", fmt.Sprintf("c%d=1", n))
		}
	}))
	defer server.Close()
	s := run(t, bench.Plan{Load: bench.Load{Clients: 1, ThinkTime: time.Millisecond}, Duration: 100 * time.Millisecond}, connsDriver(t, bench.HTTP{URL: server.URL, Cookies: true}))
	if s.Counts[result.OK] != s.Counts.Planned() || most > 200 || n > 250 && most != 200 || large {
		t.Errorf("outcomes %v; %d cookies were set, at most %d sent; one of 5,000 bytes: %v", s.Counts, n, most, large)
	}
}

// What only the goroutine driver does is refused by the other, and has it taken where none
// is asked for.
func TestOnlyGoroutines(t *testing.T) {
	site := wiretest.Start(t)
	for _, c := range []struct {
		h    bench.HTTP
		want string
	}{
		{bench.HTTP{Cookies: true}, "Cookies is true, want false, as only the goroutine driver keeps cookies"},
		{bench.HTTP{Follow: 3}, "Follow is 3, want 0, as only the goroutine driver follows redirects"},
		{bench.HTTP{Accepted: func([]byte) (uint64, bool) { return 0, true }}, "Accepted is a function, want nil, as only the goroutine driver reads what a server accepted"},
	} {
		c.h.URL = "http://" + site.Addr
		if _, err := epoll.New(c.h, epoll.Options{}); epoll.Supported && (err == nil || err.Error() != c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
		if d, err := epoll.Best(c.h, epoll.Options{}); err != nil || d.Name() != bench.GoroutineName {
			t.Errorf("%+v: %v, %v", c.h, d, err)
		}
	}
	for _, follow := range []int{-1, bench.MaxFollow + 1} {
		if err := (bench.HTTP{URL: "http://" + site.Addr, Follow: follow}).Validate(); err == nil || !strings.Contains(err.Error(), "want 0 to 100") {
			t.Error(err)
		}
	}
}
