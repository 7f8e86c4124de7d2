// Package broker connects those who accept orders with those who pay them: NATS
// JetStream, with a stream of orders to be paid and a stream of paid orders.
//
//  1. [Start] starts the embedded broker in the calling process.
//  2. [Open] connects to a broker, and makes the streams where they are missing.
//  3. [Client.Place] puts an order into the first stream. When it returns, the
//     broker has the order.
//  4. [Client.Consume] delivers orders, each until it is acknowledged.
//  5. [Client.Record] puts a paid order into the second stream, once.
//
// JetStream acknowledges a message when it has written it, and flushes the
// file to the disk later, by default every two minutes: what the operating
// system had not written by itself is lost when the machine (not the broker
// alone) dies before. [SyncAlways] flushes each message before it is
// acknowledged. The memory store keeps nothing beyond the broker's own end.
package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/a628bb15/onhold/bench/scratch"
	"github.com/a628bb15/onhold/reports/field"
)

// Where a broker keeps its messages.
const (
	Memory = "memory" // they end with it
	File   = "file"
)

// SyncAlways is the Config.Sync of a broker that flushes each message to the
// disk before it acknowledges it.
const SyncAlways = "always"

// What the zero values of a Config mean.
const (
	DefaultStore  = File
	DefaultSync   = SyncAlways
	DefaultLimit  = 256 << 20
	DefaultOrders = 100_000
)

// Bounds of a Config.
const (
	MinLimit  = 1 << 20
	MaxLimit  = 1 << 40
	MaxOrders = 10_000_000
	minSync   = time.Second
	maxSync   = 24 * time.Hour
)

// Name under which the command serves it.
const Name = "broker"

// ownPrefix begins the names of the folders of brokers that are given none.
const ownPrefix = "onhold-broker-"

// Sweep removes the temporary folders of brokers that were killed.
func Sweep() { scratch.Sweep(ownPrefix) }

// Config is how to start a broker. The zero value is ready for use.
type Config struct {
	// Addr is the TCP address to listen on; empty means any free port, for this
	// machine only.
	Addr string

	// Store is Memory or File; empty means DefaultStore.
	Store string

	// Dir is where the files are. Empty means a new folder among the temporary
	// ones, which a Shutdown removes.
	Dir string

	// Sync is SyncAlways, or the interval at which files are flushed, as a
	// duration of at least a second; empty means DefaultSync.
	Sync string

	// Limit is the most bytes that all messages may take, in memory or on disk,
	// half of it for each stream; 0 means DefaultLimit. JetStream's own default is
	// three quarters of the machine's memory.
	Limit int64

	// Orders is how many orders may wait to be paid; one more is rejected. Of
	// paid orders twice as many are kept, the newest. 0 means DefaultOrders.
	Orders int64
}

// WithDefaults fills in what is not set.
func (c Config) WithDefaults() Config {
	c.Addr = cmp.Or(c.Addr, "127.0.0.1:0")
	c.Store = cmp.Or(c.Store, DefaultStore)
	c.Sync = cmp.Or(c.Sync, DefaultSync)
	c.Limit = cmp.Or(c.Limit, DefaultLimit)
	c.Orders = cmp.Or(c.Orders, DefaultOrders)
	return c
}

// Validate checks every field. The error is a [*field.Error].
func (c Config) Validate() error {
	c = c.WithDefaults()
	interval, badInterval := time.ParseDuration(c.Sync)
	return field.First(
		field.Address("Addr", c.Addr),
		field.Check(c.Store == Memory || c.Store == File, "Store", c.Store, Memory+" or "+File),
		field.Check(c.Sync == SyncAlways || badInterval == nil && interval >= minSync && interval <= maxSync, "Sync", c.Sync, fmt.Sprintf("%s, or an interval from %v to %v", SyncAlways, minSync, maxSync)),
		field.Check(c.Limit >= MinLimit && c.Limit <= MaxLimit, "Limit", c.Limit>>20, fmt.Sprintf("%d to %d MiB", MinLimit>>20, int64(MaxLimit>>20))),
		field.Check(c.Orders >= 1 && c.Orders <= MaxOrders, "Orders", c.Orders, fmt.Sprintf("1 to %d", MaxOrders)),
	)
}

// EffectiveSync is Sync, its default, or "none" where messages are kept in memory.
func (c Config) EffectiveSync() string {
	c = c.WithDefaults()
	if c.Store == Memory {
		return "none"
	}
	return c.Sync
}

// Server is a running broker.
type Server struct {
	server *server.Server
	addr   string
	own    *scratch.Dir // the folder that was made for it; nil: none was
}

// startLimit is how long a broker may take until it listens: it reads what it
// finds in its folder first.
const startLimit = 20 * time.Second

// Start starts a broker with both streams, and returns when it listens.
func Start(ctx context.Context, c Config) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.WithDefaults()
	s := &Server{}
	if c.Dir == "" {
		own, err := scratch.New(ownPrefix)
		if err != nil {
			return nil, err
		}
		c.Dir, s.own = own.Path, own
	}
	if err := s.start(ctx, c); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, c Config) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	if s.server, err = Embed(o); err != nil {
		return err
	}
	s.addr = s.server.Addr().String()
	client, err := Connect(ctx, s.URL())
	if err != nil {
		s.stop()
		return err
	}
	defer client.Close()
	if err := client.makeStreams(ctx, c); err != nil {
		s.stop()
		return err
	}
	return nil
}

// Embed starts a NATS server in this process, and returns when it listens. Its options
// name host and port.
func Embed(o *server.Options) (*server.Server, error) {
	// The server ends the process where it cannot listen, so we try first.
	addr := net.JoinHostPort(o.Host, strconv.Itoa(max(0, o.Port))) // a port that it chooses is -1
	probe, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", addr, err)
	}
	probe.Close()
	s, err := server.NewServer(o)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(startLimit) || s.Addr() == nil {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("the broker was not ready within %v", startLimit)
	}
	return s, nil
}

func (c Config) options() (*server.Options, error) {
	host, port, _ := net.SplitHostPort(c.Addr)
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("addr=%s: the port is no number", c.Addr)
	}
	if n == 0 {
		n = server.RANDOM_PORT
	}
	o := &server.Options{
		ServerName: "onhold", Host: host, Port: n,
		NoLog: true, NoSigs: true,
		MaxPayload: maxPayload,
		JetStream:  true, StoreDir: c.Dir,
		// 0 would mean three quarters of the machine's memory. The other kind of
		// store has no stream in it.
		JetStreamMaxMemory: MinLimit, JetStreamMaxStore: MinLimit,
		DisableJetStreamBanner: true,
		SyncAlways:             c.Sync == SyncAlways,
	}
	if c.Store == Memory {
		o.JetStreamMaxMemory = c.Limit
	} else {
		o.JetStreamMaxStore = c.Limit
	}
	o.SyncInterval, _ = time.ParseDuration(c.Sync) // was checked
	return o, nil
}

// maxPayload is the largest message in bytes: an order takes some 150.
const maxPayload = 64 << 10

// Addr is the address that the broker listens on, as HOST:PORT.
func (s *Server) Addr() string { return s.addr }

// URL is the address as a client takes it.
func (s *Server) URL() string { return "nats://" + s.addr }

// Shutdown ends the broker, and removes its folder where it had a temporary
// one.
func (s *Server) Shutdown(context.Context) error {
	s.stop()
	return s.remove()
}

func (s *Server) stop() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}

func (s *Server) remove() error {
	if s.own == nil {
		return nil
	}
	return s.own.Remove()
}
