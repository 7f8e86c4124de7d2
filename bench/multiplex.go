package bench

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/a628bb15/onhold/bench/internal/http2"
	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/reports/field"
)

// schemeH2C is that of addresses to which HTTP/2 is spoken without TLS.
const schemeH2C = "h2c"

// maxShared bounds the connections that are shared, and the streams on one.
const maxShared = 1_000_000

// versionTo is the version of HTTP to a server with addresses of that scheme.
func (h HTTP) versionTo(scheme string) string {
	switch {
	case scheme == schemeH2C && (h.Version == "" || h.Version == HTTPAuto):
		return HTTP2
	case scheme != "https" && h.Version == HTTPAuto: // only TLS has a way to say
		return HTTP1
	}
	return cmp.Or(h.Version, HTTP1)
}

// version is that of the requests.
func (h HTTP) version() string {
	address := h.URL
	if len(h.Mix) > 0 {
		address = h.Mix[0].URL
	}
	scheme, _, _ := strings.Cut(address, "://")
	return h.versionTo(strings.ToLower(scheme))
}

// multiplex checks the version of HTTP to a server with addresses of that scheme, and
// what follows from it.
func (h HTTP) multiplex(scheme string) (m request.Multiplex, err error) {
	m = request.Multiplex{HTTP: h.versionTo(scheme), Connections: h.Connections, Streams: h.Streams}
	const needs = ", as HTTP/1.1 carries one request at a time on a connection"
	if err := field.First(
		field.Check(m.HTTP == HTTP1 || m.HTTP == HTTP2 || m.HTTP == HTTPAuto, "Version", shown(h.Version), "1.1, 2 or auto"),
		field.Check(m.HTTP != HTTP1 || scheme != schemeH2C, "Version", h.Version, "2 or auto for an h2c:// address"),
		field.Check(h.Connections >= 0 && h.Connections <= maxShared, "Connections", h.Connections, fmt.Sprintf("0 to %d", maxShared)),
		field.Check(h.Streams >= 0 && h.Streams <= maxShared, "Streams", h.Streams, fmt.Sprintf("0 to %d", maxShared)),
		field.Check(h.Connections == 0 || m.HTTP != HTTP1, "Connections", h.Connections, "0"+needs),
		field.Check(h.Streams == 0 || m.HTTP != HTTP1, "Streams", h.Streams, "0"+needs),
		field.Check(h.Connections == 0 || !h.NewConnection, "Connections", h.Connections, "0, as each request has a new connection"),
	); err != nil || m.HTTP == HTTP1 {
		return m, err
	}
	const only = ", as that works over HTTP/1.1 only"
	for _, line := range h.Header {
		name, value, _ := strings.Cut(line, ":")
		if http2.OfHTTP1(strings.ToLower(name), strings.Trim(value, " \t")) {
			return m, &field.Error{Field: "Header", Value: name, Want: "it left out, as HTTP/2 does not have that line"}
		}
	}
	return m, field.First(
		field.Check(!h.Cookies, "Cookies", h.Cookies, "false"+only),
		field.Check(h.Follow == 0, "Follow", h.Follow, "0"+only),
		field.Check(h.Accepted == nil, "Accepted", "a function", "nil"+only),
		field.Check(h.stream().Kind == h.Stream.Kind, "Version", h.Version, "1.1 for a ws:// or wss:// address"),
		field.Check(h.stream().Kind != StreamChunks && h.stream().Kind != StreamWebSocket, "Stream", h.stream().Kind, "sse or lines"+only),
	)
}
