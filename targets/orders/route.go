package orders

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/valyala/fasthttp"
)

// The paths of the service.
const (
	PathOrders = "/api/orders"
	PathHealth = "/healthz"
	PathStats  = "/stats"
)

// Limits on a request, the same for every target.
const (
	MaxHeader = 4 << 10  // bytes of request line and header: above it 431
	MaxBody   = 64 << 10 // bytes of body, which is read and ignored: above it 413
)

// ServerName is the Server header of every reply.
const ServerName = "onhold"

// allow is the Allow header of a 405: all paths are read only.
const allow = "GET, HEAD"

// Route answers into resp whatever needs no backend. Where the request is for
// the orders of a user it reports wait and leaves resp alone. stats is called
// for [PathStats] only.
func Route(h *fasthttp.RequestHeader, resp *fasthttp.Response, stats func() Stats) (user int64, wait bool) {
	path, query := target(h.RequestURI())
	switch string(path) {
	case PathOrders, PathHealth, PathStats:
	default:
		Fault(resp, fasthttp.StatusNotFound,
			fmt.Sprintf("there is nothing at %s; the paths are %s?user_id=N, %s and %s",
				quote(path), PathOrders, PathHealth, PathStats))
		return 0, false
	}
	if !h.IsGet() && !h.IsHead() {
		resp.Header.Set(fasthttp.HeaderAllow, allow)
		Fault(resp, fasthttp.StatusMethodNotAllowed,
			fmt.Sprintf("method %s is not allowed here; allowed are %s", quote(h.Method()), allow))
		return 0, false
	}
	switch string(path) {
	case PathHealth:
		reply(resp, fasthttp.StatusOK, []byte(`{"status":"ok"}`))
		return 0, false
	case PathStats:
		body, err := json.Marshal(stats())
		if err != nil {
			Fault(resp, fasthttp.StatusInternalServerError, err.Error())
			return 0, false
		}
		reply(resp, fasthttp.StatusOK, body)
		return 0, false
	}
	user, err := userID(query)
	if err != nil {
		Fault(resp, fasthttp.StatusBadRequest, err.Error())
		return 0, false
	}
	return user, true
}

// Answer writes the orders of a user.
func Answer(resp *fasthttp.Response, list []Order) {
	var room [1024]byte // enough for what Generate makes; more is allocated
	reply(resp, fasthttp.StatusOK, AppendJSON(room[:0], list))
}

// Busy turns a request away because the target is full.
func Busy(resp *fasthttp.Response) {
	resp.Header.Set(fasthttp.HeaderRetryAfter, "1")
	Fault(resp, fasthttp.StatusServiceUnavailable, "all places are taken; try again in a second")
}

// Failed answers for a backend that could not.
func Failed(resp *fasthttp.Response, err error) {
	Fault(resp, fasthttp.StatusBadGateway, "backend: "+err.Error())
}

// Malformed answers a request that could not be read, after which the
// connection is of no more use: the start of the next request is unknown.
func Malformed(resp *fasthttp.Response, err error) {
	resp.SetConnectionClose()
	var small *fasthttp.ErrSmallBuffer
	switch {
	case errors.Is(err, ErrHeaderTooLong), errors.As(err, &small):
		Fault(resp, fasthttp.StatusRequestHeaderFieldsTooLarge, ErrHeaderTooLong.Error())
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		Fault(resp, fasthttp.StatusRequestEntityTooLarge,
			fmt.Sprintf("the body is longer than the %d bytes allowed", MaxBody))
	case errors.Is(err, ErrChunked):
		Fault(resp, fasthttp.StatusLengthRequired, ErrChunked.Error())
	default:
		Fault(resp, fasthttp.StatusBadRequest, "this is not an HTTP/1.1 or HTTP/1.0 request")
	}
}

// ErrHeaderTooLong says that a request's header is above MaxHeader.
var ErrHeaderTooLong = fmt.Errorf("the header is longer than the %d bytes allowed", MaxHeader)

// ErrChunked says that a request's body is of unknown length. No path takes a
// body, so reading one chunk by chunk only to throw it away is not worth the
// code it takes.
var ErrChunked = errors.New("a body needs a Content-Length; chunked ones are not read")

// Chunked reports whether the request announces a body in chunks.
func Chunked(h *fasthttp.RequestHeader) bool {
	return len(h.Peek(fasthttp.HeaderTransferEncoding)) > 0
}

// Fault writes a JSON object with the key "error".
func Fault(resp *fasthttp.Response, status int, message string) {
	body, err := json.Marshal(struct {
		Error string `json:"error"`
	}{message})
	if err != nil {
		panic(err) // a string can always be encoded
	}
	reply(resp, status, body)
}

func reply(resp *fasthttp.Response, status int, body []byte) {
	resp.SetStatusCode(status)
	resp.Header.SetContentType("application/json")
	resp.SetBody(body)
}

// target splits a request target into path and query. The absolute form
// (http://host/path), which every server has to understand, loses its front.
func target(uri []byte) (path, query []byte) {
	if len(uri) > 0 && uri[0] != '/' {
		if _, rest, ok := bytes.Cut(uri, []byte("://")); ok {
			uri = rest[max(bytes.IndexByte(rest, '/'), 0):]
		}
	}
	path, query, _ = bytes.Cut(uri, []byte("?"))
	return path, query
}

// userID reads the one parameter of [PathOrders].
func userID(query []byte) (int64, error) {
	args := fasthttp.AcquireArgs()
	defer fasthttp.ReleaseArgs(args)
	args.ParseBytes(query)
	var value []byte
	given := 0
	for k, v := range args.All() {
		if string(k) == "user_id" {
			value = v
			given++
		}
	}
	if given == 1 && len(value) > 0 && value[0] != '+' {
		if user, err := strconv.ParseInt(string(value), 10, 64); err == nil && user > 0 {
			return user, nil
		}
	}
	const allowed = "allowed is one whole number from 1 to"
	switch given {
	case 0:
		return 0, fmt.Errorf("user_id is missing; %s %d", allowed, int64(math.MaxInt64))
	case 1:
		return 0, fmt.Errorf("user_id is %s; %s %d", quote(value), allowed, int64(math.MaxInt64))
	default:
		return 0, fmt.Errorf("user_id is given %d times; %s %d", given, allowed, int64(math.MaxInt64))
	}
}

// quote makes what a client sent fit to be shown back to it.
func quote(b []byte) string {
	const longest = 64
	if len(b) > longest {
		return strconv.Quote(string(b[:longest])) + "…"
	}
	return strconv.Quote(string(b))
}
