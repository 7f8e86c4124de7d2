// Package targets holds the servers that are driven: one order service, built
// in several styles of waiting for the same backend.
//
// [Styles] is the table of styles and [Backends] that of what they wait for. A
// new one is a folder beside the others and an entry in its table. [Style.Start]
// starts a target in this process; [Program.Launch] and [Program.Drive] start it
// as a process of its own.
package targets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/backend/inject"
	"github.com/a628bb15/onhold/targets/bare"
	"github.com/a628bb15/onhold/targets/orders"
	"github.com/a628bb15/onhold/targets/queue/payments"
)

// Listener is a running server.
type Listener interface {
	// Addr is the address that it listens on, as HOST:PORT.
	Addr() string

	// Shutdown stops accepting, answers what is in flight, closes all
	// connections and returns when that is done. It returns the error of ctx
	// when that ends first: what was in flight may then stay unanswered. In both
	// cases it then closes the backend, which may take a few seconds more. It must be called once.
	Shutdown(ctx context.Context) error
}

// Server is a running target.
type Server interface {
	Listener

	// Stats reports what it is doing.
	Stats() orders.Stats
}

// Protocol is what the callers of a target speak.
type Protocol string

// The protocols.
const (
	HTTP Protocol = "" // HTTP/1.1
	GRPC Protocol = "gRPC"
)

// Inline lists the styles whose callers speak the protocol and that complete an
// order before they reply, in one reply.
func Inline(p Protocol) []Style {
	return slices.DeleteFunc(slices.Clone(Styles), func(s Style) bool { return s.Later || s.Streams || s.Protocol != p })
}

// Names lists the names of styles.
func Names(styles []Style) []string {
	names := make([]string, len(styles))
	for i, s := range styles {
		names[i] = s.Name
	}
	return names
}

// Find returns the style of that name; ok is false where there is none.
func Find(name string) (style Style, ok bool) { return find(Styles, name) }

func find(styles []Style, name string) (Style, bool) {
	if i := slices.IndexFunc(styles, func(s Style) bool { return s.Name == name }); i >= 0 {
		return styles[i], true
	}
	return Style{}, false
}

func unknownStyle(name string) error {
	return fmt.Errorf("there is no style %q; the styles are %s", name, strings.Join(Names(Styles), ", "))
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
	if b, err = inject.Wrap(b, o.Inject); err != nil {
		return nil, err
	}
	c := s.config(o)
	traced, err := s.trace(o)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	c.Backend, c.Log = b, traced.log
	server, err := s.start(c, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", s.Name, err), b.Close())
	}
	return &target{server, b, traced}, nil
}

// target is a server with the backend that was opened for it.
type target struct {
	Server
	backend backend.Backend
	traced  traced
}

// Shutdown writes the trace and closes the backend too, also where the server
// did not finish in time: a query that is still running then ends with it.
func (t *target) Shutdown(ctx context.Context) error {
	return errors.Join(t.Server.Shutdown(ctx), t.traced.write(), t.backend.Close())
}

// Check reports what is wrong with the options of a style or of one of Helpers.
func Check(name string, o Options) error {
	s, ok := find(slices.Concat(Styles, Helpers), name)
	if !ok {
		return unknownStyle(name)
	}
	if o.Trace != "" {
		if err := s.Traceable(o); err != nil {
			return err
		}
	}
	switch {
	case name == bare.Name:
		o.Bare.Addr = o.withDefaults().Addr
		return field.In("Bare", o.Bare.Validate())
	case name == payments.Name && o.Queued.Broker == "":
		return &field.Error{Field: "Queued.Broker", Value: "", Want: "the address of a broker, like nats://127.0.0.1:4222"}
	}
	return o.Validate()
}
