package bench_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/internal/wiretest"
	"github.com/a628bb15/onhold/reports/result"
)

// What is given goes out byte for byte, whichever driver sends it. HOST stands
// for the server's address.
func TestRequestByteForByte(t *testing.T) {
	t.Parallel()
	const agent, host = "User-Agent: onhold\r\n", "Host: HOST\r\n"
	for what, c := range map[string]struct {
		h    bench.HTTP // its URL without http://HOST, its user aside
		want string
	}{
		"nothing given": {bench.HTTP{}, "GET / HTTP/1.1\r\n" + agent + host + "\r\n"},
		"cookies": {bench.HTTP{URL: "/", Header: []string{`Cookie: session="abc.def"`, `Cookie: prefs={"k":"v"}; a=b c; d=`}},
			"GET / HTTP/1.1\r\n" + agent + host + "Cookie: session=\"abc.def\"\r\nCookie: prefs={\"k\":\"v\"}; a=b c; d=\r\n\r\n"},
		"order, case, blanks, repeats, nothing, other scripts": {bench.HTTP{URL: "/", Header: []string{
			"x-b:  two blanks\t", "X-A:none", "X-b:", "x-B: ", "X-Utf: caf\xc3\xa9", "X-Latin: \xe9\xff", "!#$%&'*+-.^_`|~: odd", "Accept: a, b;q=0.5", "Content-Type: a/b"}},
			"GET / HTTP/1.1\r\n" + agent + host + "x-b:  two blanks\t\r\nX-A:none\r\nX-b:\r\nx-B: \r\nX-Utf: caf\xc3\xa9\r\nX-Latin: \xe9\xff\r\n" +
				"!#$%&'*+-.^_`|~: odd\r\nAccept: a, b;q=0.5\r\nContent-Type: a/b\r\n\r\n"},
		"lines that take the place of ours": {bench.HTTP{URL: "/", Header: []string{"X-First: 1", "HOST:  shop.example:99 ", "user-agent:"}},
			"GET / HTTP/1.1\r\nX-First: 1\r\nHOST:  shop.example:99 \r\nuser-agent:\r\n\r\n"},
		"repeated user agents": {bench.HTTP{URL: "/", Header: []string{"User-Agent: a", "User-Agent: b"}},
			"GET / HTTP/1.1\r\n" + host + "User-Agent: a\r\nUser-Agent: b\r\n\r\n"},
		"connection": {bench.HTTP{URL: "/", Header: []string{"Connection: Keep-Alive, Upgrade", "Upgrade: x"}},
			"GET / HTTP/1.1\r\n" + agent + host + "Connection: Keep-Alive, Upgrade\r\nUpgrade: x\r\n\r\n"},
		"a new connection": {bench.HTTP{URL: "/", NewConnection: true, Header: []string{"X: 1"}},
			"GET / HTTP/1.1\r\n" + agent + host + "X: 1\r\nConnection: close\r\n\r\n"},
		"a new connection, said already": {bench.HTTP{URL: "/", NewConnection: true, Header: []string{"connection: x, Close"}},
			"GET / HTTP/1.1\r\n" + agent + host + "connection: x, Close\r\n\r\n"},
		"a path as it is": {bench.HTTP{URL: "//a/./b/../c%2fd%2F%41+~;=:@!$&'()*,[]//?q=a+b&r=%zz%&&s=//..#part"},
			"GET //a/./b/../c%2fd%2F%41+~;=:@!$&'()*,[]//?q=a+b&r=%zz%&&s=//.. HTTP/1.1\r\n" + agent + host + "\r\n"},
		"what no request line may hold": {bench.HTTP{URL: "/a b/caf\xc3\xa9\"<>\\^`{|}?q=a b&r={1}|\xe9"},
			"GET /a%20b/caf%C3%A9%22%3C%3E%5C%5E%60%7B%7C%7D?q=a%20b&r=%7B1%7D%7C%E9 HTTP/1.1\r\n" + agent + host + "\r\n"},
		"a query without a path": {bench.HTTP{URL: "?q=1"}, "GET /?q=1 HTTP/1.1\r\n" + agent + host + "\r\n"},
		"a user":                 {bench.HTTP{URL: "joe%40x:p%3Aw@"}, "GET / HTTP/1.1\r\n" + agent + host + "Authorization: Basic am9lQHg6cDp3\r\n\r\n"},
		"a user, and a line of it": {bench.HTTP{URL: "joe:x@", Header: []string{"authorization: Bearer t"}},
			"GET / HTTP/1.1\r\n" + agent + host + "authorization: Bearer t\r\n\r\n"},
		"a method of one's own":      {bench.HTTP{URL: "/", Method: "M-SEARCH"}, "M-SEARCH / HTTP/1.1\r\n" + agent + host + "\r\n"},
		"a method in lower case":     {bench.HTTP{URL: "/", Method: "get"}, "get / HTTP/1.1\r\n" + agent + host + "\r\n"},
		"POST without a body":        {bench.HTTP{URL: "/", Method: "POST"}, "POST / HTTP/1.1\r\n" + agent + host + "Content-Length: 0\r\n\r\n"},
		"DELETE without a body":      {bench.HTTP{URL: "/", Method: "DELETE"}, "DELETE / HTTP/1.1\r\n" + agent + host + "\r\n"},
		"a body with GET":            {bench.HTTP{URL: "/", Body: []byte("a")}, "GET / HTTP/1.1\r\n" + agent + host + "Content-Length: 1\r\n\r\na"},
		"a body of any bytes":        {bench.HTTP{URL: "/", Method: "PUT", Body: []byte("\x00\r\n\r\n\xff%00")}, "PUT / HTTP/1.1\r\n" + agent + host + "Content-Length: 9\r\n\r\n\x00\r\n\r\n\xff%00"},
		"a line that looks like two": {bench.HTTP{URL: "/", Header: []string{`X: a\r\nY: b`}}, "GET / HTTP/1.1\r\n" + agent + host + `X: a\r\nY: b` + "\r\n\r\n"},
		"a line with further colons": {bench.HTTP{URL: "/", Header: []string{"X: :a:b"}}, "GET / HTTP/1.1\r\n" + agent + host + "X: :a:b\r\n\r\n"},
		"a header of thousands of lines": {bench.HTTP{URL: "/", Header: slices.Repeat([]string{"X-Long: " + strings.Repeat("y", 100)}, 2000)},
			"GET / HTTP/1.1\r\n" + agent + host + strings.Repeat("X-Long: "+strings.Repeat("y", 100)+"\r\n", 2000) + "\r\n"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			eachDriver(t, func(t *testing.T, made made) {
				r := wiretest.Start(t)
				addr, h := r.Addr, c.h
				if user, ok := strings.CutSuffix(h.URL, "@"); ok {
					h.URL = "http://" + user + "@" + addr
				} else {
					h.URL = "http://" + addr + h.URL
				}
				stage := run(t, bench.Plan{Load: bench.Load{Burst: 2}, Duration: time.Millisecond}, made(t, h))
				if stage.Counts[result.OK] != 2 {
					t.Errorf("counts %v; %q", stage.Counts, stage.Notes())
				}
				want := strings.ReplaceAll(c.want, "HOST", addr)
				if strings.Contains(c.want, "HOST:") {
					want = c.want
				}
				for _, got := range r.Requests() {
					if got != want {
						t.Errorf("the request is\n%.2000q, want\n%.2000q", got, want)
					}
				}
			})
		})
	}
}

