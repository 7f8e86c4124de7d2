package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/targets/orders"
)

// The streams, and the subjects in them: each order has one of its own, so that
// the broker can be asked for it.
const (
	streamOrders    = "ORDERS"           // to be paid; gone when that is done
	streamProcessed = "ORDERS_PROCESSED" // the record of paid orders
	subjectPlaced   = "orders.placed."   // and the order's id
	subjectDone     = "order.processed." // and the order's id
	subjectAgain    = "order.again."     // in no stream
)

// DuplicateWindow is for how long the broker knows an order by its id that is
// placed a second time.
const DuplicateWindow = 2 * time.Minute

// The settings of the broker are stored with its streams, so that every client can
// show them.
const metaSync = "onhold_sync"

// callLimit bounds one call of the broker, of those that are not bounded by
// their caller.
const callLimit = 5 * time.Second

// Client is a connection to a broker. It connects again by itself for as long
// as it is not closed; a call made in between fails at once.
type Client struct {
	conn   *nats.Conn
	js     jetstream.JetStream
	orders jetstream.Stream
	done   jetstream.Stream

	mu   sync.Mutex
	lost context.Context // ends when the connection does that there is now
	lose context.CancelFunc
}

// Open connects to the broker at a nats:// address, and makes the streams where it
// does not have both.
func Open(ctx context.Context, url string, like Config) (*Client, error) {
	c, err := Connect(ctx, url)
	if err != nil || c.orders != nil && c.done != nil {
		return c, err
	}
	like = like.WithDefaults()
	like.Sync = "" // how an external broker flushes is unknown
	if err := c.makeStreams(ctx, like); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Connect connects to the broker at a nats:// address. It may have no streams yet:
// see Open.
func Connect(ctx context.Context, url string) (*Client, error) {
	c := &Client{}
	c.lost, c.lose = context.WithCancel(context.Background())
	conn, err := nats.Connect(url,
		nats.DisconnectErrHandler(func(*nats.Conn, error) { c.disconnected() }),
		nats.Name("onhold"),
		nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond), nats.ReconnectJitter(50*time.Millisecond, 0),
		nats.ReconnectBufSize(-1), // an order is placed now or not at all
		nats.Timeout(callLimit),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // it prints otherwise
	)
	if err != nil {
		return nil, fmt.Errorf("the broker at %s: %w", redact.Servers(url), connectError(err))
	}
	c.conn = conn
	if err := c.open(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("the broker at %s: %w", redact.Servers(url), err)
	}
	return c, nil
}

func (c *Client) open(ctx context.Context) error {
	var err error
	if c.js, err = jetstream.New(c.conn, jetstream.WithDefaultTimeout(callLimit)); err != nil {
		return err
	}
	for _, s := range []struct {
		name string
		into *jetstream.Stream
	}{{streamOrders, &c.orders}, {streamProcessed, &c.done}} {
		stream, err := c.js.Stream(ctx, s.name)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			// It has just started, or is another's, or was killed before it had made
			// both: makeStreams makes what is missing.
		case err != nil:
			return err
		default:
			*s.into = stream
		}
	}
	return nil
}

// makeStreams makes both streams, or changes their limits.
func (c *Client) makeStreams(ctx context.Context, like Config) error {
	storage := jetstream.FileStorage
	if like.Store == Memory {
		storage = jetstream.MemoryStorage
	}
	meta := map[string]string{}
	if like.Sync != "" {
		meta[metaSync] = like.EffectiveSync()
	}
	var err error
	c.orders, err = c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: streamOrders, Subjects: []string{subjectPlaced + "*"}, Description: "orders to be paid",
		Retention: jetstream.WorkQueuePolicy, Storage: storage,
		MaxMsgs: like.Orders, MaxBytes: like.Limit / 2, Discard: jetstream.DiscardNew, // a full stream takes no more
		Duplicates: DuplicateWindow, AllowDirect: true, Metadata: meta,
	})
	if err != nil {
		return fmt.Errorf("making the stream of orders: %w", err)
	}
	c.done, err = c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: streamProcessed, Subjects: []string{subjectDone + "*"}, Description: "orders that are paid",
		Retention: jetstream.LimitsPolicy, Storage: storage,
		MaxMsgs: 2 * like.Orders, MaxBytes: like.Limit / 2, Discard: jetstream.DiscardOld,
		Duplicates: time.Second, AllowDirect: true, Metadata: meta,
	})
	if err != nil {
		return fmt.Errorf("making the stream of paid orders: %w", err)
	}
	return nil
}

func (c *Client) disconnected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lose()
	c.lost, c.lose = context.WithCancel(context.Background())
}

// untilLost is ctx, which also ends when the connection does.
func (c *Client) untilLost(ctx context.Context) (context.Context, context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, askFor)
	unlink := context.AfterFunc(c.lost, cancel)
	return ctx, func() {
		unlink()
		cancel()
	}
}

// Close closes the connection.
func (c *Client) Close() { c.conn.Close() }

// Connected is whether the broker is there.
func (c *Client) Connected() bool { return c.conn.IsConnected() }

// About says where the broker keeps its messages and when it flushes them to
// the disk. That is not known of a broker that is not ours.
func (c *Client) About(ctx context.Context) (store, sync string, err error) {
	info, err := c.orders.Info(ctx)
	if err != nil {
		return "", "", err
	}
	store = File
	if info.Config.Storage == jetstream.MemoryStorage {
		store = Memory
	}
	return store, cmp.Or(info.Config.Metadata[metaSync], "unknown"), nil
}

// About asks a broker that runs already: see [Client.About].
func About(ctx context.Context, url string, like Config) (store, sync string, err error) {
	client, err := Open(ctx, url, like)
	if err != nil {
		return "", "", err
	}
	defer client.Close()
	return client.About(ctx)
}

// Backlog is how many orders wait to be paid, including those that a consumer
// works on.
func (c *Client) Backlog(ctx context.Context) (int64, error) {
	info, err := c.orders.Info(ctx)
	if err != nil {
		return 0, err
	}
	return int64(info.State.Msgs), nil
}

// Place puts an order into the stream and returns when the broker has
// acknowledged it. The error is, or has within, orders.ErrBusy where the
// stream is full. After another error the broker may still have the order.
func (c *Client) Place(ctx context.Context, o *orders.Order) error {
	var room [256]byte
	msg := nats.NewMsg(subjectPlaced + key(uint64(o.ID)))
	msg.Data = o.AppendJSON(room[:0])
	_, err := c.js.PublishMsg(ctx, msg, jetstream.WithMsgID(key(uint64(o.ID))), jetstream.WithExpectStream(streamOrders))
	switch {
	case err == nil:
		return nil
	case full(err):
		return fmt.Errorf("the stream of orders is full: %w", orders.ErrBusy)
	case !c.Connected():
		return fmt.Errorf("the broker is away: %w", err)
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("the broker did not acknowledge the order in time")
	}
	return fmt.Errorf("the broker: %w", err)
}

// full reports whether the stream is full, as opposed to broken.
func full(err error) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	const (
		resources   = 10023
		storeFailed = 10077 // for any reason; only the text says which
		memory      = 10028
		storage     = 10047
	)
	switch api.ErrorCode {
	case resources, memory, storage:
		return true
	case storeFailed:
		return strings.Contains(api.Description, "maximum")
	}
	return false
}
