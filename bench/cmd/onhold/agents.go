package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/fleet"
	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/result"
)

const (
	flagBus       = "bus"
	embeddedBus   = "embedded"
	defaultGather = time.Minute
)

// fleetFlags are about several generators that drive one load.
func fleetFlags() []cli.Flag {
	return append([]cli.Flag{
		intFlag(catFleet, "agents", 0, "agents that drive the load together, each onhold agent on a machine of its own; 0: this process drives it"),
		boolFlag(catFleet, "agents-local", "start the agents of --agents on this machine, for trying it; they share its CPUs"),
		stringFlag(catFleet, "resume", "", "`FOLDER` run folder of a run with --agents that was killed, or ended early: give the command of that run again. Stages that are recorded are not run again, and of the one under way its agents hand over what they have"),
		durationFlag(catFleet, "agents-wait", defaultGather, "limit for the agents to come forward"),
	}, busFlags(embeddedBus)...)
}

// findFleetFlags are those of a search, which is continued by its own record.
func findFleetFlags() []cli.Flag {
	return slices.DeleteFunc(fleetFlags(), func(f cli.Flag) bool { return f.Names()[0] == "resume" })
}

// withAgents finds out whether several generators drive the load.
func (s *session) withAgents() error {
	if s.agents = s.c.Int("agents") > 0; s.agents && s.c.Bool("agents-local") {
		return s.c.Set(flagNoPin, "true") // each would take the same CPU
	}
	return nil
}

// checkFleet checks the flags of a fleet.
func (s *session) checkFleet() error {
	c, n := s.c, s.c.Int("agents")
	if n == 0 {
		return refuse(c, "requires --agents", "agents-local", "resume")
	}
	switch dir := c.String("resume"); {
	case dir != "" && c.String("out") != "" && filepath.Clean(c.String("out")) != filepath.Clean(dir):
		return usageError("--out=%s: and --resume=%s cannot be given together: the run is continued in its folder", c.String("out"), dir)
	case s.mix == nil:
		return usageError("--agents=%d: requires the address of a server, as in onhold run http://10.0.0.9:8080/ --agents %d", n, n)
	case given(c, "extend") && c.Int("extend") > 1:
		return usageError("--extend=%d: and --agents cannot be given together: the machines of a fleet are disturbed at different times", c.Int("extend"))
	case c.Bool("agents-local") && c.String(flagBus) != embeddedBus:
		return usageError("--agents-local: and --%s cannot be given together: they meet on a bus of their own", flagBus)
	}
	if err := refuse(c, "and --agents cannot be given together", "unix-socket", "proto", "proto-path"); err != nil {
		return err
	}
	if flag, err := loadFlagOf(c); err == nil && flag == "" { // of the default, what can be shared out
		s.levels = slices.DeleteFunc(s.levels, func(level float64) bool { return level < float64(n) })
	}
	for _, level := range s.levels {
		p := s.plan
		p.Load, p.Share = p.Load.At(level), bench.Share{Of: n}
		if err := p.Validate(); err != nil {
			return usageError("--agents=%d: a load of %s cannot be shared out among so many: %w", n, p.Load, err)
		}
	}
	switch {
	case len(s.levels) == 0:
		return usageError("--agents=%d: give a load, such as --clients %d: each agent needs a client", n, n)
	case c.String(flagBus) == embeddedBus:
		return nil
	}
	return busOf(c).Validate()
}

// leadFleet gathers the agents, and has them drive the target.
func (s *session) leadFleet(ctx context.Context, run string) (note string, err error) {
	t := s.driven[0]
	plan, err := s.shipPlan()
	if err != nil {
		return "", err
	}
	if note, err = s.gather(ctx, run, plan, withScheme(s.c.Args().First())); err != nil {
		return "", err
	}
	t.run = func(ctx context.Context, p bench.Plan) (*result.Stage, error) {
		spec, err := s.specOf(p)
		if err != nil {
			return nil, err
		}
		stage, err := s.fleet.Stage(ctx, spec, p, p.StageSettings(t.like))
		if err != nil && ctx.Err() == nil {
			err = &exitError{exitInvalid, fmt.Errorf("%w; the stages that follow are not run", err)}
		}
		return stage, err
	}
	return note, nil
}

