// Package peers compares our load generator with others:
// wrk, h2load, ab, bombardier, hey, vegeta, k6, ghz and wrk2, where they are found.
//
//  1. A [Section] is a question, such as what a request costs the generator. It
//     has cases; each case is a load on a target, and the generators that can
//     make that load, in pairs: ours and one other.
//  2. The two of a pair run one after the other, in random order, each on a fresh
//     server, confined to the generator's CPU, the server to its own. A round runs
//     every pair once; Config.Pairs is the number of rounds. A machine that is slow
//     for a minute is slow for both.
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
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/field"
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
	Tools    []Tool        // to be compared with ours, as from Look; there may be none
	Missing  []string      // tools that were not found, for the report
	Sections []string      // names of Sections, in whatever order; none: all
	Pairs    int           // rounds, 1 to MaxPairs
	Duration time.Duration // of each run, in full seconds, MinDuration to MaxDuration
	Seed     uint64        // of the order in which things run
	From     []string      // files with a line of JSON for each run made earlier, which are reported in place of new ones

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
		field.Check(c.Pairs >= 1 && c.Pairs <= MaxPairs, "Pairs", c.Pairs, fmt.Sprintf("1 to %d", MaxPairs)),
		field.Check(c.Duration >= MinDuration && c.Duration <= MaxDuration && c.Duration%time.Second == 0, "Duration", c.Duration,
			fmt.Sprintf("%v to %v in full seconds, which every peer accepts", MinDuration, MaxDuration)),
	)
}

// runner runs a Config.
type runner struct {
	Config
	epoll, goroutine Tool // ours, by driver
	watching         Tool // ours, and it measures the server's process, too
	random           *rand.Rand

	targetCPUs, generatorCPUs []int
	report                    *Report
}

func newRunner(c Config) *runner {
	return &runner{
		Config: c, random: rand.New(rand.NewPCG(c.Seed, 0)),
		epoll: ours(c.Exe, epoll.Name, ""), goroutine: ours(c.Exe, bench.GoroutineName, ""), watching: ours(c.Exe, epoll.Name, "--target-pid {pid}"),
	}
}

// newReport is a report of the sections that are asked for, without a run.
func (r *runner) newReport() {
	r.report = &Report{Config: r.Config, Started: time.Now(), Environment: host.Environment(), TargetCPUs: r.targetCPUs, GeneratorCPUs: r.generatorCPUs}
	for _, s := range Sections {
		if len(r.Sections) > 0 && !slices.Contains(r.Sections, s.Name) {
			continue
		}
		if s.needs != "" && len(r.From) == 0 && programPath(s.needs) == "" {
			r.report.Missing = append(r.report.Missing, fmt.Sprintf("%s, which section %s needs", s.needs, s.Name))
			continue
		}
		list := s.build(r)
		for _, k := range list {
			k.section = s.Name
			r.report.Planned += r.Pairs * len(slices.Concat(k.pairs...))
		}
		r.report.Sections = append(r.report.Sections, section{s, list})
	}
}

// Run compares. Where ctx ends, or a server does not start, the report of what is
// complete is returned with the error. A generator that fails is a finding, and
// the report states it.
func Run(ctx context.Context, c Config) (*Report, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	// Go gives its children the limit of open files that it found, not its own.
	if err := allowFiles(); err != nil {
		return nil, fmt.Errorf("raising the limit of open files: %w", err)
	}
	r := newRunner(c)
	if all, err := host.Affinity(0); err == nil {
		r.targetCPUs, r.generatorCPUs = host.Split(all)
	}
	if len(c.From) > 0 {
		return r.earlier()
	}
	r.newReport()
	for _, s := range r.report.Sections {
		for _, k := range s.Cases {
			if err := host.CheckLimits(k.task.connections(), 1); err != nil {
				return nil, fmt.Errorf("section %s: %w", s.Name, err)
			}
		}
	}
	for _, s := range r.report.Sections {
		if err := r.section(ctx, s.Cases); err != nil {
			return r.report, err
		}
	}
	return r.report, nil
}

// section runs its cases round by round, so that one which is interrupted has
// about as many pairs of each.
func (r *runner) section(ctx context.Context, contests []*contest) error {
	for round := range r.Pairs {
		for _, k := range contests {
			for _, p := range r.random.Perm(len(k.pairs)) {
				pair := k.pairs[p]
				for _, i := range r.random.Perm(len(pair)) {
					m := &Measurement{Section: k.section, Case: k.Name, Pair: round + 1, Name: pair[i].name}
					if len(pair) == 2 {
						m.Against = pair[1-i].name
					}
					if err := r.one(ctx, k, pair[i], m); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// one makes one measurement, on a server of its own.
func (r *runner) one(ctx context.Context, k *contest, c contestant, m *Measurement) error {
	s, err := c.target.start(ctx, r)
	if err != nil {
		return err
	}
	err = r.measure(ctx, k, c, s, m)
	ended, how := s.ended()
	stopped := s.stop()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case ended:
		m.Failed = "the server ended: " + how
	case stopped != nil:
		return stopped
	case err != nil:
		m.Failed = err.Error()
	}
	k.runs = append(k.runs, m)
	if r.report.Complete++; m.Failed != "" {
		r.report.Failed++
	}
	if r.Done != nil {
		r.Done(m, r.report.Complete, r.report.Planned)
	}
	return nil
}
