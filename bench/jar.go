package bench

import (
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/internal/http1"
)

// What a jar holds at most: a browser's limits (RFC 6265, 6.1), so that no server can
// take the memory.
const (
	mostCookies = 200
	mostCookie  = 4 << 10 // bytes of a name, a value, a domain and a path
)

// jar is the cookies of a client. A nil one keeps none.
type jar struct {
	cookies *cookiejar.Jar
	ends    map[cookieKey]time.Time // of each: when it expires; zero where it does not
}

type cookieKey struct{ name, domain, path string }

func newJar() *jar {
	cookies, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // it says that it never does
	}
	return &jar{cookies, map[cookieKey]time.Time{}}
}

// add is a request with the cookies that belong to it, behind those that it has.
func (j *jar) add(raw []byte, scheme string) []byte {
	if j == nil || len(j.ends) == 0 {
		return raw
	}
	m := messageOf(raw)
	var pairs []string
	for _, c := range j.cookies.Cookies(m.url(scheme)) {
		pairs = append(pairs, c.String())
	}
	text := strings.Join(pairs, "; ")
	switch i := m.line("cookie"); {
	case text == "":
		return raw
	case i >= 0:
		m.lines[i] += "; " + text
	default:
		m.lines = append(m.lines, "Cookie: "+text)
	}
	return m.bytes()
}

// take keeps the cookies that the header of a reply to raw sets.
func (j *jar) take(header, raw []byte, scheme string) {
	if j == nil {
		return
	}
	lines := http1.Values(header, "set-cookie")
	if len(lines) == 0 {
		return
	}
	at := messageOf(raw).url(scheme)
	var kept []*http.Cookie
	for _, line := range lines {
		c, err := http.ParseSetCookie(line)
		if err != nil || !ofServer(c, at.Hostname()) {
			continue
		}
		if !strings.HasPrefix(c.Path, "/") {
			c.Path = defaultPath(at.Path)
		}
		if len(c.Name)+len(c.Value)+len(c.Domain)+len(c.Path) <= mostCookie && j.count(c) {
			kept = append(kept, c)
		}
	}
	j.cookies.SetCookies(at, kept)
}

// count notes a cookie; false where there are too many to keep it.
func (j *jar) count(c *http.Cookie) bool {
	now, key := time.Now(), cookieKey{c.Name, c.Domain, c.Path}
	ends := c.Expires
	switch {
	case c.MaxAge < 0:
		ends = now
	case c.MaxAge > 0:
		ends = now.Add(min(time.Duration(c.MaxAge), math.MaxInt32) * time.Second)
	}
	expired := func(_ cookieKey, ends time.Time) bool { return !ends.IsZero() && !ends.After(now) }
	if expired(key, ends) {
		delete(j.ends, key)
		return true // the jar drops it
	}
	if _, known := j.ends[key]; !known && len(j.ends) == mostCookies {
		maps.DeleteFunc(j.ends, expired)
		if len(j.ends) == mostCookies {
			return false
		}
	}
	j.ends[key] = ends
	return true
}

// ofServer reports whether a server of that name may set a cookie, whose domain it makes
// canonical: RFC 6265, 5.2.3 and 5.3.
func ofServer(c *http.Cookie, host string) bool {
	host = strings.ToLower(host)
	c.Domain = strings.ToLower(strings.TrimPrefix(c.Domain, "."))
	return c.Domain == "" || c.Domain == host || strings.HasSuffix(host, "."+c.Domain) && net.ParseIP(host) == nil
}

// defaultPath is the path of a cookie that has none: RFC 6265, 5.1.4.
func defaultPath(of string) string {
	if i := strings.LastIndexByte(of, '/'); i > 0 {
		return of[:i]
	}
	return "/"
}
