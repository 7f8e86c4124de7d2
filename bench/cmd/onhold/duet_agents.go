package main

import (
	"context"
	"encoding/json"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet"
	"github.com/a628bb15/onhold/reports/result"
)

const flagServeOn = "serve-on"

// duetFleetFlags are about agents that drive the servers of a comparison.
func duetFleetFlags() []cli.Flag {
	return append(findFleetFlags(), stringFlag(catFleet, flagServeOn, "", "`ADDRESS` of this machine at which the servers listen, where agents on other machines reach them; where not set, 127.0.0.1"))
}

// checkDuetFleet checks the flags of duetFleetFlags.
func checkDuetFleet(c *cli.Command, served bool) error {
	n := c.Int("agents")
	switch {
	case !served:
		return refuse(c, "requires --build and --serve", "agents", "agents-local", flagServeOn)
	case n == 0:
		return refuse(c, "requires --agents", "agents-local")
	case n < 0:
		return usageError("--agents=%d: want 0, which is none, or more", n)
	case c.Bool("agents-local") && c.String(flagBus) != embeddedBus:
		return usageError("--agents-local: and --%s cannot be given together: they meet on a bus of their own", flagBus)
	}
	if err := refuse(c, "and --agents cannot be given together", "unix-socket"); err != nil || c.String(flagBus) == embeddedBus {
		return err
	}
	return busOf(c).Validate()
}

// compareWithAgents gathers agents, which drive the stages of a comparison from then on.
// What the server's process uses is measured here.
func compareWithAgents(ctx context.Context, c *cli.Command, e *duet.Serve) (note string, done func(), err error) {
	s := &session{c: c, agents: true}
	if err := s.withAgents(); err != nil {
		return "", nil, err
	}
	if err := refuse(c, "and --agents cannot be given together", "proto", "proto-path"); err != nil {
		return "", nil, err
	}
	address, err := sharedAddressOf(c)
	if err != nil {
		return "", nil, err
	}
	host := net.JoinHostPort(text(c, flagServeOn, "127.0.0.1"), "1")
	plan := shippedPlan{Target: address.at(host), Variables: map[string]string{}, Files: map[string]fileData{}, Args: []string{
		"--rate=" + strconv.FormatFloat(e.Plan.Load.Rate, 'f', -1, 64), "--arrivals=" + string(e.Plan.Load.Arrivals),
	}}
	shipped, err := plan.with(c, slices.DeleteFunc(shippedFlags(), func(name string) bool {
		return slices.Contains([]string{"rate", "arrivals", "duration", "warmup", "seed"}, name) // each stage has its own
	}))
	if err != nil {
		return "", nil, err
	}
	meant, err := openPlan(ctx, shipped, []allowed{{name: "*"}})
	if err != nil {
		return "", nil, err
	}
	done = func() {
		s.closeFleet()
		meant.Close()
	}
	if note, err = s.gather(ctx, "duet-"+time.Now().Format("20060102-150405"), shipped, address.scheme+"://"+strings.TrimSuffix(host, ":1")); err != nil {
		done()
		return "", nil, err
	}
	e.Drive = func(ctx context.Context, addr string, p bench.Plan, d bench.Driver) (*result.Stage, error) {
		spec, err := json.Marshal(shippedSpec{Level: p.Load.Level(), Address: addr, Visit: &visit{p.Load, p.Seed, p.Warmup, p.Duration}})
		if err != nil {
			return nil, err
		}
		theirs, driver, err := meant.Stage(spec)
		if err != nil {
			return nil, err
		}
		theirs.TargetPID = p.TargetPID
		stage, err := s.fleet.Stage(ctx, spec, theirs, theirs.StageSettings(driver))
		if err != nil {
			return nil, err
		}
		stage.Settings = p.StageSettings(d)
		return stage, nil
	}
	e.Plan.Settings = append(e.Plan.Settings, result.Setting{Key: result.KeyAgents, Value: strconv.Itoa(c.Int("agents"))})
	return note + "; CPU time and memory of the servers are measured here", done, nil
}
