package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench/peers"
)

// noPeers is the value of --peers that asks for none.
const noPeers = "none"

func peersCommand() *cli.Command {
	return &cli.Command{
		Name:  "peers",
		Usage: "compare our load generator with others",
		Description: "Runs ours beside each of " + strings.Join(peers.Names(), ", ") + " that is found\n" +
			"on PATH: the same load on the same server process, the generator on one CPU and\n" +
			"the server on another, in interleaved pairs. It installs nothing. It prints a\n" +
			"Markdown report: medians, and ratios within pairs with their exact interval.\n" +
			"With all peers and sections it takes hours; stdout is the report, stderr one line\n" +
			"a run. The sections:\n\n" +
			"  efficiency  CPU and memory a request costs the generator\n" +
			"  pacing      how far arrivals are from the clock, as the server sees them\n" +
			"  rejections  what is said of a server that turns most callers away\n" +
			"  own         15,000 clients; our servers beside a bare one\n\n" +
			"Exit codes: 0 fine, 2 usage (too few open files are allowed, too), 4 a run\n" +
			"failed, 5 a server did not start, 130 interrupted (the report of what is whole\n" +
			"is written all the same).\n\n" +
			"Example:\n\n" +
			"  onhold peers --peers none --sections pacing --pairs 1 --length 1s",
		Flags: []cli.Flag{
			stringFlag(catLoad, "peers", "", "which to compare with, separated by commas, or none; where not set, all that are found"),
			stringFlag(catLoad, "sections", strings.Join(peers.SectionNames(), ","), "which sections, separated by commas"),
			intFlag(catLoad, "pairs", peers.DefaultPairs, "how often each pair is run"),
			durationFlag(catLoad, "length", peers.DefaultLength, "of each run, in whole seconds; of ours, 0.5 s of it are its warm-up"),
			&cli.Uint64Flag{Category: catLoad, Name: "seed", Value: 1, Usage: "of the order in which things run", Sources: env("seed"), OnlyOnce: true},
			stringFlag(catOutput, "out", "", "file for the report, beside stdout"),
			stringFlag(catOutput, "raw", "", "file for one line of JSON a run"),
		},
		Action: peersAction,
	}
}

func peersAction(ctx context.Context, c *cli.Command) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	config, err := peersConfig(c)
	if err != nil {
		return err
	}
	errOut := c.Root().ErrWriter
	if len(config.Missing) > 0 {
		fmt.Fprintln(errOut, "onhold: not found on PATH, and left out:", strings.Join(config.Missing, ", "))
	}
	report, raw, err := peersFiles(c)
	if err != nil {
		return err
	}
	defer report.Close()
	defer raw.Close()
	lines := json.NewEncoder(raw)
	var lost error // of writing raw
	config.Done = func(m *peers.Measurement, n, total int) {
		lost = errors.Join(lost, lines.Encode(m))
		fmt.Fprintf(errOut, "[%*d/%d] %s\n", len(fmt.Sprint(total)), n, total, m.Line())
	}
	told := context.AfterFunc(ctx, func() {
		stop() // a second Ctrl-C ends the process at once
		fmt.Fprintln(errOut, "onhold: interrupted: the report of what is whole follows; Ctrl-C again ends it at once")
	})
	compared, runErr := peers.Run(ctx, config)
	told()
	if compared == nil {
		return &exitError{exitUsage, runErr}
	}
	if err := errors.Join(lost, compared.Markdown(io.MultiWriter(c.Root().Writer, report)), report.Close(), raw.Close()); err != nil {
		return err
	}
	switch n := compared.Failures(); {
	case ctx.Err() != nil && runErr != nil:
		return &exitError{exitInterrupted, fmt.Errorf("interrupted: %d of %d runs are whole; the report shows those and is stamped partial", len(compared.Measurements), compared.Planned)}
	case runErr != nil:
		return &exitError{exitNotStarted, runErr}
	case n > 0:
		return &exitError{exitInvalid, fmt.Errorf("%d of %d runs failed; the report says why", n, compared.Planned)}
	}
	return nil
}

// peersConfig reads and checks every flag, before anything is started.
func peersConfig(c *cli.Command) (config peers.Config, err error) {
	if c.NArg() > 0 {
		return config, usageError("peers takes no arguments, got %q", c.Args().First())
	}
	config = peers.Config{
		Drivers: []string{"epoll", "fasthttp"}, Pairs: c.Int("pairs"), Length: c.Duration("length"), Seed: c.Uint64("seed"),
		Sections: list(text(c, "sections", strings.Join(peers.SectionNames(), ","))),
	}
	if config.Exe, err = os.Executable(); err != nil {
		return config, err
	}
	if err := config.Validate(); err != nil {
		return config, &exitError{exitUsage, err}
	}
	names := list(c.String("peers"))
	if len(names) == 1 && names[0] == noPeers {
		return config, nil
	}
	config.Tools, config.Missing, err = peers.Look(names)
	switch {
	case err != nil:
		err = usageError("--peers=%s: %w, or none", c.String("peers"), err)
	case len(names) > 0 && len(config.Missing) > 0:
		err = usageError("--peers=%s: not found on PATH: %s", c.String("peers"), strings.Join(config.Missing, ", "))
	}
	return config, err
}

// list splits what is separated by commas.
func list(s string) (items []string) {
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// nowhere is the file that was not asked for.
type nowhere struct{ io.Writer }

func (nowhere) Close() error { return nil }

// peersFiles makes the files that the flags ask for: hours of measuring must
// not end with a path that cannot be written.
func peersFiles(c *cli.Command) (report, raw io.WriteCloser, err error) {
	create := func(flag string) (io.WriteCloser, error) {
		path := c.String(flag)
		if path == "" {
			return nowhere{io.Discard}, nil
		}
		f, err := os.Create(path)
		if err != nil {
			return nil, usageError("--%s=%s: %w", flag, path, err)
		}
		return &once{File: f}, nil
	}
	if report, err = create("out"); err != nil {
		return nil, nil, err
	}
	if raw, err = create("raw"); err != nil {
		report.Close()
		return nil, nil, err
	}
	return report, raw, nil
}

// once is a file that may be closed twice.
type once struct {
	*os.File
	closed bool
}

func (o *once) Close() error {
	if o.closed {
		return nil
	}
	o.closed = true
	return o.File.Close()
}
