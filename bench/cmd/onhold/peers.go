package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/peers"
	"github.com/a628bb15/onhold/bench/epoll"
	"github.com/a628bb15/onhold/reports/files"
)

// noPeers is the value of --peers for none.
const noPeers = "none"

func peersCommand() *cli.Command {
	return &cli.Command{
		Name:  "peers",
		Usage: "compare our load generator with wrk, hey, k6 and others",
		Description: "Compares onhold with each of these tools that is on PATH:\n" +
			strings.Join(peers.Names(), ", ") + ".\n" +
			"Both drive the same load on the same server process, the generator on one CPU and\n" +
			"the server on another, in interleaved pairs. Nothing is installed. Stdout is a\n" +
			"Markdown report: medians, and ratios within pairs with their exact interval.\n" +
			"Stderr has one line per run. All peers and sections take hours. The sections:\n\n" +
			"  efficiency  CPU and memory of the generator per request\n" +
			"  pacing      how far arrivals are from the schedule, by the server's clock\n" +
			"  rejections  what the tools report of a server that rejects most requests\n" +
			"  own         15,000 clients; our servers compared with a bare one\n\n" +
			"Example:\n\n" +
			"  onhold peers --peers none --sections pacing --pairs 1 --duration 1s",
		Flags: []cli.Flag{
			stringFlag(catLoad, "peers", "", "tools to compare with, separated by commas, or none (default all on PATH)"),
			stringFlag(catLoad, "sections", strings.Join(peers.SectionNames(), ","), "sections, separated by commas"),
			intFlag(catLoad, "pairs", peers.DefaultPairs, "runs of each pair"),
			// Not from the environment: ONHOLD_DURATION is the duration of a stage.
			&cli.DurationFlag{Category: catLoad, Name: "duration", Value: peers.DefaultDuration, Usage: "duration of each run in full seconds; 0.5 s of it are our warm-up", OnlyOnce: true},
			&cli.Uint64Flag{Category: catLoad, Name: "seed", Value: 1, Usage: "seed of the order of the runs", Sources: env("seed"), OnlyOnce: true},
			stringFlag(catOutput, "out", "", "also write the report to this file"),
			stringFlag(catOutput, "raw", "", "write one line of JSON per run to this file"),
		},
		Action: peersAction,
	}
}

func peersAction(ctx context.Context, c *cli.Command) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	config, err := peersConfig(c)
	if err != nil {
		return err
	}
	errOut := c.Root().ErrWriter
	if len(config.Missing) > 0 {
		fmt.Fprintln(errOut, "onhold: not found on PATH and omitted:", strings.Join(config.Missing, ", "))
	}
	raw, err := peersFiles(c)
	if err != nil {
		return err
	}
	config.Done = func(m *peers.Measurement, n, total int) {
		if line, err := json.Marshal(m); err == nil && raw != nil {
			_ = raw.Append(append(line, '\n')) // Close returns the error
		}
		fmt.Fprintf(errOut, "[%*d/%d] %s\n", len(fmt.Sprint(total)), n, total, m.Line())
	}
	interrupt := context.AfterFunc(ctx, func() {
		stop() // a second Ctrl-C ends the process at once
		fmt.Fprintln(errOut, "onhold: interrupted: the report of the complete runs follows; Ctrl-C again stops at once")
	})
	compared, runErr := peers.Run(ctx, config)
	interrupt()
	if compared == nil {
		return &exitError{exitUsage, runErr}
	}
	var text bytes.Buffer
	wrong := compared.Markdown(&text)
	_, err = c.Root().Writer.Write(text.Bytes())
	wrong = errors.Join(wrong, err)
	if path := c.String("out"); path != "" {
		wrong = errors.Join(wrong, files.Write(path, text.Bytes()))
	}
	if raw != nil {
		wrong = errors.Join(wrong, raw.Close())
	}
	return settled(wrong, peersError(ctx, compared, runErr))
}

// peersError is the error of a comparison.
func peersError(ctx context.Context, compared *peers.Report, runErr error) error {
	switch n := compared.Failures(); {
	case ctx.Err() != nil && runErr != nil:
		return &exitError{exitInterrupted, fmt.Errorf("interrupted: %d of %d runs are complete; the report is marked partial", len(compared.Measurements), compared.Planned)}
	case runErr != nil:
		return &exitError{exitNotStarted, runErr}
	case n > 0:
		return &exitError{exitInvalid, fmt.Errorf("%d of %d runs failed; the report states the reasons", n, compared.Planned)}
	}
	return nil
}

// peersConfig reads and checks every flag, before anything is started.
func peersConfig(c *cli.Command) (config peers.Config, err error) {
	if c.NArg() > 0 {
		return config, usageError("peers takes no arguments, got %q", c.Args().First())
	}
	config = peers.Config{
		Drivers: []string{epoll.Name, bench.GoroutineName}, Pairs: c.Int("pairs"), Duration: c.Duration("duration"), Seed: c.Uint64("seed"),
		Sections: list(text(c, "sections", strings.Join(peers.SectionNames(), ","))),
	}
	if config.Exe, err = os.Executable(); err != nil {
		return config, err
	}
	if err := config.Validate(); err != nil {
		return config, err
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

// list splits text at commas.
func list(s string) (items []string) {
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// peersFiles creates the files of --out and --raw: hours of measuring must not end
// with a path that cannot be written. It returns that of --raw, nil where not set.
func peersFiles(c *cli.Command) (raw *files.Log, err error) {
	for _, flag := range []string{"out", "raw"} {
		path := c.String(flag)
		if path == "" {
			continue
		}
		if err = files.Write(path, nil); err == nil && flag == "raw" {
			raw, err = files.OpenLog(path, false)
		}
		if err != nil {
			return nil, folderError(fmt.Errorf("--%s=%w", flag, err))
		}
	}
	return raw, nil
}
