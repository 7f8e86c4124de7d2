package eventloop

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/targets/orders"
	"github.com/valyala/fasthttp"
)

// parse cuts a stream into requests as a connection does, with the bytes coming
// so many at a time. It returns what it read, and how that ended.
func parse(stream []byte, atATime int) (read []string) {
	r := newReader()
	need := 0
	begin, end := 0, 0
	for {
		data := stream[begin:end]
		if len(data) > 0 && len(data) >= need {
			n, err := r.next(data)
			if err != nil {
				return append(read, "error: "+kind(err))
			}
			if n <= len(data) {
				read = append(read, fmt.Sprintf("%d bytes: %s %s close=%v", n, r.header.Method(), r.header.RequestURI(), r.header.ConnectionClose()))
				begin, need = begin+n, 0
				continue
			}
			need = n
		}
		if end == len(stream) {
			return append(read, fmt.Sprintf("%d bytes left", len(data)))
		}
		end = min(end+atATime, len(stream))
	}
}

// kind is the status that a client gets.
func kind(err error) string {
	var resp fasthttp.Response
	orders.Malformed(&resp, err)
	return fmt.Sprint(resp.StatusCode())
}

func TestReaderCutsRequests(t *testing.T) {
	const a, b = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD /b HTTP/1.0\r\n\r\n"
	long := "GET /a HTTP/1.1\r\nHost: x\r\nX: "
	long += strings.Repeat("y", orders.MaxHeader-len(long)-4) + "\r\n\r\n"
	const readA, readB = "28 bytes: GET /a close=false", "20 bytes: HEAD /b close=true"
	for _, row := range []struct {
		what, stream string
		want         []string
	}{
		{"nothing", "", []string{"0 bytes left"}},
		{"one", a, []string{readA, "0 bytes left"}},
		{"two and a bit", a + b + "GET", []string{readA, readB, "3 bytes left"}},
		{"empty lines before", "\r\n\n" + a, []string{"31 bytes: GET /a close=false", "0 bytes left"}},
		{"a body", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" + a, []string{"51 bytes: POST /a close=false", readA, "0 bytes left"}},
		{"half a body", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab", []string{"50 bytes left"}},
		{"the longest header", long + a, []string{fmt.Sprintf("%d bytes: GET /a close=false", orders.MaxHeader), readA, "0 bytes left"}},

		{"a byte too long", strings.Replace(long, "y", "yy", 1), []string{"error: 431"}},
		{"garbage after a request", a + "what?\r\n", []string{readA, "error: 400"}},
		{"line feeds only", "GET /a HTTP/1.1\nHost: x\n\n", []string{"error: 400"}},
		{"another version", "GET /a HTTP/2.0\r\nHost: x\r\n\r\n", []string{"error: 400"}},
		{"a long line of garbage", strings.Repeat("x", orders.MaxHeader+1) + "\r\n", []string{"error: 431"}},
		{"chunks", "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []string{"error: 411"}},
	} {
		for _, atATime := range []int{1, 7, 1 << 20} {
			if got := parse([]byte(row.stream), atATime); !slices.Equal(got, row.want) {
				t.Errorf("%s, %d at a time: got %q, want %q", row.what, atATime, got, row.want)
			}
		}
	}
}

func TestReaderSeesExpectContinue(t *testing.T) {
	r := newReader()
	head := "POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n"
	for _, row := range []struct {
		what, data string
		want       bool
	}{
		{"half of the header", head[:20], false},
		{"the header", head, true},
		{"all of it", head + "x", false},
		{"no expectation", strings.Replace(head, "Expect", "Except", 1), false},
	} {
		if _, err := r.next([]byte(row.data)); err != nil {
			t.Errorf("%s: %v", row.what, err)
		}
		if got := r.expectsContinue(); got != row.want {
			t.Errorf("%s: %v, want %v", row.what, got, row.want)
		}
	}
}

func TestErrorsHaveTheirStatus(t *testing.T) {
	for err, want := range map[error]string{
		orders.ErrHeaderTooLong:  "431",
		orders.ErrChunked:        "411",
		fasthttp.ErrBodyTooLarge: "413",
		errRequestLine:           "400",
		errors.New("anything"):   "400",
	} {
		if got := kind(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

// However the bytes come, the same requests are read, and the same end.
func FuzzRequestsDoNotDependOnHowTheyArrive(f *testing.F) {
	for _, s := range []string{
		"GET /api/orders?user_id=42 HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /b HTTP/1.0\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET",
		"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
		"\r\n\n\r\nGET / HTTP/1.1\nHost: x\n\n", "garbage\r\n", "GET / HTTP/1.1\r\n folded\r\n\r\n", "\n", "",
	} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, stream []byte, atATime uint8) {
		complete := parse(stream, len(stream)+1)
		for _, k := range []int{1, int(atATime) + 1} {
			if got := parse(stream, k); !slices.Equal(got, complete) {
				t.Errorf("%d at a time gives %q, all at once %q", k, got, complete)
			}
		}
	})
}