// gather gathers the agents, and gives them the plan. Those on this machine may drive
// target.
func (s *session) gather(ctx context.Context, run string, plan []byte, target string) (note string, err error) {
	c := s.c
	config := fleet.Config{Run: run + "-" + rand.Text()[:6], Version: version(), Agents: c.Int("agents"), Plan: plan, Gather: c.Duration("agents-wait")}
	if s.resume.on {
		config.Save = s.saveFleet
	}
	if u := s.resume.before; u != nil {
		config.Run, config.Before = u.Run, &u.Saved
		if err := u.Fits(config); err != nil {
			return "", usageError("--resume=%s: %w", c.String("resume"), err)
		}
	}
	if err := config.Validate(); err != nil {
		return "", tooLarge(config.Agents, err)
	}
	if s.bus, err = s.openBus(); err != nil {
		return "", err
	}
	if c.Bool("agents-local") {
		if err := s.startAgents(config.Agents, target); err != nil {
			return "", err
		}
	}
	if s.fleet, err = fleet.Lead(ctx, s.bus, config); err != nil {
		if large := tooLarge(config.Agents, err); exitCodeOf(large) == exitUsage {
			return "", large
		}
		return "", errors.Join(&exitError{exitNotStarted, err}, s.agentErrors())
	}
	var names []string
	for _, a := range s.fleet.Agents() {
		names = append(names, fmt.Sprintf("%s (on %s)", a.Name, a.Host))
	}
	return fmt.Sprintf("%d agents drive the load: %s", len(names), strings.Join(names, ", ")), nil
}

// tooLarge is the error of a plan that is too large, in terms of the flags: those that
// name files, as their contents are sent as text that is a third longer.
func tooLarge(agents int, err error) error {
	if e, ok := errors.AsType[*field.Error](err); ok && e.Field == "Plan" {
		return usageError("--agents=%d: what agents need of the flags and of the files that they name has %v bytes, want %s", agents, e.Value, e.Want)
	}
	return err
}

func (s *session) openBus() (*fleet.Bus, error) {
	u := s.resume.before
	if s.c.String(flagBus) != embeddedBus {
		bus, err := connectBus(busOf(s.c))
		if err == nil || u == nil || !u.Embedded {
			return bus, err
		}
		// It was part of the coordinator that is gone: the agents look for it there.
		if again, embedded := fleet.EmbedAt(s.c.String(flagBus)); embedded == nil {
			return again, nil
		}
		return nil, err
	}
	if u != nil && u.Embedded && !s.c.Bool("agents-local") {
		return nil, usageError("--resume=%s: the bus of that run was part of its coordinator. Set %s to the address that was printed for the agents: it is started there again", s.c.String("resume"), variableOf(flagBus))
	}
	bus, err := fleet.Embed()
	if err != nil {
		return nil, &exitError{exitNotStarted, err}
	}
	if !s.c.Bool("agents-local") {
		fmt.Fprintf(s.c.Root().ErrWriter, "onhold: waiting for %d agents on this machine: %s=%s onhold agent --name NAME\n", s.c.Int("agents"), variableOf(flagBus), bus.URL)
	}
	return bus, nil
}

// startAgents starts agents on this machine, which may drive the host of target.
func (s *session) startAgents(n int, target string) error {
	exe, err := os.Executable()
	if err != nil {
		return &exitError{exitNotStarted, err}
	}
	// Variables of their flags are meant for agents that are started by hand.
	environ := slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.ContainsFunc(flagNames(agentCommand().Flags), func(flag string) bool { return variableOf(flag) == name })
	})
	scheme, rest, _ := strings.Cut(target, "://")
	host, _, _ := strings.Cut(rest, "/")
	if at := strings.LastIndex(host, "@"); at >= 0 {
		host = host[at+1:]
	}
	for i := range n {
		cmd := exec.Command(exe, "agent", "--once", "--name", fmt.Sprintf("local-%d", i+1), "--allow", scheme+"://"+host)
		cmd.Env = append(slices.Clone(environ), variableOf(flagBus)+"="+s.bus.URL)
		p, err := process.Start(cmd, nil, nil)
		if err != nil {
			return &exitError{exitNotStarted, fmt.Errorf("starting an agent: %w", err)}
		}
		s.local = append(s.local, p)
	}
	return nil
}

// agentErrors is what agents on this machine that have ended wrote.
func (s *session) agentErrors() error {
	for _, p := range s.local {
		if ended, how := p.Ended(); ended {
			return fmt.Errorf("an agent %s: %s", how, strings.TrimSpace(p.Stderr()))
		}
	}
	return nil
}

// closeFleet lets the agents go.
func (s *session) closeFleet() {
	if s.fleet != nil {
		s.fleet.Close()
	}
	for _, p := range s.local {
		_ = p.Stop() // that it was killed is in the record
	}
	if s.bus != nil {
		s.bus.Close()
	}
}
