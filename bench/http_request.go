package bench

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/redact"
)

// maxWeight is the largest weight of an address.
const maxWeight = 1_000_000

// Validate is a [*field.Error] that names the first field of which no request
// can be made. It shows no values that may be secrets.
func (h HTTP) Validate() error {
	_, err := h.Requests()
	return err
}

// Requests are the requests as they are sent. It is for the drivers of this
// module, and fails as Validate does.
func (h HTTP) Requests() (*request.Set, error) {
	mix, name := h.Mix, "Mix"
	if len(mix) == 0 {
		mix = []Weighted{{h.URL, 1}}
	}
	if len(mix) == 1 {
		name = "URL"
	}
	h.learnSecrets(mix)
	if !isToken(h.method()) || h.method() == http.MethodConnect {
		return nil, &field.Error{Field: "Method", Value: strconv.Quote(h.Method), Want: "one like GET, HEAD, POST or PUT"}
	}
	lines, err := h.lines()
	if err != nil {
		return nil, err
	}
	set := &request.Set{Seed: h.Seed, Body: len(h.Body), Fill: h.Fill, Head: h.method() == http.MethodHead, Close: h.NewConnection || lines.closes}
	for i, w := range mix {
		fail := func(want string) error { return &field.Error{Field: name, Value: shown(redact.URL(w.URL)), Want: want} }
		u, want := parseURL(w.URL)
		if want != "" {
			return nil, fail(want)
		}
		if w.Weight < 1 || w.Weight > maxWeight {
			return nil, fail(fmt.Sprintf("a weight of 1 to %d, not %d", maxWeight, w.Weight))
		}
		addr, secure := net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), u.Scheme)), u.Scheme == "https"
		if i > 0 && (addr != set.Addr || secure != set.Secure) {
			return nil, fail("an address on the same server as the others, " + set.Addr)
		}
		set.Addr, set.Host, set.Secure = addr, u.Hostname(), secure
		set.Add(h.render(u, w.URL, lines), w.Weight)
	}
	return set, nil
}

// shown is text as it is, or quoted where it has control characters.
func shown(text string) string {
	if quoted := strconv.Quote(text); quoted != `"`+text+`"` {
		return quoted
	}
	return text
}

func (h HTTP) method() string { return cmp.Or(h.Method, http.MethodGet) }

// learnSecrets makes the secrets in the requests known, so that they are masked
// where a server repeats them.
func (h HTTP) learnSecrets(mix []Weighted) {
	for _, w := range mix {
		redact.LearnURL(w.URL)
	}
	for _, line := range h.Header {
		redact.LearnHeader(line)
	}
	redact.Learn(string(h.Body)) // where it is short
}

// parseURL reads the address of a server. want is what is allowed, where requests
// cannot be sent to it.
func parseURL(text string) (u *url.URL, want string) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Sprintf("an address such as http://127.0.0.1:8080/ (%v)", redact.URLError(err))
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, "one that begins with http:// or https://"
	case u.Hostname() == "":
		return nil, "one with a host"
	case !strings.Contains(u.Hostname(), ":") && strings.ContainsFunc(u.Hostname(), notInName):
		return nil, "a host of letters, digits, dots and hyphens, or an address; other scripts as xn--"
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, "a port from 1 to 65535"
		}
	}
	return u, ""
}

func notInName(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(".-_~", c))
}

// target is the path and query of an address, byte for byte. What no request
// line may hold, such as a blank or a letter beyond ASCII, is percent-encoded, as
// other clients do.
func target(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	rest, _, _ = strings.Cut(rest, "#")
	at := strings.IndexAny(rest, "/?")
	if at < 0 {
		return "/"
	}
	var b strings.Builder
	if rest[at] == '?' {
		b.WriteByte('/')
	}
	for _, c := range []byte(rest[at:]) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// hostOf is the value of the Host line. It leaves out what means nothing to the
// server: an empty port and the zone of an address.
func hostOf(u *url.URL) string {
	host := strings.TrimSuffix(u.Host, ":")
	if from, to := strings.IndexByte(host, '%'), strings.LastIndexByte(host, ']'); from >= 0 && from < to {
		host = host[:from] + host[to:]
	}
	return host
}

// lines is what follows from the header lines.
type lines struct {
	given  map[string]bool // names, in lower case
	closes bool            // the Connection line says close
}

// lines checks the header lines.
func (h HTTP) lines() (lines, error) {
	l := lines{given: map[string]bool{}}
	for _, line := range h.Header {
		name, value, err := checkLine(line)
		if err != nil {
			return l, err
		}
		name = strings.ToLower(name)
		if name == "host" && l.given[name] {
			return l, &field.Error{Field: "Header", Value: name, Want: "one Host line"}
		}
		l.given[name] = true
		if name == "connection" {
			for option := range strings.SplitSeq(value, ",") {
				l.closes = l.closes || strings.EqualFold(strings.Trim(option, " \t"), "close")
			}
		}
	}
	if h.NewConnection && !l.closes && l.given["connection"] {
		return l, &field.Error{Field: "Header", Value: "Connection", Want: "close among its values, or the line left out, as each request has a new connection"}
	}
	return l, nil
}

// render is one request as it is sent.
func (h HTTP) render(u *url.URL, address string, l lines) []byte {
	var b []byte
	add := func(parts ...string) {
		for _, part := range parts {
			b = append(b, part...)
		}
		b = append(b, "\r\n"...)
	}
	add(h.method(), " ", target(address), " HTTP/1.1")
	if !l.given["user-agent"] {
		add("User-Agent: onhold")
	}
	if !l.given["host"] {
		add("Host: ", hostOf(u))
	}
	if u.User != nil && !l.given["authorization"] {
		password, _ := u.User.Password()
		add("Authorization: Basic ", base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
	}
	for _, line := range h.Header {
		add(line)
	}
	if h.NewConnection && !l.closes {
		add("Connection: close")
	}
	switch m := h.method(); { // RFC 9110, 8.6
	case len(h.Body) > 0, m == http.MethodPost, m == http.MethodPut, m == http.MethodPatch:
		add("Content-Length: ", strconv.Itoa(len(h.Body)))
	}
	add()
	return append(b, h.Body...)
}

// checkLine checks that a header line can be sent as it is given. Its errors
// do not show the value, which may be a secret.
func checkLine(line string) (name, value string, err error) {
	name, value, ok := strings.Cut(line, ":")
	fail := func(shown, want string) (string, string, error) {
		return "", "", &field.Error{Field: "Header", Value: shown, Want: want}
	}
	const example = "a line such as 'Accept: text/html'"
	switch {
	case !ok && line != "": // it may be a value
		return fail(redact.Mask, example)
	case !isToken(name):
		return fail(strconv.Quote(name), example)
	case strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
		return fail(name, "a value without control characters; give each line by itself")
	}
	switch strings.ToLower(name) {
	case "content-length", "transfer-encoding":
		return fail(name, "it left out: it is made from the body")
	case "expect":
		return fail(name, "it left out: a request is sent without waiting for an interim reply")
	}
	return name, value, nil
}

// isToken is RFC 9110, 5.6.2.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}
