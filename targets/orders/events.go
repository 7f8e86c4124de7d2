package orders

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// EndMark is the data of the event after which a stream is complete.
const EndMark = "[DONE]"

// EventsPath is where the events of an order are.
func EventsPath(order int64) string { return fmt.Sprintf("%s/%d%s", PathOrders, order, eventsSuffix) }

const eventsSuffix = "/events"

// EventBuffer is how many bytes of a stream the kernel keeps for a client that does not
// read. By itself it would keep megabytes.
const EventBuffer = 16 << 10

// Events says how the states of an order are sent: as server-sent events in a chunked
// reply, the first one after a wait for the backend. The zero value sends none.
type Events struct {
	N        int           // events of a stream, beside its end mark
	Interval time.Duration // between two events
	Patience time.Duration // how long a client may take nothing before its stream is closed
}

// Follower is a Service that sends the events of orders, unless N is 0.
type Follower interface{ Events() Events }

// stages are the states of an order on its way, in this order. A longer stream repeats
// the one before the last.
var stages = [...]string{"accepted", "paid", "packed", "shipped", "in transit", "delivered"}

// stage is the state after event k, from 0.
func (e Events) stage(k int) string {
	const first = len(stages) - 2 // that come once, in every stream that is long enough
	switch {
	case k < first:
		return stages[k]
	case k == e.N-1:
		return stages[len(stages)-1]
	}
	return stages[first]
}

// Append appends event k, from 0, of an order. The end mark follows the last event.
func (e Events) Append(dst []byte, order int64, k int) []byte {
	dst = append(dst, "id: "...)
	dst = strconv.AppendInt(dst, int64(k+1), 10)
	dst = append(dst, "\ndata: {\"id\":"...)
	dst = strconv.AppendInt(dst, order, 10)
	dst = append(dst, `,"status":"`...)
	dst = append(dst, e.stage(k)...)
	dst = append(dst, "\"}\n\n"...)
	if k == e.N-1 {
		dst = append(dst, "data: "+EndMark+"\n\n"...)
	}
	return dst
}

// Following begins the reply to a request of kind Follow. Its body is still to come.
func Following(resp *fasthttp.Response) {
	resp.SetStatusCode(fasthttp.StatusOK)
	resp.Header.SetContentType("text/event-stream")
	resp.Header.Set(fasthttp.HeaderCacheControl, "no-cache")
}

// follow reads a request for the events of an order, or answers what is wrong with it.
func follow(h *fasthttp.RequestHeader, resp *fasthttp.Response, id []byte) (r Request, wait bool) {
	n, ok := positive(id)
	switch {
	case !h.IsGet() && !h.IsPost():
		refuse(h, resp, streamed)
	case !ok:
		Fault(resp, fasthttp.StatusBadRequest, fmt.Sprintf("the order is %s; %s", quote(id), allowed(math.MaxInt64)))
	case !h.IsHTTP11():
		Fault(resp, fasthttp.StatusHTTPVersionNotSupported, "events are sent in chunks, which need HTTP/1.1")
	default:
		return Request{Kind: Follow, OrderID: n}, true
	}
	return r, false
}