// What cannot be sent as given is refused, and the reason names the field but
// not what may be a secret.
func TestRequestsThatCannotBeSent(t *testing.T) {
	header := func(lines ...string) bench.HTTP { return bench.HTTP{URL: "http://127.0.0.1/", Header: lines} }
	fresh := header("Connection: keep-alive")
	fresh.NewConnection = true
	for _, c := range []struct {
		h    bench.HTTP
		want string
	}{
		{header("Accept"), `Header is xxxxx, want a line such as 'Accept: text/html'`},
		{header(""), `Header is "", want a line such as`},
		{header(": secret"), `Header is "", want`},
		{header("Acc ept: secret"), `Header is "Acc ept", want`},
		{header("Accept : secret"), `Header is "Accept ", want`},
		{header(" Accept: secret"), `Header is " Accept", want`},
		{header("Ac\xe9: secret"), "want a line such as"},
		{header("Accept\r\nX: secret"), "want a line such as"},
		{header("X: secret\r\nY: b"), "Header is X, want a value without control characters"},
		{header("X: secret\n"), "Header is X, want a value without control characters"},
		{header("X: secret\r"), "Header is X, want a value without control characters"},
		{header("X: secret\x00"), "Header is X, want a value without control characters"},
		{header("X: secret\x7f"), "Header is X, want a value without control characters"},
		{header("content-length: 5"), "Header is content-length, want it left out: it is made from the body"},
		{header("Transfer-Encoding: chunked"), "Header is Transfer-Encoding, want it left out: it is made from the body"},
		{header("Expect: 100-continue"), "Header is Expect, want a body with it, or the line left out"},
		{header("Expect: secret"), "Header is Expect, want 100-continue as its value"},
		{header("Host: a", "host: a"), "Header is host, want one Host line"},
		{fresh, "Header is Connection, want close among its values"},
		{bench.HTTP{URL: "http://127.0.0.1/", Method: "GET /"}, `Method is "GET /", want one like`},
		{bench.HTTP{URL: "http://127.0.0.1/", Method: "CONNECT"}, "Method is"},
		{bench.HTTP{URL: "http://127.0.0.1/", Method: "G\xc3\x89T"}, "Method is"},
		{bench.HTTP{URL: "http://127.0.0.1/{nope}"}, "URL is http://127.0.0.1/{nope}, want data for {nope}; to send the braces, write %7B and %7D"},
		{bench.HTTP{URL: "http://127.0.0.1/a\nb"}, `URL is "http://127.0.0.1/a\nb", want an address such as`},
		{bench.HTTP{URL: "http://127.0.0.1/a\x00b"}, "URL is"},
		{bench.HTTP{URL: "http://127.0.0.1/%zz"}, "URL is http://127.0.0.1/%zz, want an address such as"},
		{bench.HTTP{URL: "http://caf\xc3\xa9.example/"}, "want a host of letters"},
		{bench.HTTP{URL: "http://a\"b/"}, "want a host of letters"},
		{bench.HTTP{URL: "http://a b/"}, "URL is"},
		{bench.HTTP{URL: "http://127.0.0.1:0/"}, "want a port from 1 to 65535"},
		{bench.HTTP{URL: "http://127.0.0.1:65536/"}, "want a port from 1 to 65535"},
	} {
		_, err := c.h.Dial()
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q %q %q: error %v, want one with %q", c.h.Method, c.h.URL, c.h.Header, err, c.want)
		}
		if _, byEpoll := epoll.New(c.h, epoll.Options{}); epoll.Supported && (byEpoll == nil || err == nil || byEpoll.Error() != err.Error()) {
			t.Errorf("%q %q %q: the epoll driver says %v", c.h.Method, c.h.URL, c.h.Header, byEpoll)
		}
	}
}

// Host names and addresses go out as given, but for what means nothing to the
// server.
func TestHostLine(t *testing.T) {
	for url, want := range map[string]string{
		"http://Shop.Example/":          "Shop.Example",
		"http://shop.example:80/":       "shop.example:80",
		"http://shop.example:/":         "shop.example",
		"http://[::1]:8080/":            "[::1]:8080",
		"http://[::1]/":                 "[::1]",
		"http://[fe80::1%25eth0]/":      "[fe80::1]",
		"http://[fe80::1%25eth0]:8080/": "[fe80::1]:8080",
		"http://a_b-c.d~:1/":            "a_b-c.d~:1",
	} {
		r, err := bench.HTTP{URL: url}.Requests()
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		p := r.Picker()
		raw, _ := p.Next(0)
		if got := string(raw); !strings.Contains(got, "\r\nHost: "+want+"\r\n") {
			t.Errorf("%s: %q, want host %s", url, got, want)
		}
	}
}
