// Package peers measures our own load generator beside those that people use:
// wrk, h2load, ab, bombardier, hey, vegeta, k6 and wrk2, where they are found.
//
//  1. A [Section] is a question, such as what a request costs the generator. It
//     has cases; each case is a load on a target, and the generators that can
//     make that load, in pairs: ours and one other.
//  2. The two of a pair run one after the other, in random order, on the same
//     server process, each confined to the generator's CPU, the server to its
//     own. A round runs every pair once; there are as many rounds as asked for.
//     So a machine that is slow for a minute is slow for both.
//  3. What is measured is measured from outside, the same for all: by the
//     kernel, of the generator's process, and by the server, of requests. What
//     a tool itself prints stands beside that, and is never mixed with it.
//  4. A table gives the median of each, and the median of the ratios within
//     pairs with its exact interval ([Interval]).
//
// Nothing is installed, and load goes to this machine only.
package peers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/result"
)

// The defaults of the command.
const (
	DefaultPairs  = 7 // the fewest whose range has a confidence above 98 %
	DefaultLength = 3 * time.Second
)

// Bounds of a Config.
const (
	MaxPairs  = 1000
	MinLength = time.Second
	MaxLength = 10 * time.Minute
)

// Config is what to compare.
type Config struct {
	Exe      string        // our own program, for its subcommand run
	Drivers  []string      // of ours: the first is compared with every tool, others with bombardier
	Tools    []Tool        // to be compared with ours, as from Look; there may be none
	Missing  []string      // tools that were looked for in vain, for the report
	Sections []string      // names of Sections, in whatever order; none: all
	Pairs    int           // rounds, 1 to MaxPairs
	Length   time.Duration // of each run, in whole seconds, MinLength to MaxLength
	Seed     uint64        // of the order in which things run

	// Done is called after each measurement, whole or failed, with how many
	// there are so far and will be; nil: nobody is told.
	Done func(m *Measurement, n, total int)
}

// Validate checks every field. The error names the field as the command's flag,
// the value, and what is allowed.
func (c Config) Validate() error {
	switch {
	case c.Exe == "" || len(c.Drivers) == 0:
		return errors.New("our own program and its drivers must be named")
	case c.Pairs < 1 || c.Pairs > MaxPairs:
		return fmt.Errorf("--pairs=%d: must be from 1 to %d", c.Pairs, MaxPairs)
	case c.Length < MinLength || c.Length > MaxLength || c.Length%time.Second != 0:
		return fmt.Errorf("--duration=%v: must be from %v to %v in whole seconds, as some peers know no others", c.Length, MinLength, MaxLength)
	}
	for i, name := range c.Sections {
		if !slices.Contains(SectionNames(), name) {
			return fmt.Errorf("--sections=%s: there is no such section: want some of %v", name, SectionNames())
		}
		if slices.Contains(c.Sections[:i], name) {
			return fmt.Errorf("--sections=%s: comes twice", name)
		}
	}
	return nil
}

// runner does what a Config says.
type runner struct {
	Config
	found  []Tool
	main   Tool   // ours, by the first of its drivers
	others []Tool // and by the others
	random *rand.Rand

	targetCPUs, generatorCPUs []int
	total                     int
	report                    *Report
}

// Run compares. Where ctx ends, or a server cannot be started, the report of
// what is whole is returned beside the error; a generator that fails is a
// finding, and stands in the report.
func Run(ctx context.Context, c Config) (*Report, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	r := &runner{
		Config: c, found: c.Tools,
		main:   ours(c.Exe, c.Drivers[0]),
		random: rand.New(rand.NewPCG(c.Seed, 0)),
		report: &Report{
			Started: time.Now(), Environment: host.Environment(), Pairs: c.Pairs, Length: c.Length, Seed: c.Seed,
			Tools: c.Tools, Missing: c.Missing,
		},
	}
	for _, driver := range c.Drivers[1:] {
		r.others = append(r.others, ours(c.Exe, driver))
	}
	if all, err := host.Affinity(0); err == nil {
		r.targetCPUs, r.generatorCPUs = host.Split(all)
	}
	r.report.TargetCPUs, r.report.GeneratorCPUs = r.targetCPUs, r.generatorCPUs
	var contests [][]contest
	for _, s := range Sections {
		if len(c.Sections) > 0 && !slices.Contains(c.Sections, s.Name) {
			continue
		}
		if err := checkFiles(s.most); err != nil {
			return nil, fmt.Errorf("--sections=%s: %w", s.Name, err)
		}
		list := s.build(r)
		for _, k := range list {
			for _, pair := range k.pairs {
				r.total += c.Pairs * len(pair)
			}
		}
		contests = append(contests, list)
		r.report.sections = append(r.report.sections, reported{s, list})
	}
	r.report.Planned = r.total
	for _, section := range contests {
		if err := r.section(ctx, section); err != nil {
			return r.report, err
		}
	}
	return r.report, nil
}

// section runs its cases round by round, so that one which is interrupted has
// about as many pairs of each.
func (r *runner) section(ctx context.Context, contests []contest) error {
	for round := range r.Pairs {
		for i := range contests {
			k := &contests[i]
			for _, p := range r.random.Perm(len(k.pairs)) {
				pair := slices.Clone(k.pairs[p])
				if len(pair) == 2 && r.random.IntN(2) == 1 {
					slices.Reverse(pair)
				}
				if err := r.pair(ctx, k, pair, round+1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// pair measures one pair. Two on the same target share its process.
func (r *runner) pair(ctx context.Context, k *contest, pair []contestant, round int) error {
	var s *server
	stop := func() error {
		if s == nil {
			return nil
		}
		old := s
		s = nil
		return old.Stop()
	}
	defer stop()
	for i, c := range pair {
		if s != nil && !reflect.DeepEqual(s.target, c.target) {
			if err := stop(); err != nil {
				return err
			}
		}
		if s == nil {
			var err error
			if s, err = r.launch(ctx, c.target); err != nil {
				return err
			}
		}
		m := &Measurement{Section: k.section, Case: k.name, Pair: round, Place: i + 1, Name: c.String()}
		if len(pair) == 2 {
			m.Against = pair[1-i].String()
		}
		err := r.measure(ctx, k, c, s, m)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			m.Failed = err.Error()
		}
		if ended, how := s.Ended(); ended {
			m.Failed = "the server ended: " + how
			s = nil
		}
		r.report.Measurements = append(r.report.Measurements, m)
		if r.Done != nil {
			r.Done(m, len(r.report.Measurements), r.total)
		}
	}
	return stop()
}

// reported is a section with its cases, as they were run.
type reported struct {
	Section
	contests []contest
}

// Report is what was measured.
type Report struct {
	Started                   time.Time
	Environment               result.Environment
	Pairs                     int
	Length                    time.Duration
	Seed                      uint64
	Tools                     []Tool
	Missing                   []string
	TargetCPUs, GeneratorCPUs []int
	Planned                   int // measurements
	Measurements              []*Measurement

	sections []reported
}

// Failures is the number of measurements that failed.
func (r *Report) Failures() (n int) {
	for _, m := range r.Measurements {
		if m.Failed != "" {
			n++
		}
	}
	return n
}
