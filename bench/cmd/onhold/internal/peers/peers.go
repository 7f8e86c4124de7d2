// Package peers compares our load generator with others:
// wrk, h2load, ab, bombardier, hey, vegeta, k6 and wrk2, where they are found.
//
//  1. A [Section] is a question, such as what a request costs the generator. It
//     has cases; each case is a load on a target, and the generators that can
//     make that load, in pairs: ours and one other.
//  2. The two of a pair run one after the other, in random order, on the same
//     server process, each confined to the generator's CPU, the server to its
//     own. A round runs every pair once; Config.Pairs is the number of rounds.
//     A machine that is slow for a minute is slow for both.
//  3. Measurements are made from outside, in the same way for all: by the
//     kernel, of the generator's process, and by the server, of requests. What
//     a tool itself reports is shown separately, and never mixed with them.
//  4. A table gives the median of each, and the median of the ratios within
//     pairs with its exact interval.
//
// Nothing is installed, and load goes to this machine only.
package peers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/result"
)

// The defaults of the command.
const (
	DefaultPairs    = 7 // the fewest whose range has a confidence above 98 %
	DefaultDuration = 3 * time.Second
)

// Bounds of a Config.
const (
	MaxPairs    = 1000
	MinDuration = time.Second
	MaxDuration = 10 * time.Minute
)

// Config is what to compare.
type Config struct {
	Exe      string        // our own program, for its subcommand run
	Drivers  []string      // of ours: the first is compared with every tool, others with bombardier
	Tools    []Tool        // to be compared with ours, as from Look; there may be none
	Missing  []string      // tools that were not found, for the report
	Sections []string      // names of Sections, in whatever order; none: all
	Pairs    int           // rounds, 1 to MaxPairs
	Duration time.Duration // of each run, in full seconds, MinDuration to MaxDuration
	Seed     uint64        // of the order in which things run

	// Done is called after each measurement, also a failed one, with their
	// number so far and at the end; nil: never.
	Done func(m *Measurement, n, total int)
}

// Validate checks every field. The error is a [*field.Error].
func (c Config) Validate() error {
	for i, name := range c.Sections {
		if err := field.Check(slices.Contains(SectionNames(), name) && !slices.Contains(c.Sections[:i], name), "Sections", name,
			"each at most once of "+strings.Join(SectionNames(), ", ")); err != nil {
			return err
		}
	}
	return field.First(
		field.Check(c.Exe != "", "Exe", c.Exe, "our own program"),
		field.Check(len(c.Drivers) > 0, "Drivers", c.Drivers, "at least one"),
		field.Check(c.Pairs >= 1 && c.Pairs <= MaxPairs, "Pairs", c.Pairs, fmt.Sprintf("1 to %d", MaxPairs)),
		field.Check(c.Duration >= MinDuration && c.Duration <= MaxDuration && c.Duration%time.Second == 0, "Duration", c.Duration,
			fmt.Sprintf("%v to %v in full seconds, which every peer accepts", MinDuration, MaxDuration)),
	)
}

// runner runs a Config.
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

// Run compares. Where ctx ends, or a server does not start, the report of what is
// complete is returned with the error. A generator that fails is a finding, and
// the report states it.
func Run(ctx context.Context, c Config) (*Report, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	r := &runner{
		Config: c, found: c.Tools,
		main:   ours(c.Exe, c.Drivers[0]),
		random: rand.New(rand.NewPCG(c.Seed, 0)),
		report: &Report{
			Started: time.Now(), Environment: host.Environment(), Pairs: c.Pairs, Duration: c.Duration, Seed: c.Seed,
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
		if err := checkFiles(s.maxClients); err != nil {
			return nil, fmt.Errorf("section %s: %w", s.Name, err)
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
	Duration                  time.Duration
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
