package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/fleet"
	"github.com/a628bb15/onhold/bench/find"
	"github.com/a628bb15/onhold/bench/scratch"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/redact"
)

func agentCommand() *cli.Command {
	return &cli.Command{
		Name:  "agent",
		Usage: "drive a share of runs that onhold run --agents leads, until Ctrl-C",
		Flags: slices.Concat(busFlags(""), []cli.Flag{
			stringFlag(catFleet, "name", "", "`NAME` name of this agent, of which a run may have one; where not set, that of the machine"),
			listFlag(catFleet, "allow", "`TARGET` what may be driven: http://10.0.0.0/8, https://shop.example:8443 or *; without a port, any. May be given more than once; where not set, this machine alone"),
			boolFlag(catFleet, "once", "end with the first run"),
			durationFlag(catFleet, "idle", 0, "end where no run has come for so long, with exit code 5; a bus that is not there yet is waited for, too; 0: wait for ever"),
			durationFlag(catFleet, "keep", fleet.Keep, "how long the record of a stage waits for a coordinator that was lost and comes back with --resume; 0: not at all"),
			stringFlag(catFleet, "keep-in", "", "`FOLDER` where that record is on the disk as well, for an agent of this name that is started after this one was killed; where not set, that of the user's caches"),
		}, deployFlags()),
		Action: agentAction,
	}
}

// busFlags say where a fleet meets. Where the bus is not set, it is def.
func busFlags(def string) []cli.Flag {
	about := "`URL` address of the NATS server where the fleet meets, nats://HOST:PORT or tls://HOST:PORT. Beyond this machine it must be tls://, with --bus-cert and --bus-key, and --bus-creds or a token. Put a token into " + variableOf(flagBus)
	if def == "" {
		about += ", or give - and the address in the first line of standard input. Required"
	} else {
		about += "; " + def + " starts one for this machine"
	}
	return []cli.Flag{
		// Given twice, the last counts: to refuse it, the library would show it.
		&cli.StringFlag{Category: catFleet, Name: flagBus, Value: def, Usage: about},
		stringFlag(catFleet, "bus-creds", "", "`FILE` credentials for the bus, as nsc writes them"),
		stringFlag(catFleet, "bus-ca", "", "`FILE` certificates in PEM of the authorities that may have signed that of the bus, in place of the system's"),
		stringFlag(catFleet, "bus-cert", "", "`FILE` certificate for the bus in PEM, with --bus-key"),
		stringFlag(catFleet, "bus-key", "", "`FILE` private key of that certificate in PEM"),
	}
}

// busOf is what the flags of busFlags say.
func busOf(c *cli.Command) fleet.BusConfig {
	return fleet.BusConfig{URL: c.String(flagBus), Creds: c.String("bus-creds"), CA: c.String("bus-ca"), Cert: c.String("bus-cert"), Key: c.String("bus-key")}
}

