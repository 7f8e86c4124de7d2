package bench

import (
	"cmp"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/bench/internal/stream"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/reports/result"
)

// maxUnixPath is the longest path of a Unix socket on every system, in bytes.
const maxUnixPath = 103

// Validate is a [*field.Error] that names the first field of which no request
// can be made. It shows no values that may be secrets.
func (h HTTP) Validate() error {
	_, err := h.Requests()
	return err
}

// Requests are the requests as they are sent. It is for the drivers of this
// module, and fails as Validate does.
func (h HTTP) Requests() (*request.Set, error) {
	mix, name := h.mix(), "Mix"
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
	if err := field.First(
		field.Check(h.Data == nil || h.Fill == nil, "Fill", "a function", "left out, for the requests are made of data"),
		field.Check(h.Data == nil || h.Data.data.Rows == nil || len(mix) == 1, "Mix", fmt.Sprintf("%d addresses", len(mix)), "one address, for the requests have paths and weights of their own"),
		field.Check(h.Follow >= 0 && h.Follow <= MaxFollow, "Follow", h.Follow, fmt.Sprintf("0 to %d", MaxFollow)),
		field.Check(h.Follow == 0 || h.Accepted == nil, "Follow", h.Follow, "0, as Accepted reads each reply"),
		field.Check(len(h.UnixSocket) <= maxUnixPath && !strings.ContainsRune(h.UnixSocket, 0), "UnixSocket", shown(h.UnixSocket), fmt.Sprintf("a path of at most %d bytes", maxUnixPath)),
	); err != nil {
		return nil, err
	}
	if err := h.checkStream(); err != nil {
		return nil, err
	}
	meaning, err := result.ParseMeaning(h.OKStatus, h.RejectedStatus)
	if err != nil {
		return nil, err
	}
	set := &request.Set{Unix: h.UnixSocket, Meaning: meaning, Seed: h.Seed, Body: len(h.Body), Fill: h.Fill, Head: h.method() == http.MethodHead, Close: h.NewConnection || lines.closes, Stream: h.spec(meaning)}
	h2c := false
	for i, w := range mix {
		fail := func(want string) error { return &field.Error{Field: name, Value: shown(redact.URL(w.URL)), Want: want} }
		u, want := h.parseURL(w.URL)
		if want != "" {
			return nil, fail(want)
		}
		if p := request.Placeholder(target(w.URL)); h.Data == nil && p != "" {
			return nil, fail("data for " + p + "; to send the braces, write %7B and %7D")
		}
		if w.Weight < 1 || w.Weight > request.MaxWeight {
			return nil, fail(fmt.Sprintf("a weight of 1 to %d, not %d", request.MaxWeight, w.Weight))
		}
		addr, secure := net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), strings.Replace(u.Scheme, schemeH2C, "http", 1))), u.Scheme == "https"
		if i > 0 && (addr != set.Addr || secure != (set.TLS != nil)) {
			return nil, fail("an address on the same server as the others, " + set.Addr)
		}
		if i == 0 {
			if set.Multiplex, err = h.multiplex(u.Scheme); err != nil {
				return nil, err
			}
		} else if (u.Scheme == schemeH2C) != h2c {
			return nil, fail("an address of the same scheme as the others")
		}
		h2c = u.Scheme == schemeH2C
		if set.Addr, set.Host = addr, u.Hostname(); secure && set.TLS == nil {
			set.TLS = set.Observe(h.session(set.Host))
		}
		set.Add(h.render(u, w.URL, lines), w.Weight)
		if h.Data == nil {
			continue
		}
		t, err := h.template(u, w.URL, lines)
		if err != nil {
			return nil, err
		}
		set.Data, set.Templates = h.Data.data, append(set.Templates, t)
	}
	return set, nil
}

// mix is the addresses of the requests.
func (h HTTP) mix() []Weighted {
	if len(h.Mix) == 0 {
		return []Weighted{{h.URL, 1}}
	}
	return h.Mix
}

// session is the configuration of the TLS sessions with a server.
func (h HTTP) session(host string) *tls.Config {
	config := h.TLS.Clone()
	if config == nil {
		config = &tls.Config{}
	}
	config.ServerName = cmp.Or(config.ServerName, host)
	return config
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
	redact.Learn(h.Stream.Message)
}

// parseURL reads the address of a server, as one of HTTP. want is what is allowed, where
// requests cannot be sent to it.
func (h HTTP) parseURL(text string) (u *url.URL, want string) {
	text, sockets := httpAddress(text)
	if kind := h.stream().Kind; sockets && kind != StreamWebSocket {
		return nil, "one that begins with http:// or https://, as streams are " + kind
	}
	return parseURL(text)
}

// parseURL reads the address of a server. want is what is allowed, where requests
// cannot be sent to it.
func parseURL(text string) (u *url.URL, want string) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Sprintf("an address such as http://127.0.0.1:8080/ (%v)", redact.URLError(err))
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != schemeH2C:
		return nil, "one that begins with http://, https:// or h2c://, or with ws:// or wss://"
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

// target is the path and query of an address, byte for byte, but for what no request
// line may hold.
func target(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	rest, _, _ = strings.Cut(rest, "#")
	at := strings.IndexAny(rest, "/?")
	switch {
	case at < 0:
		return "/"
	case rest[at] == '?':
		return "/" + rest[at:]
	}
	return rest[at:]
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
		if h.stream().Kind == StreamWebSocket && slices.Contains(upgrades, name) {
			return l, &field.Error{Field: "Header", Value: name, Want: "it left out: it is made for a WebSocket, without extensions"}
		}
		if name == "connection" {
			for option := range strings.SplitSeq(value, ",") {
				l.closes = l.closes || strings.EqualFold(strings.Trim(option, " \t"), "close")
			}
		}
	}
	if l.given["expect"] && len(h.Body) == 0 { // RFC 9110, 10.1.1
		return l, &field.Error{Field: "Header", Value: "Expect", Want: "a body with it, or the line left out"}
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
	add(h.method(), " ", request.EscapeTarget(target(address)), " HTTP/1.1")
	b = append(b, h.headerLines(u, l, nil)...)
	switch m := h.method(); { // RFC 9110, 8.6
	case len(h.Body) > 0, m == http.MethodPost, m == http.MethodPut, m == http.MethodPatch:
		add("Content-Length: ", strconv.Itoa(len(h.Body)))
	}
	add()
	return append(b, h.Body...)
}

// headerLines are the header lines, but for those that a row has of its own.
func (h HTTP) headerLines(u *url.URL, l lines, without map[string]bool) string {
	var b strings.Builder
	add := func(name, value string) {
		if name = strings.ToLower(name); !without[name] && !l.given[name] {
			b.WriteString(http.CanonicalHeaderKey(name) + ": " + value + "\r\n")
		}
	}
	add("User-Agent", "onhold")
	add("Host", hostOf(u))
	if u.User != nil {
		password, _ := u.User.Password()
		add("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
	}
	for _, line := range h.Header {
		if name, _, _ := strings.Cut(line, ":"); !without[strings.ToLower(name)] {
			b.WriteString(line + "\r\n")
		}
	}
	switch {
	case h.stream().Kind == StreamWebSocket: // the key comes last: see stream.Ask
		b.WriteString(stream.Upgrade + stream.KeyLine)
	case h.NewConnection && !l.closes:
		b.WriteString("Connection: close\r\n")
	}
	return b.String()
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
		if !strings.EqualFold(strings.Trim(value, " \t"), "100-continue") {
			return fail(name, "100-continue as its value")
		}
	}
	return name, value, nil
}

// isToken is RFC 9110, 5.6.2.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}
