package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What a client keeps is bounded whatever a server sends, and what is not kept, or no
// longer, takes no room from what is.
func TestJar(t *testing.T) {
	request := func(path string) []byte { return []byte("GET " + path + " HTTP/1.1\r\nHost: a.shop.example\r\n\r\n") }
	const end = "Set-Cookie: end=1; Path=/\r\n"
	for name, c := range map[string]struct {
		path, line string // of reply number n; {n} stands for it
		kept       int
	}{
		"names":                     {"/", "c{n}=1", mostCookies},
		"large":                     {"/", "c{n}=" + strings.Repeat("x", mostCookie), 1},
		"a long path":               {"/", "c{n}=1; Path=/" + strings.Repeat("x", mostCookie), 1},
		"of another site":           {"/", "c{n}=1; Domain=other.example", 1},
		"of a server below":         {"/", "c{n}=1; Domain=b{n}.a.shop.example", 1},
		"of the server's site":      {"/", "c{n}=1; Domain=.Shop.example", mostCookies},
		"no cookie":                 {"/", "{n}", 1},
		"deleted":                   {"/", "c{n}=1; Max-Age=0", 1},
		"expired":                   {"/", "c{n}=1; Expires=Thu, 01 Jan 2015 00:00:00 GMT", 1},
		"each path its own":         {"/{n}/x", "c=1", mostCookies},
		"one value after the other": {"/", "c={n}; Path=/", 2},
	} {
		fill := func(text string, n int) string { return strings.ReplaceAll(text, "{n}", fmt.Sprint(n)) }
		j := newJar()
		for n := range 2 * mostCookies {
			j.take([]byte("HTTP/1.1 200 OK\r\nSet-Cookie: "+fill(c.line, n)+"\r\n\r\n"), request(fill(c.path, n)), "http")
		}
		j.take([]byte("HTTP/1.1 200 OK\r\n"+end+"\r\n"), request("/"), "http")
		sent := string(j.add(request("/"), "http"))
		if len(j.ends) != c.kept || strings.Contains(sent, "end=1") != (c.kept < mostCookies) {
			t.Errorf("%s: %d cookies are kept, want %d; sent\n%s", name, len(j.ends), c.kept, sent)
		}
	}
}

// A jar that is full has room again where cookies have expired.
func TestJarForgetsTheExpired(t *testing.T) {
	j := newJar()
	for n := range mostCookies {
		j.ends[cookieKey{fmt.Sprint(n), "", "/"}] = time.Now().Add(-time.Second)
	}
	request := []byte("GET /a/b HTTP/1.1\r\nHost: h\r\n\r\n")
	j.take([]byte("HTTP/1.1 200 OK\r\nSet-Cookie: c=1; Max-Age=60\r\n\r\n"), request, "http")
	if sent := string(j.add(request, "http")); len(j.ends) != 1 || !strings.Contains(sent, "Cookie: c=1\r\n") {
		t.Errorf("%d cookies are kept; sent\n%s", len(j.ends), sent)
	}
}
