// Package targets holds the servers that are driven: one order service, built
// in several styles of waiting for the same backend.
//
// A new style is a folder beside the others and a line in [Styles], or in [Later]
// where it answers before it has paid.
package targets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/backend/inject"
	"github.com/a628bb15/onhold/targets/blocking"
	"github.com/a628bb15/onhold/targets/eventloop"
	"github.com/a628bb15/onhold/targets/goroutine"
	"github.com/a628bb15/onhold/targets/grpc"
	"github.com/a628bb15/onhold/targets/orders"
)

// Server is a running target.
type Server interface {
	// Addr is the address that it listens on, as HOST:PORT.
	Addr() string

	// Stats says what it is doing.
	Stats() orders.Stats

	// Shutdown stops accepting, answers what is in flight, closes all
	// connections and returns when that is done. It returns the error of ctx
	// when that ends first: what was in flight may then stay unanswered. In both
	// cases it then lets go of what the backend holds, which may take a few
	// seconds more. It is to be called once.
	Shutdown(ctx context.Context) error
}

// Protocol is what the callers of a target speak.
type Protocol string

// The protocols.
const (
	HTTP Protocol = "" // HTTP/1.1
	GRPC Protocol = "gRPC"
)

// Style is a way to wait for the backend.
type Style struct {
	Name     string
	About    string // one line
	Protocol Protocol

	start func(Options, backend.Backend) (Server, error) // options with their defaults filled in
}

// Styles lists the styles.
var Styles = []Style{
	{Name: blocking.Name, About: "a pool of OS threads that block while they wait, and a bounded queue", start: startBlocking},
	{Name: goroutine.Name, About: "a parked goroutine per request", start: startGoroutine},
	{Name: eventloop.Name, About: "callbacks on a few event loops; a request that waits is a timer, for any backend but sim a goroutine", start: startEventloop},
	{Name: grpc.Name, About: "gRPC: a pool of workers that wait, and a bounded queue; or no limit", Protocol: GRPC, start: startRPC},
}

func startBlocking(o Options, b backend.Backend) (Server, error) {
	return blocking.Start(blocking.Config{Addr: o.Addr, Workers: o.Workers, Queue: o.Queue, Backend: b, Log: o.log})
}

func startGoroutine(o Options, b backend.Backend) (Server, error) {
	return goroutine.Start(goroutine.Config{Addr: o.Addr, MaxInflight: o.MaxInflight, Backend: b, Log: o.log})
}

func startEventloop(o Options, b backend.Backend) (Server, error) {
	return eventloop.Start(eventloop.Config{Addr: o.Addr, Loops: o.Loops, MaxInflight: o.MaxInflight, Backend: b, Log: o.log})
}

func startRPC(o Options, b backend.Backend) (Server, error) {
	c := grpc.Config{Addr: o.Addr, Workers: o.Workers, Queue: o.Queue, Backend: b}
	if o.RPCLimit == LimitNone {
		c.Workers, c.Queue = 0, 0
	}
	return grpc.Start(c)
}

// Speaking lists the styles whose callers speak the protocol.
func Speaking(p Protocol) []Style {
	return slices.DeleteFunc(slices.Clone(Styles), func(s Style) bool { return s.Protocol != p })
}

// Names lists the names of the styles: of all, or of those that are Speaking
// one of the protocols.
func Names(speaking ...Protocol) (names []string) {
	for _, s := range Styles {
		if len(speaking) == 0 || slices.Contains(speaking, s.Protocol) {
			names = append(names, s.Name)
		}
	}
	return names
}

// AllNames lists the names of Styles and of Later.
func AllNames() []string {
	names := Names()
	for _, s := range Later {
		names = append(names, s.Name)
	}
	return names
}

// Find returns the style of that name, of Styles or of Later; ok is false where
// there is none.
func Find(name string) (style Style, ok bool) {
	for _, s := range slices.Concat(Styles, Later) {
		if s.Name == name {
			return s, true
		}
	}
	return Style{}, false
}

// Start starts a target of the named style, and returns when it listens.
func Start(style string, o Options) (Server, error) {
	if s, ok := Find(style); ok {
		return s.Start(o)
	}
	return nil, fmt.Errorf("there is no style %q; the styles are %s", style, strings.Join(AllNames(), ", "))
}

// Start starts a target of this style, and returns when it listens.
func (s Style) Start(o Options) (Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	kind, err := FindBackend(o.Backend)
	if err != nil {
		return nil, err
	}
	b, err := kind.open(o)
	if err != nil {
		return nil, fmt.Errorf("backend %s: %w", kind.Name, err)
	}
	if b, err = inject.Wrap(b, o.Extra); err != nil {
		return nil, err
	}
	traced, err := s.trace(&o)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	server, err := s.start(o, b)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", s.Name, err), b.Close())
	}
	return &target{server, b, traced}, nil
}

// target is a server with the backend that was opened for it.
type target struct {
	Server
	backend backend.Backend
	traced  *traced // nil where nothing is
}

// Shutdown writes the trace and closes the backend too, also where the server
// did not finish in time: what is still asked then ends with it, or would be
// answered to nobody.
func (t *target) Shutdown(ctx context.Context) error {
	return errors.Join(t.Server.Shutdown(ctx), t.traced.write(), t.backend.Close())
}