func agentAction(ctx context.Context, c *cli.Command) error {
	if err := noArguments(c); err != nil {
		return err
	}
	if c.Bool(flagKubernetes) || c.String(flagSSH) != "" {
		return printDeployment(c)
	}
	if err := refuseCluster(c); err != nil {
		return err
	}
	if c.String(flagBus) == stdinBus {
		if err := readBus(c); err != nil {
			return err
		}
	}
	if c.String(flagBus) == "" {
		return usageError("--%s: want the address of the NATS server where the fleet meets, such as nats://127.0.0.1:4222", flagBus)
	}
	allowed, err := parseAllowed(c.StringSlice("allow"))
	if err != nil {
		return err
	}
	host, _ := os.Hostname()
	name := c.String("name")
	if name == "" {
		name = regexp.MustCompile(`[^A-Za-z0-9_-]+`).ReplaceAllString(host, "-")
	}
	config := fleet.AgentConfig{
		Name: name, Host: host, Version: version(), Once: c.Bool("once"), Idle: c.Duration("idle"), Keep: c.Duration("keep"), KeepIn: keepIn(c.String("keep-in")),
		Say:  func(line string) { fmt.Fprintln(c.Root().ErrWriter, "onhold:", line) },
		Open: func(plan []byte) (fleet.Opened, error) { return openPlan(ctx, plan, allowed) },
	}
	if err := config.Validate(); err != nil {
		return err
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	bus, err := awaitBus(ctx, c, config.Say)
	if err != nil {
		return err
	}
	defer bus.Close()
	bus.Watch(func(line string) { config.Say(fmt.Sprintf("agent %s: %s", name, line)) })
	config.Say(fmt.Sprintf("agent %s waits for runs; Ctrl-C ends it", name))
	if err := fleet.Serve(ctx, bus, config); err != nil {
		return &exitError{exitNotStarted, err}
	}
	return nil
}

// awaitBus connects an agent to the bus, for which it waits as long as for a run.
func awaitBus(ctx context.Context, c *cli.Command, say func(string)) (*fleet.Bus, error) {
	until := time.Now().Add(c.Duration("idle"))
	for first := true; ; first = false {
		bus, err := connectBus(busOf(c))
		if err == nil || exitCodeOf(err) != exitNotStarted || time.Now().After(until) {
			return bus, err
		}
		if first {
			say(fmt.Sprintf("%v; trying again for %v", err, c.Duration("idle")))
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// stdinBus is the --bus that is read from standard input, so that a token is on no
// command line.
const stdinBus = "-"

// readBus reads the address of the bus from the first line of standard input.
func readBus(c *cli.Command) error {
	line, err := bufio.NewReader(io.LimitReader(c.Root().Reader, 4096)).ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		return usageError("--%s=%s: standard input has no address in its first line: %w", flagBus, stdinBus, err)
	}
	redact.LearnURL(line)
	return c.Set(flagBus, line)
}

// keepIn is where an agent keeps records on the disk; "" where there is no such folder.
func keepIn(dir string) string {
	if caches, err := os.UserCacheDir(); err == nil && dir == "" {
		return filepath.Join(caches, "onhold", "agents")
	}
	return dir
}

// connectBus connects to the bus, which is to be there.
func connectBus(config fleet.BusConfig) (*fleet.Bus, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	bus, err := fleet.Connect(config)
	if err != nil {
		return nil, &exitError{exitNotStarted, err}
	}
	return bus, nil
}

// shippedPlan is the part of a command line that the agents of a run need.
type shippedPlan struct {
	Target    string              `json:"target"`
	Args      []string            `json:"args"`              // --flag=value
	Variables map[string]string   `json:"variables"`         // flags that the environment sets
	Require   string              `json:"require,omitempty"` // the conditions of a search, of which agents count what is bad
	Files     map[string]fileData `json:"files"`             // of flags that name one
}

type fileData struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
}

// shippedSpec is a stage of such a plan.
type shippedSpec struct {
	Level  float64 `json:"level"`
	Repeat int     `json:"repeat"`
	Visit  *visit  `json:"visit,omitempty"` // of a search or a comparison

	// Address is that of the server, host and port, where each stage may have another one.
	Address string `json:"address,omitempty"`
}

// visit is what the stages of a search or a comparison differ in.
type visit struct {
	Load     load.Load     `json:"load"`
	Seed     uint64        `json:"seed"`
	Warmup   time.Duration `json:"warmup_ns"`
	Duration time.Duration `json:"duration_ns"`
}

// specOf is what agents need to know of a stage.
func (s *session) specOf(p bench.Plan) ([]byte, error) {
	spec := shippedSpec{Level: p.Load.Level(), Repeat: p.Repeat}
	if s.searched != nil {
		spec.Visit = &visit{p.Load, p.Seed, p.Warmup, p.Duration}
	}
	return json.Marshal(spec)
}

// fileFlags are the flags that name a file which an agent needs.
var fileFlags = []string{"body-file", "requests", "data", "cacert", "cert", "key"}

// notShipped are the flags of a load that agents do not take.
var notShipped = []string{"target-pid", "unix-socket", "proto", "proto-path"}

// shippedFlags are the flags that agents take.
func shippedFlags() []string {
	names := slices.Concat(flagNames(loadFlags()), flagNames(stageFlags()), flagNames(requestFlags()), flagNames(driverFlags()),
		[]string{"duration", "warmup", "quick", "burst-interval", "replay", "speed", "seed"})
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(notShipped, name) })
}

