package bench

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/bench/internal/request"
)

// message is a request that was rendered, in its parts.
type message struct {
	method, target string
	lines          []string // of the header, without their ends
	body           []byte
}

func messageOf(raw []byte) (m message) {
	header, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	m.lines, m.body = strings.Split(string(header), "\r\n"), body
	m.method, m.target, _ = strings.Cut(strings.TrimSuffix(m.lines[0], " HTTP/1.1"), " ")
	m.lines = m.lines[1:]
	return m
}

func (m message) bytes() []byte {
	var b bytes.Buffer
	b.WriteString(m.method + " " + m.target + " HTTP/1.1\r\n")
	for _, line := range m.lines {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(m.body)
	return b.Bytes()
}

// line is where the line of a name, in lower case, is; -1 where there is none.
func (m message) line(name string) int {
	return slices.IndexFunc(m.lines, func(line string) bool { return nameOf(line) == name })
}

// nameOf is a header line's name in lower case.
func nameOf(line string) string {
	name, _, _ := strings.Cut(line, ":")
	return strings.ToLower(name)
}

// url is the address that was asked for, by the name that the request gives the server.
func (m message) url(scheme string) *url.URL {
	host := ""
	if i := m.line("host"); i >= 0 {
		_, host, _ = strings.Cut(m.lines[i], ":")
	}
	u, err := url.ParseRequestURI(m.target) // in which //a/b is a path
	if err != nil {
		u = &url.URL{}
		u.Path, u.RawQuery, _ = strings.Cut(m.target, "?")
	}
	u.Scheme, u.Host = scheme, strings.TrimSpace(host)
	return u
}

// redirect makes it the request to which a reply of that status redirects it: RFC 9110,
// 15.4.
func (m *message) redirect(status int, to *url.URL) {
	m.target = request.EscapeTarget(to.RequestURI())
	if i := m.line("host"); i >= 0 {
		m.lines[i] = "Host: " + to.Host
	}
	switch {
	case status == http.StatusSeeOther && m.method != http.MethodGet && m.method != http.MethodHead:
	case (status == http.StatusMovedPermanently || status == http.StatusFound) && m.method == http.MethodPost:
	default:
		return
	}
	m.method, m.body = http.MethodGet, nil
	m.lines = slices.DeleteFunc(m.lines, func(line string) bool {
		name := nameOf(line)
		return strings.HasPrefix(name, "content-") || name == "digest" || name == "last-modified" || name == "expect"
	})
}
