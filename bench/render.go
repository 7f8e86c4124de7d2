package bench

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/a628bb15/onhold/reports/redact"
)

// parseURL reads the address of a server and checks that requests can be sent
// to it.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("url %q: %w", redact.URL(text), redact.URLError(err))
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("url is %q, want one that begins with http:// or https://", redact.URL(text))
	case u.Hostname() == "":
		return nil, fmt.Errorf("url is %q, which has no host", redact.URL(text))
	case !strings.Contains(u.Hostname(), ":") && strings.ContainsFunc(u.Hostname(), notOfAName):
		return nil, fmt.Errorf("url %q: the host is none, want a name of letters, digits, dots and hyphens, or an address; other scripts as xn--", redact.URL(text))
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("url %q: the port is out of range, want 1 to 65535", redact.URL(text))
		}
	}
	return u, nil
}

func notOfAName(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(".-_~", c))
}

// target is what is asked for, as it goes out: what stands behind the host,
// byte for byte. What no request line may hold, such as a blank or a letter
// beyond ASCII, is percent-encoded, as other clients do.
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

// hostOf is the value of the Host line: without what means nothing to the
// server, an empty port and the zone of an address.
func hostOf(u *url.URL) string {
	host := strings.TrimSuffix(u.Host, ":")
	if from, to := strings.IndexByte(host, '%'), strings.LastIndexByte(host, ']'); from >= 0 && from < to {
		host = host[:from] + host[to:]
	}
	return host
}

// render is one request as it goes out. What follows from the method and the
// header for all requests is noted in r.
func (h HTTP) render(u *url.URL, address string, r *Requests) ([]byte, error) {
	method := h.Method
	if method == "" {
		method = http.MethodGet
	}
	if !isToken(method) || method == http.MethodConnect {
		return nil, fmt.Errorf("method is %q, want one like GET, HEAD, POST or PUT", method)
	}
	r.Head = method == http.MethodHead
	given := map[string]int{} // how often a line of that name, in lower case
	closes := false
	for _, line := range h.Header {
		name, value, err := checkLine(line)
		if err != nil {
			return nil, err
		}
		name = strings.ToLower(name)
		if given[name]++; name == "host" && given[name] > 1 {
			return nil, fmt.Errorf("header Host: is given %d times, want once", given[name])
		}
		if name == "connection" {
			for option := range strings.SplitSeq(value, ",") {
				closes = closes || strings.EqualFold(strings.Trim(option, " \t"), "close")
			}
		}
	}
	if h.NewConnection && !closes && given["connection"] > 0 {
		return nil, fmt.Errorf("header Connection: does not say close, but each request has a connection of its own; leave one of the two out")
	}
	r.Close = h.NewConnection || closes

	var b []byte
	add := func(parts ...string) {
		for _, part := range parts {
			b = append(b, part...)
		}
		b = append(b, "\r\n"...)
	}
	add(method, " ", target(address), " HTTP/1.1")
	if given["user-agent"] == 0 {
		add("User-Agent: onhold")
	}
	if given["host"] == 0 {
		add("Host: ", hostOf(u))
	}
	if u.User != nil && given["authorization"] == 0 {
		password, _ := u.User.Password()
		add("Authorization: Basic ", base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
	}
	for _, line := range h.Header {
		add(line)
	}
	if h.NewConnection && !closes {
		add("Connection: close")
	}
	switch method { // RFC 9110, 8.6
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		add("Content-Length: ", strconv.Itoa(len(h.Body)))
	default:
		if len(h.Body) > 0 {
			add("Content-Length: ", strconv.Itoa(len(h.Body)))
		}
	}
	add()
	return append(b, h.Body...), nil
}

// checkLine checks that a header line can be sent as it is given. Its errors
// do not show the value, which may be a secret.
func checkLine(line string) (name, value string, err error) {
	name, value, ok := strings.Cut(line, ":")
	switch {
	case !ok && line != "": // it may be a value
		return "", "", fmt.Errorf("header %q: has no colon, want a line like 'Accept: text/html'", redact.Mask)
	case !isToken(name):
		return "", "", fmt.Errorf("header %q: want a line like 'Accept: text/html'", name)
	case strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
		return "", "", fmt.Errorf("header %s: the value has a control character, such as a line end; give each line by itself", name)
	}
	switch strings.ToLower(name) {
	case "content-length", "transfer-encoding":
		return "", "", fmt.Errorf("header %s: is made from the body, and cannot be given", name)
	case "expect":
		return "", "", fmt.Errorf("header %s: a request is sent as one, and nothing is waited for in its middle; leave it out", name)
	}
	return name, value, nil
}

// isToken is RFC 9110, 5.6.2.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}