// shipPlan is what agents need of a run's command line.
func (s *session) shipPlan() ([]byte, error) {
	c := s.c
	plan := shippedPlan{Target: c.Args().First(), Variables: map[string]string{}, Files: map[string]fileData{}, Require: s.searched.String()}
	if s.searched != nil { // its range is no ladder, and its default another one; each visit has its level
		flag := "rate"
		if !s.plan.Load.Model().Open() {
			flag = "clients"
		}
		plan.Args = append(plan.Args, fmt.Sprintf("--%s=%.0f", flag, s.levels[0]))
	}
	names := shippedFlags()
	if s.searched != nil {
		names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(loadNames, name) })
	}
	return plan.with(c, names)
}

// with is the plan with those of the flags that are set.
func (plan shippedPlan) with(c *cli.Command, names []string) ([]byte, error) {
	for _, name := range names {
		if !c.IsSet(name) {
			continue
		}
		if slices.Contains(fileFlags, name) && c.String(name) != "" {
			data, err := readFile(c, name)
			if err != nil {
				return nil, err
			}
			plan.Files[name] = fileData{filepath.Base(c.String(name)), data}
			continue
		}
		if value, ok := c.Metadata[name].(string); ok {
			plan.Variables[name] = value
			continue
		}
		values := []string{fmt.Sprint(c.Value(name))}
		if _, is := flagNamed(c, name).(*cli.StringSliceFlag); is {
			values = c.StringSlice(name)
		}
		for _, value := range values {
			plan.Args = append(plan.Args, "--"+name+"="+value)
		}
	}
	return json.Marshal(plan)
}

// openedPlan is a plan that an agent has accepted.
type openedPlan struct {
	*session
	files      *scratch.Dir // nil where there are none
	conditions []find.Condition
	allowed    []allowed
}

// openPlan reads a plan as the command line that it is part of, and checks it against
// what is allowed.
func openPlan(ctx context.Context, text []byte, all []allowed) (_ fleet.Opened, err error) {
	var plan shippedPlan
	if err := json.Unmarshal(text, &plan); err != nil {
		return nil, fmt.Errorf("the plan cannot be read: %w", err)
	}
	o := &openedPlan{allowed: all}
	defer func() {
		if err != nil {
			o.Close()
		}
	}()
	args := []string{"run"}
	for _, arg := range plan.Args {
		name, _, ok := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		if !ok || !strings.HasPrefix(arg, "--") || !slices.Contains(shippedFlags(), name) || slices.Contains(fileFlags, name) {
			return nil, fmt.Errorf("the plan has a flag that agents do not take: %.40q", arg)
		}
		args = append(args, arg)
	}
	if len(plan.Files) > 0 {
		if o.files, err = scratch.New(agentFiles); err != nil {
			return nil, unstored(err)
		}
	}
	for name, file := range plan.Files {
		if !slices.Contains(fileFlags, name) || filepath.Base(file.Name) != file.Name {
			return nil, fmt.Errorf("the plan has a file that agents do not take: --%.40s", name)
		}
		dir := filepath.Join(o.files.Path, name)
		path := filepath.Join(dir, file.Name)
		if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(path, file.Data, 0o600)); err != nil {
			return nil, unstored(err)
		}
		args = append(args, "--"+name+"="+path)
	}
	c, err := parsePlan(ctx, append(args, "--", plan.Target), plan.Variables)
	if err != nil {
		return nil, err
	}
	o.session = &session{c: c, agents: true}
	if err := o.read(); err != nil {
		return nil, err
	}
	if o.mix == nil {
		return nil, fmt.Errorf("the plan has no server")
	}
	if plan.Require != "" {
		required, err := compare.ParseRequirements(plan.Require)
		if err != nil {
			return nil, err
		}
		if o.conditions, err = find.Conditions(required, o.plan.Load.Model()); err != nil {
			return nil, err
		}
	}
	for _, w := range o.mix {
		if err := allows(ctx, all, w.URL); err != nil {
			return nil, err
		}
	}
	return o, o.addServer(ctx)
}

