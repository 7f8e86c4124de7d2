package grpc

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/near"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/result"
)

// nameOf is the name of a status, such as RESOURCE_EXHAUSTED.
func nameOf(c codes.Code) string { return code.Code(c).String() }

// meaning is which outcome each status has.
type meaning struct {
	outcomes map[codes.Code]result.Outcome // error where it is not in it
	http     *result.Meaning               // of replies that are not gRPC's, as far as they are rejections
}

// parseMeaning reads lists of statuses, as of [Calls].
func parseMeaning(ok, rejected string) (*meaning, error) {
	m := &meaning{outcomes: map[codes.Code]result.Outcome{codes.ResourceExhausted: result.Rejected, codes.DeadlineExceeded: result.Timeout}}
	var overHTTP []string
	for _, of := range []struct {
		field, list string
		outcome     result.Outcome
	}{{"OKStatus", ok, result.OK}, {"RejectedStatus", rejected, result.Rejected}} {
		for name := range strings.SplitSeq(of.list, ",") {
			if name = strings.TrimSpace(name); of.list == "" {
				continue
			}
			c, known := statusOf(name)
			switch {
			case known && c != codes.OK:
				m.outcomes[c] = of.outcome
			case !known && of.outcome == result.Rejected && name != "" && name[0] >= '1' && name[0] <= '9':
				overHTTP = append(overHTTP, name)
			default:
				return nil, &field.Error{Field: of.field, Value: of.list, Want: wantStatus(name, of.outcome == result.Rejected)}
			}
		}
	}
	if len(overHTTP) > 0 {
		var err error
		if m.http, err = result.ParseMeaning("", strings.Join(overHTTP, ",")); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// statusOf is the status of a name or a number.
func statusOf(name string) (codes.Code, bool) {
	if n, err := strconv.ParseUint(name, 10, 8); err == nil {
		_, known := code.Code_name[int32(n)]
		return codes.Code(n), known
	}
	n, known := code.Code_value[strings.ToUpper(name)]
	return codes.Code(n), known
}

func wantStatus(name string, rejected bool) string {
	want := "gRPC statuses other than OK, by name or number, such as UNAVAILABLE,5"
	if rejected {
		want += ", or HTTP statuses of a proxy, such as 503"
	}
	want += fmt.Sprintf("; not %q", name)
	if meant := near.Name(strings.ToUpper(name), slices.Sorted(maps.Keys(code.Code_value))); meant != "" && name != "" && meant != "OK" {
		want += "; did you mean " + meant + "?"
	}
	return want
}

// How the library begins the messages of statuses that the server did not send.
const (
	notGRPC  = "unexpected HTTP status code received from server: "
	ended    = "stream terminated by RST_STREAM with error code: "
	tooLarge = "grpc: received message larger than max"
)

// How it begins those of a connection that broke, and of one in which the server did not
// look at the call, before it closed it gracefully. A status of the server, UNAVAILABLE
// too, that comes after it has sent a header has no content type either.
var (
	broken   = []string{"connection error: ", "closing transport due to: ", "transport is closing", "error reading from server: ", "keepalive ping failed", "closing connection since"}
	draining = []string{"the connection is draining", "the stream is rejected because server is draining"}
)

// of is how a call ended that failed. sent is whether it went out.
func (m *meaning) of(err error, trailer metadata.MD, sent bool) bench.Reply {
	s := status.Convert(err)
	c, text := s.Code(), s.Message()
	// It was the server that said what became of the call where the reply is one of gRPC:
	// only such a reply has a content type.
	answered := len(trailer.Get("content-type")) > 0
	if !answered && c != codes.DeadlineExceeded {
		if reply, ok := m.unanswered(c, text, sent); ok {
			return reply
		}
	}
	reply := bench.Reply{Outcome: result.Error}
	if o, ok := m.outcomes[c]; ok && (answered || !strings.HasPrefix(text, tooLarge)) {
		reply.Outcome = o
	}
	switch reply.Outcome {
	case result.Timeout:
		reply.Why = exchange.NoReply
	case result.Error:
		reply.Why = fmt.Sprintf("gRPC status %s: %s", nameOf(c), text)
	}
	return reply
}

// unanswered is how a call ended without a status from the server; ok is false where it
// may have sent one.
func (m *meaning) unanswered(c codes.Code, text string, sent bool) (r bench.Reply, ok bool) {
	if how, is := strings.CutPrefix(text, ended); is {
		switch how {
		case "REFUSED_STREAM", "ENHANCE_YOUR_CALM": // RFC 9113, 8.7: it did nothing
			return bench.Reply{Outcome: result.Rejected}, true
		}
		return bench.Reply{Outcome: result.Reset, Why: "the server ended the call: RST_STREAM " + how}, true
	}
	if rest, is := strings.CutPrefix(text, notGRPC); is {
		number, _, _ := strings.Cut(rest, " ")
		r = bench.Reply{Outcome: result.Error, Why: "not a reply of gRPC: HTTP status " + number}
		if n, err := strconv.Atoi(number); err == nil && m.http != nil && m.http.Of(n) == result.Rejected {
			r = bench.Reply{Outcome: result.Rejected}
		}
		return r, true
	}
	begins := func(with string) bool { return strings.HasPrefix(text, with) }
	switch {
	case c != codes.Unavailable:
		return r, false
	case !sent, slices.ContainsFunc(draining, begins):
		return bench.Reply{Outcome: result.Refused, Spent: true, Why: "the connection was closed before the call was sent: " + text}, true
	}
	if !slices.ContainsFunc(broken, begins) {
		return r, false
	}
	return bench.Reply{Outcome: result.Reset, Spent: true, Why: exchange.Closed + ": " + text}, true
}
