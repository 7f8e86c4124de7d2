package targets_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/orders"
)

// The suite in this file and its neighbours runs over the table of styles: one
// that is added there is tested by it.

const latency = 5 * time.Millisecond

// eachStyle runs a test over the styles that speak HTTP.
func eachStyle(t *testing.T, test func(t *testing.T, style targets.Style)) {
	for _, style := range targets.Inline(targets.HTTP) {
		t.Run(style.Name, func(t *testing.T) {
			t.Parallel()
			test(t, style)
		})
	}
}

// start starts a server that is shut down with the test.
func start(t testing.TB, style targets.Style, o targets.Options) targets.Server {
	t.Helper()
	if o.Sim.Latency == 0 {
		o.Sim.Latency = latency
	}
	s, err := style.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, s) })
	return s
}

// client is one raw connection: the tests say every byte themselves.
type client struct {
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, s targets.Server) *client {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute)) // no test may hang, also on a busy machine
	return &client{c, bufio.NewReader(c)}
}

func (c *client) send(t testing.TB, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

type reply struct {
	*http.Response
	body []byte
}

// read reads the reply to a request of the given method.
func (c *client) read(t testing.TB, method string) reply {
	t.Helper()
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("reading the reply: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the body: %v", err)
	}
	if resp.StatusCode == http.StatusContinue {
		return c.read(t, method)
	}
	return reply{resp, body}
}

// ended checks that the server closes the connection and says no more.
func (c *client) ended(t testing.TB) {
	t.Helper()
	// A reset is fine: there were bytes that the server did not read.
	if rest, err := io.ReadAll(c.r); len(rest) > 0 || isTimeout(err) {
		t.Errorf("want the end of the connection, got %q, %v", rest, err)
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" }

func askFor(user int) string { return get(orders.PathOrders + "?user_id=" + strconv.Itoa(user)) }

// wantOrders checks that a reply is the list of the orders of the user.
func wantOrders(t testing.TB, r reply, user int) {
	t.Helper()
	var list []struct {
		UserID int64 `json:"user_id"`
	}
	if err := json.Unmarshal(r.body, &list); err != nil {
		t.Errorf("the body is no list: %v: %s", err, r.body)
	}
	want := orders.AppendJSON(nil, orders.Generate(nil, int64(user)))
	if r.StatusCode != http.StatusOK || !bytes.Equal(r.body, want) {
		t.Errorf("got %d %s, want the orders of user %d: %s", r.StatusCode, r.body, user, want)
	}
	wantHeader(t, r, "Content-Type", "application/json")
	wantHeader(t, r, "Content-Length", strconv.Itoa(len(want)))
}

// placed is an order as a reply has it.
type placed struct {
	ID         int64     `json:"id"`
	UserID     int64     `json:"user_id"`
	Status     string    `json:"status"`
	TotalCents int64     `json:"total_cents"`
	Created    time.Time `json:"created"`
}

func readOrder(t *testing.T, r reply) (o placed) {
	t.Helper()
	if err := json.Unmarshal(r.body, &o); err != nil {
		t.Fatalf("%v: %d %s", err, r.StatusCode, r.body)
	}
	return o
}

func wantHeader(t testing.TB, r reply, key, want string) {
	t.Helper()
	if got := r.Header.Get(key); got != want {
		t.Errorf("%s is %q, want %q", key, got, want)
	}
}

// wantError checks the status and that the body is a JSON error that has the
// text.
func wantError(t testing.TB, r reply, status int, text string) {
	t.Helper()
	var e struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(r.body, &e); err != nil {
		t.Errorf("the body is no JSON object: %v: %q", err, r.body)
	}
	if r.StatusCode != status || e.Error == "" || !strings.Contains(e.Error, text) {
		t.Errorf("got %d %q, want %d with %q", r.StatusCode, e.Error, status, text)
	}
}
