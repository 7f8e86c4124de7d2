// Package patterns compares synchronous and asynchronous communication in short
// experiments. Each starts real servers as separate processes, drives them, and
// makes a sentence and a figure from the measurements.
//
// A new experiment is a file in this folder and a line in [All].
package patterns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/internal/retry"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/render/pattern"
	"github.com/a628bb15/onhold/reports/result"
)

// Experiment is one comparison.
type Experiment struct {
	Name  string // of its figure's file, and for choosing it
	About string // one line

	run func(ctx context.Context, l *lab) (pattern.Pattern, error)
}

// All are the experiments, in the order in which they run.
var All = []Experiment{
	{"phone-calls", "three calls, one after another and at once", phoneCalls},
	{"user-1001", "1,001 users at once on 1,000 workers, and on an event loop", user1001},
	{"held-or-free", "what each style does during one wait", heldOrFree},
	{"pay-later", "orders that are paid now, and orders that are paid later", payLater},
	{"what-is-behind", "REST, database query and RPC behind the same wait", whatIsBehind},
	{"the-pool", "a server without a limit in front of a database with one", thePool},
	{"handshake", "a kept connection, and a new one per request", handshake},
	{"open-streams", "1,000 clients that follow an order each, and what holds their streams", openStreams},
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
	DSN        string   // of a PostgreSQL for what-is-behind and the-pool; "": none
	Progress   func(what string)

	// Done is called with each pattern when it is complete, with the stages that it
	// was made from, and with the time that a disturbed machine added.
	Done func(p pattern.Pattern, stages []*result.Stage, added Added) error
}

// Added is the time beyond what was planned, because the machine disturbed stages.
type Added struct {
	Extended time.Duration // by stages that ran on
	Repeated time.Duration // by attempts that do not count
}

// Bounds of Config.Scale.
const (
	MinScale = 0.01
	MaxScale = 10
)

// Validate checks every field. The error is a [*field.Error].
func (c Config) Validate() error {
	for i, name := range c.Only {
		if err := field.Check(slices.Contains(Names(), name) && !slices.Contains(c.Only[:i], name), "Only", name,
			"each at most once of "+strings.Join(Names(), ", ")); err != nil {
			return err
		}
	}
	return field.Check(c.Scale == 0 || c.Scale >= MinScale && c.Scale <= MaxScale, "Scale", c.Scale,
		fmt.Sprintf("%v to %v", MinScale, MaxScale))
}

// Run runs the experiments one after another until the first error, or that of
// ctx. Complete patterns were passed to Done by then.
func Run(ctx context.Context, c Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if c.Scale == 0 {
		c.Scale = 1
	}
	var budget retry.Budget
	for _, e := range All {
		if len(c.Only) > 0 && !slices.Contains(c.Only, e.Name) {
			continue
		}
		l := &lab{Config: c, name: e.Name, retry: &budget}
		l.report("%s", e.About)
		p, err := e.run(ctx, l)
		if err = errors.Join(err, l.close()); err != nil {
			return errors.Join(ctx.Err(), fmt.Errorf("%s: %w", e.Name, err))
		}
		p.Name = e.Name
		p.Warnings = append(p.Warnings, l.warnings()...)
		p.Limit = l.limit()
		if err := c.Done(p, l.stages, l.added); err != nil {
			return err
		}
	}
	return nil
}

// scaled is a time that Scale shortens.
func (c Config) scaled(d time.Duration) time.Duration { return time.Duration(float64(d) * c.Scale) }