// unstored is why an agent cannot take a plan.
func unstored(err error) error { return fmt.Errorf("the files of the plan cannot be stored: %w", err) }

// agentFiles begins the names of the folders with the files of a plan.
const agentFiles = "onhold-agent-"

// parsePlan reads the flags of run, without the environment of this process.
func parsePlan(ctx context.Context, args []string, variables map[string]string) (read *cli.Command, err error) {
	command := runCommand()
	command.DisableSliceFlagSeparator = true
	command.Writer, command.ErrWriter = io.Discard, io.Discard
	command.ExitErrHandler = func(context.Context, *cli.Command, error) {}
	command.OnUsageError = func(_ context.Context, c *cli.Command, err error, _ bool) error { return flagError(c, err) }
	command.Action = func(_ context.Context, c *cli.Command) error {
		for name, value := range variables {
			if !slices.Contains(shippedFlags(), name) || c.Set(name, value) != nil {
				return fmt.Errorf("the plan has a variable that agents do not take: %.40q", name)
			}
			c.Metadata[name] = value
		}
		read = c
		return withinBounds(c)
	}
	learnSecrets(args, nil)
	if err := command.Run(ctx, args); err != nil {
		return nil, err
	}
	if read == nil {
		return nil, fmt.Errorf("the plan asks for help")
	}
	return read, nil
}

// Stage implements [fleet.Opened].
func (o *openedPlan) Stage(text []byte) (bench.Plan, bench.Driver, error) {
	var spec shippedSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return bench.Plan{}, nil, err
	}
	p := o.plan
	p.Repeat, p.Load = spec.Repeat, p.Load.At(spec.Level)
	if v := spec.Visit; v != nil {
		p.Load, p.Seed, p.Warmup, p.Duration = v.Load, v.Seed, v.Warmup, v.Duration
	}
	if o.conditions != nil {
		p.Observer = find.NewCounter(o.conditions)
	}
	t := o.driven[0]
	if spec.Address == "" {
		return t.plan(p), t.like, nil
	}
	driver, err := o.at(spec.Address)
	return t.plan(p), driver, err
}

// at is the driver of the plan's requests to the server at another address.
func (o *openedPlan) at(address string) (bench.Driver, error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("the stage has no address of a server: %w", err)
	}
	moved := slices.Clone(o.mix)
	for i, w := range moved {
		scheme, after, _ := strings.Cut(w.URL, "://")
		_, path, _ := strings.Cut(after, "/")
		moved[i].URL = scheme + "://" + address + "/" + path
		ctx, cancel := context.WithTimeout(context.Background(), probeLimit)
		err := allows(ctx, o.allowed, moved[i].URL)
		cancel()
		if err != nil {
			return nil, err
		}
	}
	if o.calls != nil {
		calls := *o.calls
		calls.URL = moved[0].URL
		return calls.Driver()
	}
	requests := o.requests
	requests.Mix = moved
	return driverOf(o.c, requests)
}

// Close implements [fleet.Opened].
func (o *openedPlan) Close() {
	if o.files != nil {
		o.files.Remove()
	}
}
