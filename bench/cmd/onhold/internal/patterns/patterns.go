// Package patterns is the contrast of synchronous and asynchronous
// communication as a row of short experiments. Each starts real servers as
// processes of their own, drives them, and tells what was found in a sentence
// and a figure, both made from what was measured.
//
// A new experiment is a file beside the others and a line in [All].
package patterns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/render/pattern"
	"github.com/a628bb15/onhold/reports/result"
)

// Experiment is one contrast that is shown.
type Experiment struct {
	Name  string // of its figure's file, and for choosing it
	About string // one line

	run func(ctx context.Context, l *lab) (pattern.Pattern, error)
}

// All are the experiments, in the order in which they are told.
var All = []Experiment{
	{"phone-calls", "three calls, one after another and at once", phoneCalls},
	{"user-1001", "1,001 users at once on 1,000 workers, and on an event loop", user1001},
	{"held-or-free", "what each style does during one wait", heldOrFree},
	{"pay-later", "orders that are paid now, and orders that are paid later", payLater},
	{"what-is-behind", "REST, database query and RPC behind the same wait", whatIsBehind},
	{"the-pool", "a server without a limit in front of a database with one", thePool},
	{"handshake", "a kept connection, and a new one for each request", handshake},
}

// Names lists the names of the experiments.
func Names() []string {
	names := make([]string, len(All))
	for i, e := range All {
		names[i] = e.Name
	}
	return names
}

// Config is how to run the experiments.
type Config struct {
	TargetCPUs []int    // where the servers run; nil: anywhere
	NoPin      bool     // no thread of the generator is pinned
	Only       []string // names of experiments; none: all of them
	Scale      float64  // of the waits of phone-calls and the length of pay-later, 0.01 to 10; 1 where 0
	DSN        string   // of a PostgreSQL that joins what-is-behind and the-pool; "": none joins
	Progress   func(what string)

	// Whole is called with every pattern as soon as it is whole, and with the
	// stages that it was made from.
	Whole func(p pattern.Pattern, stages []*result.Stage) error
}

// Bounds of Config.Scale.
const (
	MinScale = 0.01
	MaxScale = 10
)

// Validate says what is wrong, naming the command's flag.
func (c Config) Validate() error {
	for i, name := range c.Only {
		if slices.Contains(c.Only[:i], name) {
			return fmt.Errorf("--only=%s: %s comes twice", strings.Join(c.Only, ","), name)
		}
		if !slices.Contains(Names(), name) {
			return fmt.Errorf("--only=%s: there is no pattern %q; there are %s", strings.Join(c.Only, ","), name, strings.Join(Names(), ", "))
		}
	}
	if c.Scale != 0 && !(c.Scale >= MinScale && c.Scale <= MaxScale) {
		return fmt.Errorf("--scale=%v: must be from %v to %v", c.Scale, MinScale, MaxScale)
	}
	return nil
}

// Run runs the experiments one after another. It ends with the first error,
// or that of ctx; what was whole by then has been handed over.
func Run(ctx context.Context, c Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if c.Scale == 0 {
		c.Scale = 1
	}
	for _, e := range All {
		if len(c.Only) > 0 && !slices.Contains(c.Only, e.Name) {
			continue
		}
		l := &lab{Config: c, name: e.Name}
		l.tell("%s", e.About)
		p, err := e.run(ctx, l)
		if err = errors.Join(err, l.close()); err != nil {
			return errors.Join(ctx.Err(), fmt.Errorf("%s: %w", e.Name, err))
		}
		p.Name, p.Command = e.Name, "onhold patterns --only "+e.Name
		if c.Scale != 1 {
			p.Command += fmt.Sprintf(" --scale %g", c.Scale)
		}
		p.Warnings = append(p.Warnings, l.warnings()...)
		if err := c.Whole(p, l.stages); err != nil {
			return err
		}
	}
	return nil
}

// scaled is a time that Scale shortens.
func (c Config) scaled(d time.Duration) time.Duration { return time.Duration(float64(d) * c.Scale) }
