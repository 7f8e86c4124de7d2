package targets_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/a628bb15/onhold/targets/orders"
	"github.com/a628bb15/onhold/targets/queue"
	"github.com/a628bb15/onhold/targets/queue/broker"
	"github.com/a628bb15/onhold/targets/queue/payments"
)

// Style queue, with its broker and its payment service in this process. What
// becomes of orders when processes are killed is tested with the command.

func startBroker(t *testing.T, c broker.Config) *broker.Server {
	t.Helper()
	if c.Store == "" {
		c.Store = broker.Memory
	}
	s, err := broker.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func startQueue(t *testing.T, b *broker.Server, o targets.Options) targets.Server {
	t.Helper()
	o.Queued.Broker = b.URL()
	style, ok := targets.Find(queue.Name)
	if !ok {
		t.Fatal("there is no style queue")
	}
	return start(t, style, o)
}

func startPayments(t *testing.T, b *broker.Server) targets.Server {
	t.Helper()
	return start(t, paymentService(t), targets.Options{Queued: targets.Queued{Broker: b.URL(), Consumers: 5}})
}

func TestAnOrderIsAcceptedAndPaidLater(t *testing.T) {
	t.Parallel()
	b := startBroker(t, broker.Config{})
	s := startQueue(t, b, targets.Options{})
	c := dial(t, s)
	c.send(t, post(`{"user_id":42,"total_cents":1999}`))
	r := c.read(t, "POST")
	o := readOrder(t, r)
	if r.StatusCode != http.StatusAccepted || o.Status != orders.StatusPlaced || o.UserID != 42 || o.TotalCents != 1999 || o.ID < 1 {
		t.Fatalf("got %d %s", r.StatusCode, r.body)
	}
	path := orders.PathOrders + "/" + strconv.FormatInt(o.ID, 10)
	wantHeader(t, r, "Location", path)
	status := func() string {
		c.send(t, get(path))
		return readOrder(t, c.read(t, "GET")).Status
	}
	if got := status(); got != orders.StatusPlaced {
		t.Errorf("with nobody to pay it is %s", got)
	}
	if id, ok := queue.Accepted(r.body); !ok || id != uint64(o.ID) {
		t.Errorf("the generator reads order %d, %t from %s", id, ok, r.body)
	}
	p := startPayments(t, b)
	eventually(t, "it is paid", func() bool { return status() == orders.StatusPaid })
	if st := p.Stats(); st.Broker.Paid != 1 || st.Backend.Calls != 1 {
		t.Errorf("one order: %+v", st)
	}
	c.send(t, get(orders.PathOrders+"/1"))
	wantError(t, c.read(t, "GET"), http.StatusNotFound, "there is no order 1")

	// All else is as in the other styles.
	c.send(t, askFor(7))
	wantOrders(t, c.read(t, "GET"), 7)
	c.send(t, get(orders.PathInvitations+"?friends=3&mode=concurrent"))
	if r := c.read(t, "GET"); r.StatusCode != 200 {
		t.Errorf("got %d %s", r.StatusCode, r.body)
	}
	c.send(t, post(`{"user_id":42}`))
	wantError(t, c.read(t, "POST"), http.StatusBadRequest, "total_cents")
	if st := s.Stats(); st.Backend.Calls != 4 || st.InFlight != 0 || !st.Broker.Connected || st.Broker.Store != broker.Memory || st.Broker.Sync != "none" {
		t.Errorf("%+v of %+v", st.Broker, st)
	}
}

// Whatever the payment service waits for: what was accepted is what is
// processed, and nothing is lost.
func TestEveryBackendPaysWhatWasAccepted(t *testing.T) {
	t.Parallel()
	for _, be := range targets.Backends {
		t.Run(be.Name, func(t *testing.T) {
			t.Parallel()
			const n = 12
			b := startBroker(t, broker.Config{})
			s := startQueue(t, b, targets.Options{})
			client, err := broker.Connect(t.Context(), b.URL())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			seen := &watched{all: map[uint64][]result.CompletionEvent{}}
			if err := client.Watch(t.Context(), seen.event); err != nil {
				t.Fatal(err)
			}
			c := dial(t, s)
			var ids []uint64
			for i := range n {
				c.send(t, post(fmt.Sprintf(`{"user_id":%d,"total_cents":%d}`, i+1, 100*i)))
				ids = append(ids, uint64(readOrder(t, c.read(t, "POST")).ID))
			}
			o := waitFor[be.Name](t, latency, 5)
			o.Backend = be.Name
			o.Queued = targets.Queued{Broker: b.URL(), Consumers: 5}
			p := start(t, paymentService(t), o)
			eventually(t, "the stream is empty", func() bool {
				left, err := client.Backlog(t.Context())
				return err == nil && left == 0
			})
			for i, id := range ids {
				eventually(t, fmt.Sprintf("order %d is reported as done", id), func() bool { return len(seen.of(id)) > 0 })
				want := orders.Order{ID: int64(id), UserID: int64(i + 1), TotalCents: int64(100 * i), Status: orders.StatusPaid}
				got, ok, err := client.Recorded(t.Context(), int64(id))
				if want.Created = got.Order.Created; err != nil || !ok || got.Order != want || got.Order.Created.IsZero() {
					t.Errorf("on record: %+v, %t, %v; want %+v", got, ok, err, want)
				}
				c.send(t, get(orders.PathOrders+"/"+strconv.FormatUint(id, 10)))
				if got := readOrder(t, c.read(t, "GET")); got.Status != orders.StatusPaid {
					t.Errorf("the server says of it: %+v", got)
				}
			}
			if kept, err := client.Waiting(t.Context(), ids); err != nil || kept != n {
				t.Errorf("of %d orders %d are kept, the rest is lost; %v", n, kept, err)
			}
			if st := p.Stats(); st.Broker.Paid != n || st.Backend.Calls != n || st.Broker.Failed != 0 {
				t.Errorf("%d orders: %+v, %d calls", n, *st.Broker, st.Backend.Calls)
			}
		})
	}
}

func TestAFullStreamIsBusy(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what   string
		config broker.Config
		room   int // at most
	}{
		{"in orders", broker.Config{Orders: 3}, 3},
		{"in bytes", broker.Config{Limit: broker.MinLimit}, 10_000},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			s := startQueue(t, startBroker(t, row.config), targets.Options{})
			c := dial(t, s)
			for n := 0; ; n++ {
				c.send(t, post(fmt.Sprintf(`{"user_id":%d,"total_cents":1}`, n+1)))
				r := c.read(t, "POST")
				if r.StatusCode == http.StatusAccepted && n < row.room {
					continue
				}
				wantError(t, r, http.StatusServiceUnavailable, "stream of orders is full")
				wantHeader(t, r, "Retry-After", "1")
				if n == 0 {
					t.Error("there was no room at all")
				}
				if st := s.Stats(); st.Accepted != int64(n) || st.Rejected != 1 {
					t.Errorf("%d were accepted and one was not: %+v", n, st)
				}
				return
			}
		})
	}
}

func TestABrokerThatIsAwayIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := broker.Config{Store: broker.File, Dir: dir}
	b, err := broker.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	s := startQueue(t, b, targets.Options{})
	c := dial(t, s)
	place := func() reply {
		c.send(t, post(`{"user_id":1,"total_cents":1}`))
		return c.read(t, "POST")
	}
	if r := place(); r.StatusCode != http.StatusAccepted {
		t.Fatalf("got %d %s", r.StatusCode, r.body)
	}
	if err := b.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the loss is noticed", func() bool { return !s.Stats().Broker.Connected })
	wantError(t, place(), http.StatusBadGateway, "the broker is away")

	config.Addr = b.Addr()
	again := startBroker(t, config)
	eventually(t, "the broker is found again", func() bool { return place().StatusCode == http.StatusAccepted })
	client, err := broker.Connect(t.Context(), again.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if n, err := client.Backlog(t.Context()); err != nil || n < 2 {
		t.Errorf("%d orders wait, %v: want the one from before and one from after", n, err)
	}
}

// A broker that was killed between making its first stream and its second
// starts again, and has what it had.
func TestABrokerStartsWithOneStream(t *testing.T) {
	t.Parallel()
	for _, missing := range []string{"ORDERS", "ORDERS_PROCESSED"} {
		t.Run(missing, func(t *testing.T) {
			t.Parallel()
			config := broker.Config{Store: broker.File, Dir: t.TempDir()}
			b, err := broker.Start(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := nats.Connect(b.URL())
			if err != nil {
				t.Fatal(err)
			}
			_, err = raw.Request("$JS.API.STREAM.DELETE."+missing, nil, 5*time.Second)
			raw.Close()
			if err := errors.Join(err, b.Shutdown(t.Context())); err != nil {
				t.Fatal(err)
			}
			s := startQueue(t, startBroker(t, config), targets.Options{})
			c := dial(t, s)
			c.send(t, post(`{"user_id":1,"total_cents":1}`))
			if r := c.read(t, "POST"); r.StatusCode != http.StatusAccepted {
				t.Errorf("got %d %s", r.StatusCode, r.body)
			}
		})
	}
}

// watched records what a generator learns.
type watched struct {
	mu  sync.Mutex
	all map[uint64][]result.CompletionEvent
}

func (w *watched) event(id uint64, how result.CompletionEvent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all[id] = append(w.all[id], how)
}

func (w *watched) of(id uint64) []result.CompletionEvent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all[id]
}

