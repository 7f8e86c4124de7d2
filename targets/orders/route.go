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
	PathOrders      = "/api/orders"      // GET a user's, POST a new one; with /ID behind it, one order; see EventsPath
	PathInvitations = "/api/invitations" // GET: ask friends
	PathHealth      = "/healthz"
	PathStats       = "/stats"
)

// PathOneUser asks for the orders of one user, as a load does that does not care
// whose.
const (
	PathOneUser = PathOrders + "?user_id=42"
	OneUser     = 42
)

// Limits on a request, the same for every target.
const (
	MaxHeader = 4 << 10  // bytes of request line and header: above it 431
	MaxBody   = 64 << 10 // bytes of body: above it 413
)

// ServerName is the Server header of every reply.
const ServerName = "onhold"

// The Allow headers of a 405.
const (
	readOnly  = "GET, HEAD"
	readWrite = "GET, HEAD, POST"
	streamed  = "GET, POST"
)

// Service is the target that Route routes for.
type Service interface{ Stats() Stats }

// Tracker is a Service that keeps orders and reports the status of one of them. ok
// is false where it has none with that id.
type Tracker interface {
	Track(id int64) (o Order, ok bool, err error)
}

// Route answers into resp whatever needs no backend. Otherwise it reports wait,
// says what is asked for, and leaves resp alone.
func Route(h *fasthttp.RequestHeader, body []byte, resp *fasthttp.Response, s Service) (r Request, wait bool) {
	path, query := target(h.RequestURI())
	allow := readOnly
	id, one := bytes.CutPrefix(path, []byte(PathOrders+"/"))
	switch string(path) {
	case PathOrders:
		allow = readWrite
	case PathInvitations, PathHealth, PathStats:
	default:
		if follower, ok := s.(Follower); one && ok && follower.Events().N > 0 {
			if id, events := bytes.CutSuffix(id, []byte(eventsSuffix)); events {
				return follow(h, resp, id)
			}
		}
		if tracker, ok := s.(Tracker); one && ok {
			track(h, resp, tracker, id)
			return r, false
		}
		Fault(resp, fasthttp.StatusNotFound,
			fmt.Sprintf("there is nothing at %s; the paths are %s?user_id=N, %s?friends=N, %s and %s",
				quote(path), PathOrders, PathInvitations, PathHealth, PathStats))
		return r, false
	}
	if !h.IsGet() && !h.IsHead() && (allow == readOnly || !h.IsPost()) {
		refuse(h, resp, allow)
		return r, false
	}
	args := fasthttp.AcquireArgs()
	defer fasthttp.ReleaseArgs(args)
	args.ParseBytes(query)
	var err error
	switch string(path) {
	case PathHealth:
		reply(resp, fasthttp.StatusOK, []byte(`{"status":"ok"}`))
		return r, false
	case PathStats:
		replyJSON(resp, fasthttp.StatusOK, s.Stats())
		return r, false
	case PathInvitations:
		r, err = parseInvitations(args)
	default:
		if h.IsPost() {
			r, err = parseOrder(body)
		} else {
			r, err = parseFind(args)
		}
	}
	if err != nil {
		Fault(resp, fasthttp.StatusBadRequest, err.Error())
		return r, false
	}
	return r, true
}

func refuse(h *fasthttp.RequestHeader, resp *fasthttp.Response, allow string) {
	resp.Header.Set(fasthttp.HeaderAllow, allow)
	Fault(resp, fasthttp.StatusMethodNotAllowed,
		fmt.Sprintf("method %s is not allowed here; allowed are %s", quote(h.Method()), allow))
}

// track answers for one order.
func track(h *fasthttp.RequestHeader, resp *fasthttp.Response, t Tracker, id []byte) {
	if !h.IsGet() && !h.IsHead() {
		refuse(h, resp, readOnly)
		return
	}
	n, ok := positive(id)
	if !ok {
		Fault(resp, fasthttp.StatusBadRequest, fmt.Sprintf("the order is %s; %s", quote(id), allowed(math.MaxInt64)))
		return
	}
	switch o, ok, err := t.Track(n); {
	case err != nil:
		Failed(resp, err)
	case !ok:
		Fault(resp, fasthttp.StatusNotFound, fmt.Sprintf("there is no order %d", n))
	default:
		one(resp, fasthttp.StatusOK, &o)
	}
}

// Answer writes the orders of a user.
func Answer(resp *fasthttp.Response, list []Order) {
	var room [1024]byte // enough for what Generate makes; more is allocated
	reply(resp, fasthttp.StatusOK, AppendJSON(room[:0], list))
}

// Placed answers for an order that was paid.
func Placed(resp *fasthttp.Response, o *Order) { one(resp, fasthttp.StatusCreated, o) }

// Accepted answers for an order that is safe and will be paid later.
func Accepted(resp *fasthttp.Response, o *Order) {
	resp.Header.Set(fasthttp.HeaderLocation, PathOrders+"/"+strconv.FormatInt(o.ID, 10))
	one(resp, fasthttp.StatusAccepted, o)
}

// Invited answers with how many friends are coming.
func Invited(resp *fasthttp.Response, r Request, coming int) {
	var room [64]byte
	b := append(room[:0], `{"friends":`...)
	b = strconv.AppendInt(b, int64(r.Friends), 10)
	b = append(b, `,"mode":"`...)
	b = append(b, r.mode()...)
	b = append(b, `","coming":`...)
	b = strconv.AppendInt(b, int64(coming), 10)
	reply(resp, fasthttp.StatusOK, append(b, '}'))
}

func one(resp *fasthttp.Response, status int, o *Order) {
	var room [256]byte
	reply(resp, status, o.AppendJSON(room[:0]))
}

// Busy rejects a request because the target is full.
func Busy(resp *fasthttp.Response) {
	resp.Header.Set(fasthttp.HeaderRetryAfter, "1")
	Fault(resp, fasthttp.StatusServiceUnavailable, "all places are taken; try again in a second")
}

// ErrBusy is, or is within, the error of a backend that is full: it is there,
// and will take more when it has done some of what it has.
var ErrBusy = errors.New("all its places are taken")

// Failed answers for a backend that could not: with 503 where it is full, else
// with 502.
func Failed(resp *fasthttp.Response, err error) {
	if errors.Is(err, ErrBusy) {
		resp.Header.Set(fasthttp.HeaderRetryAfter, "1")
		Fault(resp, fasthttp.StatusServiceUnavailable, "backend: "+err.Error())
		return
	}
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

// ErrChunked says that a request's body is of unknown length. The one body that
// is taken is a few bytes: reading it chunk by chunk is not worth the code.
var ErrChunked = errors.New("a body needs a Content-Length; chunked ones are not read")

// Chunked reports whether the request announces a chunked body.
func Chunked(h *fasthttp.RequestHeader) bool {
	return len(h.Peek(fasthttp.HeaderTransferEncoding)) > 0
}

// Fault writes a JSON object with the key "error".
func Fault(resp *fasthttp.Response, status int, message string) {
	replyJSON(resp, status, struct {
		Error string `json:"error"`
	}{message})
}

func replyJSON(resp *fasthttp.Response, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // these are strings and numbers, which can always be encoded
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

// quote makes text from a client safe to show to it.
func quote(b []byte) string {
	const longest = 64
	if len(b) > longest {
		return strconv.Quote(string(b[:longest])) + "…"
	}
	return strconv.Quote(string(b))
}
