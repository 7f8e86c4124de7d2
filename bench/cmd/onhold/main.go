// Command onhold drives a server at rising load and tells what it does to its
// callers: how long they wait, and how many are turned away.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/targets"
	"github.com/urfave/cli/v3"
)

func main() {
	targets.ServeIfLaunched()
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// twoDashes puts right how the command-line library names a flag.
var twoDashes = strings.NewReplacer("not defined: -", "not defined: --", "for flag -", "for flag --", "for argument: -", "for argument: --")

// version is that of the module and the commit that this was built from.
func version() string {
	e := host.Environment()
	if e.Onhold == "(devel)" && e.Commit != "" {
		return e.Commit
	}
	return e.Onhold
}

// run is the whole command: what it prints goes to out, the rest to errOut.
func run(args []string, out, errOut io.Writer) int {
	learnSecrets(args, os.Environ())
	out, errOut = newOutput("standard output", out), newOutput("standard error", errOut)
	understood := false // the command line and the environment
	root := &cli.Command{
		Name:    "onhold",
		Version: version(),
		Usage:   "what does a server do to its callers when load rises?",
		Description: "onhold drives a server at rising load, tells latency and rejections apart, and\n" +
			"says whether the server or the generator was the limit.",
		Commands:  []*cli.Command{runCommand(), serveCommand(), reportCommand(), compareCommand(), predictCommand(), verifyCommand(), duetCommand(), calibrateCommand(), patternsCommand(), peersCommand(), doctorCommand()},
		Writer:    out,
		ErrWriter: errOut,
		Suggest:   true,
		// The exit code is decided below, in one place.
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
		Action: func(_ context.Context, c *cli.Command) error {
			if name := c.Args().First(); name != "" {
				return usageError("there is no subcommand %q: want run, serve, report, compare, predict, verify, duet, calibrate, patterns, peers or doctor", name)
			}
			return cli.ShowRootCommandHelp(c)
		},
	}
	for _, c := range append(root.Commands, root) {
		c.DisableSliceFlagSeparator = true // addresses and header lines have commas
		// Left to itself the library prints the whole help on each mistake.
		c.OnUsageError = func(_ context.Context, _ *cli.Command, err error, _ bool) error { return err }
		// Before runs once flags are read: first that of root, which does not know
		// the subcommand's flags yet, then that of the subcommand.
		c.Before = func(ctx context.Context, c *cli.Command) (context.Context, error) {
			understood = c != c.Root() || c.NArg() == 0
			return ctx, withinBounds(c)
		}
	}
	err := root.Run(context.Background(), args)
	if err == nil {
		return exitOK
	}
	code := exitCodeOf(err)
	if code == exitFault && !understood {
		code = exitUsage
	}
	fmt.Fprintln(errOut, "onhold:", redact.Text(twoDashes.Replace(err.Error())))
	if code == exitUsage {
		fmt.Fprintln(errOut, "See onhold --help, or onhold COMMAND --help.")
	}
	return code
}
