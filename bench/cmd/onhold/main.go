// Command onhold drives a server at rising load and reports how long callers
// wait, how many are rejected, and whether the server or the load generator was
// the limit.
//
// Each subcommand is a file, which turns flags into calls of a library: begin
// with run.go. All flags, exit codes and messages are here; no package below
// names a flag.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/backend/sim"
	"github.com/urfave/cli/v3"
)

func main() {
	targets.ServeIfLaunched()
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// version is that of the module and the commit that this was built from.
func version() string {
	e := host.Environment()
	if e.Onhold == "(devel)" && e.Commit != "" {
		return e.Commit
	}
	return e.Onhold
}

// groups are the subcommands as the help shows them.
var groups = []struct {
	name     string
	commands []func() *cli.Command
}{
	{"Everyday", []func() *cli.Command{runCommand, findCommand, duetCommand, reportCommand, compareCommand, doctorCommand, agentCommand}},
	{"Learn", []func() *cli.Command{patternsCommand, predictCommand, serveCommand}},
	{"Trust", []func() *cli.Command{verifyCommand, calibrateCommand, peersCommand}},
}

// run is the complete command: results go to out, everything else to errOut.
func run(args []string, out, errOut io.Writer) int {
	learnSecrets(args, os.Environ())
	out, errOut = newOutput("standard output", out), newOutput("standard error", errOut)
	var current *cli.Command // the one whose flags are read
	root := &cli.Command{
		Name:                            "onhold",
		Version:                         version(),
		Usage:                           "what does a server do to its callers when load rises?",
		Description:                     description("onhold"),
		Writer:                          out,
		ErrWriter:                       errOut,
		EnableShellCompletion:           true,
		ConfigureShellCompletionCommand: configureCompletion,
		// The exit code is decided below, in one place.
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
		Action: func(_ context.Context, c *cli.Command) error {
			if name := c.Args().First(); name != "" {
				return unknownCommand(c, name)
			}
			return cli.ShowRootCommandHelp(c)
		},
	}
	for _, group := range groups {
		for _, command := range group.commands {
			c := command()
			c.Category, c.Description = group.name, description(c.Name)
			c.HideHelpCommand = true // "help" may be somebody's target
			root.Commands = append(root.Commands, c)
		}
	}
	for _, c := range append(root.Commands, root) {
		c.DisableSliceFlagSeparator = true // addresses and header lines have commas
		c.Flags = append(c.Flags, &cli.BoolFlag{Name: helpAllFlag, Usage: "show every flag", Local: true})
		c.OnUsageError = func(_ context.Context, c *cli.Command, err error, _ bool) error {
			current = c
			return flagError(c, err)
		}
		if c.ShellComplete == nil {
			c.ShellComplete = complete
		}
		// Before runs once flags are read: first that of root, which does not know
		// the subcommand's flags yet, then that of the subcommand.
		c.Before = func(ctx context.Context, c *cli.Command) (context.Context, error) {
			current = c
			if c.Bool(helpAllFlag) {
				printHelp(out, c, true)
				return ctx, errHelpShown
			}
			if err := readVariables(c); err != nil {
				return ctx, err
			}
			return ctx, withinBounds(c)
		}
	}
	err := root.Run(context.Background(), args)
	if err == nil || errors.Is(err, errHelpShown) {
		return exitOK
	}
	code := exitCodeOf(err)
	if _, ok := errors.AsType[cli.ExitCoder](err); ok { // the library's own: no such topic
		code = exitUsage
	}
	message := err.Error()
	if e, ok := errors.AsType[*field.Error](err); ok {
		message = strings.Replace(message, e.Error(), fieldMessage(current, e), 1)
	}
	fmt.Fprintln(errOut, "onhold:", redact.Text(message))
	if code == exitUsage {
		help := "onhold --help"
		if current != nil && current != root {
			help = "onhold " + current.Name + " --help"
		}
		fmt.Fprintf(errOut, "See %s.\n", help)
	}
	return code
}

// complete suggests the values of a flag that has a few, and flags.
func complete(ctx context.Context, c *cli.Command) {
	last := ""
	if n := len(os.Args); n > 2 {
		last = os.Args[n-2]
	}
	for _, value := range flagValues[strings.TrimLeft(last, "-")] {
		fmt.Fprintln(c.Root().Writer, value)
	}
	cli.DefaultCompleteWithFlags(ctx, c)
}

// completeWords is complete for a command whose arguments are words.
func completeWords(words ...string) cli.ShellCompleteFunc {
	return func(ctx context.Context, c *cli.Command) {
		if last := os.Args[max(0, len(os.Args)-2)]; !strings.HasPrefix(last, "-") {
			fmt.Fprintln(c.Root().Writer, strings.Join(words, "\n"))
			return
		}
		complete(ctx, c)
	}
}

// flagValues are those of the flags that have a few.
var flagValues = map[string][]string{
	"arrivals": {"poisson", "constant"}, "driver": {epoll.Name, bench.GoroutineName}, "backend": backendNames(),
	"backend-dist": {string(sim.Constant), string(sim.Exponential), string(sim.Lognormal)}, "broker-store": {"file", "memory"}, "inconclusive": {"fail", "warn"},
}