// An order that comes twice is paid once: while it is being paid, and when it
// is on record. The second message is put into the stream by hand, without the
// id by which the broker would recognise it.
func TestAnOrderThatComesTwiceIsPaidOnce(t *testing.T) {
	t.Parallel()
	b := startBroker(t, broker.Config{})
	client, err := broker.Connect(t.Context(), b.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	raw, err := nats.Connect(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	seen := &watched{all: map[uint64][]result.CompletionEvent{}}
	if err := client.Watch(t.Context(), seen.event); err != nil {
		t.Fatal(err)
	}
	place := func(id int64) {
		o := orders.Order{ID: id, UserID: 1, Status: orders.StatusPlaced, TotalCents: 5, Created: time.Now()}
		if _, err := raw.Request("orders.placed."+strconv.FormatInt(id, 10), o.AppendJSON(nil), 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	const atOnce, later = 17, 18
	place(atOnce)
	place(atOnce)
	place(later)
	p := start(t, paymentService(t), targets.Options{
		Sim: sim.Config{Latency: 50 * time.Millisecond}, Queued: targets.Queued{Broker: b.URL(), Consumers: 5, AckWait: time.Second},
	})
	eventually(t, "both orders are paid", func() bool { return p.Stats().Broker.Paid == 2 })
	place(later)
	eventually(t, "the stream is empty", func() bool {
		n, err := client.Backlog(t.Context())
		return err == nil && n == 0
	})
	if st := p.Stats(); st.Broker.Paid != 2 || st.Backend.Calls != 2 || st.Broker.Duplicates < 2 || st.Broker.PaidTwice != 0 {
		t.Errorf("two orders, each twice: %+v, %d calls", *st.Broker, st.Backend.Calls)
	}
	for _, id := range []uint64{atOnce, later} {
		eventually(t, "both watchers know", func() bool { return len(seen.of(id)) >= 2 })
		done := 0
		for _, how := range seen.of(id) {
			if how == result.Completed {
				done++
			}
		}
		if done != 1 {
			t.Errorf("order %d: reported %v", id, seen.of(id))
		}
	}
}

// A payment is recorded once; its service may record it again.
func TestTheRecordHasEachOrderOnce(t *testing.T) {
	t.Parallel()
	b := startBroker(t, broker.Config{})
	client, err := broker.Connect(t.Context(), b.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	order := orders.Order{ID: 5, UserID: 1, Status: orders.StatusPaid, TotalCents: 7, Created: time.Unix(1, 0).UTC()}
	if _, ok, err := client.Recorded(t.Context(), 5); ok || err != nil {
		t.Errorf("before: %t, %v", ok, err)
	}
	for _, row := range []struct {
		payment string
		first   bool
	}{{"mine", true}, {"mine", true}, {"another's", false}} {
		first, err := client.Record(t.Context(), broker.Payment{Order: order, Payment: row.payment})
		if err != nil || first != row.first {
			t.Errorf("%s: first %t, %v; want %t", row.payment, first, err, row.first)
		}
	}
	if p, ok, err := client.Recorded(t.Context(), 5); !ok || err != nil || p.Order != order || p.Payment != "mine" {
		t.Errorf("after: %+v, %t, %v", p, ok, err)
	}

	// What is in a stream is not lost, all else is.
	waits := orders.Order{ID: 6, UserID: 1, Status: orders.StatusPlaced, Created: order.Created}
	if err := client.Place(t.Context(), &waits); err != nil {
		t.Fatal(err)
	}
	if n, err := client.Waiting(t.Context(), []uint64{5, 6, 7}); n != 2 || err != nil {
		t.Errorf("%d wait, %v; want the one on record and the one to be paid", n, err)
	}
}

func TestQueueSaysWhatIsWrong(t *testing.T) {
	if _, err := style(t, queue.Name).Start(targets.Options{}); err == nil {
		t.Error("it started without a broker")
	}
	if _, err := style(t, queue.Name).Start(targets.Options{Queued: targets.Queued{Broker: "nats://127.0.0.1:1"}}); err == nil {
		t.Error("it started without a broker at the address")
	}
	b := startBroker(t, broker.Config{})
	if s, err := broker.Start(t.Context(), broker.Config{Store: broker.Memory, Addr: b.Addr()}); err == nil {
		t.Error("a second broker started at the same address", s.Shutdown(context.Background()))
	}
	for _, row := range []struct {
		config broker.Config
		want   string
	}{
		{broker.Config{Addr: "here"}, "Addr is here, want HOST:PORT, with port 0 for any free one"},
		{broker.Config{Store: "tape"}, "Store is tape, want memory or file"},
		{broker.Config{Sync: "2562047h"}, "Sync is 2562047h, want always, or an interval from 1s to 24h0m0s"},
		{broker.Config{Sync: "never"}, "Sync is never, want always, or an interval from 1s to 24h0m0s"},
		{broker.Config{Sync: "1ms"}, "Sync is 1ms, want always, or an interval from 1s to 24h0m0s"},
		{broker.Config{Limit: 5}, "Limit is 0, want 1 to 1048576 MiB"},
		{broker.Config{Orders: -1}, "Orders is -1, want 1 to 10000000"},
	} {
		if err := row.config.Validate(); err == nil || err.Error() != row.want {
			t.Errorf("%+v: %v, want %s", row.config, err, row.want)
		}
	}
	if err := errors.Join(broker.Config{}.Validate(), broker.Config{Sync: "2m"}.Validate()); err != nil {
		t.Error(err)
	}
}

// Bodies differ, are as long as each other, and are taken.
func TestBodiesOfOrdersDiffer(t *testing.T) {
	body := queue.Body()
	seen := map[string]bool{}
	for _, n := range []uint64{1, 2, 3, 999_999, 1_000_000, 1_000_001, 1<<64 - 1} {
		queue.Fill(body, n)
		var o placed
		if err := json.Unmarshal(body, &o); err != nil || o.UserID < 1 || o.UserID > 1_000_000 || o.TotalCents < 100 || len(body) != len(queue.Body()) {
			t.Errorf("%d: %v: %s", n, err, body)
		}
		if seen[string(body)] {
			t.Errorf("%d: %s comes twice", n, body)
		}
		seen[string(body)] = true
	}
	for _, reply := range []string{``, `{}`, `[{"id":1,"user_id":2}]`, `{"id":0,"user_id":2}`, `{"id":1`, `{"id":x,"user_id":2}`} {
		if id, ok := queue.Accepted([]byte(reply)); ok {
			t.Errorf("%q: read as order %d", reply, id)
		}
	}
}

// paymentService is the service that pays the orders of style queue.
func paymentService(t *testing.T) targets.Style {
	t.Helper()
	for _, s := range targets.Helpers {
		if s.Name == payments.Name {
			return s
		}
	}
	t.Fatal("there is no payment service")
	return targets.Style{}
}
