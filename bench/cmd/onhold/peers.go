package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/peers"
	"github.com/a628bb15/onhold/reports/files"
)

// noPeers is the value of --peers for none.
const noPeers = "none"

func peersCommand() *cli.Command {
	return &cli.Command{
		Name:  "peers",
		Usage: "compare our load generator with wrk, hey, k6 and others",
		Flags: []cli.Flag{
			stringFlag(catLoad, "peers", "", "tools to compare with, separated by commas, or none (default all on PATH)"),
			stringFlag(catLoad, "sections", strings.Join(peers.SectionNames(), ","), "sections, separated by commas"),
			intFlag(catLoad, "pairs", peers.DefaultPairs, "runs of each pair"),
			durationFlag(catLoad, "duration", peers.DefaultDuration, "duration of each run in full seconds; 0.5 s of it are our warm-up"),
			seedFlag(catLoad, "seed of the order of the runs"),
			stringFlag(catOutput, "from", "", "run nothing, and report the runs in these files of --raw, separated by commas"),
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
	interrupt := whenInterrupted(ctx, errOut, "the report of the complete runs follows")
	compared, runErr := peers.Run(ctx, config)
	interrupt()
	if compared == nil {
		return &exitError{exitUsage, runErr}
	}
	text, wrong := compared.Markdown()
	_, err = io.WriteString(c.Root().Writer, text)
	wrong = errors.Join(wrong, err)
	if path := c.String("out"); path != "" {
		wrong = errors.Join(wrong, files.Write(path, []byte(text)))
	}
	if raw != nil {
		wrong = errors.Join(wrong, raw.Close())
	}
	return settled(wrong, peersError(ctx, compared, runErr))
}

// peersError is the error of a comparison.
func peersError(ctx context.Context, compared *peers.Report, runErr error) error {
	switch {
	case ctx.Err() != nil && runErr != nil:
		return &exitError{exitInterrupted, fmt.Errorf("interrupted: %d of %d runs are complete; the report is marked partial", compared.Complete, compared.Planned)}
	case runErr != nil:
		return &exitError{exitNotStarted, runErr}
	case compared.Failed > 0:
		return &exitError{exitInvalid, fmt.Errorf("%d of %d runs failed; the report states the reasons", compared.Failed, compared.Planned)}
	}
	return nil
}

// peersConfig reads and checks every flag, before anything is started.
func peersConfig(c *cli.Command) (config peers.Config, err error) {
	if err := noArguments(c); err != nil {
		return config, err
	}
	config = peers.Config{
		Pairs: c.Int("pairs"), Duration: c.Duration("duration"), Seed: c.Uint64("seed"), From: list(c.String("from")),
	}
	if config.Sections, err = namesOf(c, "sections", peers.SectionNames()); err != nil {
		return config, err
	}
	if config.Exe, err = os.Executable(); err != nil {
		return config, err
	}
	if err := config.Validate(); err != nil {
		return config, err
	}
	if len(config.From) > 0 {
		return config, nil
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
