package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/reports/series"
)

// feed hands out what happens in a stage while it runs, once a second, and not in the
// threads that measure.
type feed struct {
	all  []series.Writer
	stop chan struct{}
	done sync.WaitGroup

	mu   sync.Mutex // guards next
	next series.Point

	writing sync.Mutex // guards err and the order of points
	err     error      // the first
}

// start begins to hand out points to all writers.
func (f *feed) start(all ...series.Writer) {
	f.all, f.stop = all, make(chan struct{})
	if len(all) == 0 {
		return
	}
	f.done.Go(func() {
		host.LowerPriority()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				f.flush()
			case <-f.stop:
				return
			}
		}
	})
}

// end hands out the rest. It returns the first error of a writer.
func (f *feed) end() error {
	close(f.stop)
	f.done.Wait()
	f.flush()
	return f.err
}

// watch is what a stage calls; nil where nobody wants to know.
func (f *feed) watch(target string, p bench.Plan, attempt int) func(bench.Live) {
	if len(f.all) == 0 {
		return nil
	}
	target, load := redact.Known(target), string(p.Load.Model())
	return func(l bench.Live) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.next.Join(series.Point{
			Target: target, Load: load, Level: p.Load.Level(), Repeat: max(1, p.Repeat), Attempt: attempt, Time: l.Start.Add(l.To),
			Offset: l.From, Length: l.To - l.From, Last: l.Last, Disturbed: l.Disturbed, Counts: l.Counts, Latency: l.Latency, Lag: l.Lag, Streams: l.Streams,
		})
	}
}

// flush hands out what has come since the last time. After an error nothing more is
// written: a series with a gap would not add up.
func (f *feed) flush() {
	f.writing.Lock()
	defer f.writing.Unlock()
	f.mu.Lock()
	p := f.next
	f.next = series.Point{}
	f.mu.Unlock()
	if p.Latency == nil {
		return
	}
	for _, write := range f.all {
		f.err = cmp.Or(f.err, write(p))
	}
}

// seriesWriters are those of --series, and what closes their files.
func seriesWriters(paths []string, stdout io.Writer) (all []series.Writer, closeAll func() error, err error) {
	var logs []*files.Log
	closeAll = func() (err error) {
		for _, l := range logs {
			err = errors.Join(err, l.Close())
		}
		return err
	}
	for _, path := range paths {
		out := stdout
		if path != "-" {
			if info, err := os.Lstat(path); err == nil && info.Size() > 0 {
				return nil, nil, errors.Join(usageError("--series=%s: the file exists; want a new one, or - for stdout", path), closeAll())
			}
			l, err := files.OpenLog(path, false)
			if err != nil {
				return nil, nil, errors.Join(usageError("--series=%s: want a file that can be written: %w", path, err), closeAll())
			}
			logs = append(logs, l)
			out = logWriter{l}
		}
		format := series.JSON
		if isHLog(path) {
			format = series.HLog
		}
		all = append(all, format(out))
	}
	return all, closeAll, nil
}

// logWriter writes lines to a log.
type logWriter struct{ *files.Log }

func (l logWriter) Write(p []byte) (int, error) { return len(p), l.Append(p) }

// isHLog reports whether a series has the format of HdrHistogram, by its name.
func isHLog(path string) bool { return strings.HasSuffix(path, ".hlog") }

// openWriters opens --series and --metrics. What it returns closes them.
func (s *session) openWriters(ctx context.Context) (closeAll func() error, err error) {
	paths := s.c.StringSlice("series")
	if s.c.Bool("json") && slices.Contains(paths, "-") {
		return nil, usageError("--series=-: stdout has the stages of --json already; give one of them, or a file")
	}
	all, closeFiles, err := seriesWriters(paths, s.c.Root().Writer)
	if err != nil {
		return nil, err
	}
	s.writers = all
	addr := s.c.String("metrics")
	if addr == "" {
		return closeFiles, nil
	}
	m, page, stop, err := serveMetrics(ctx, addr)
	if err != nil {
		return nil, errors.Join(err, closeFiles())
	}
	fmt.Fprintln(s.c.Root().ErrWriter, "onhold: metrics at", page)
	s.writers = append(s.writers, m.write)
	return func() error { return errors.Join(closeFiles(), stop()) }, nil
}

// stdoutTaken reports whether stdout has a line for each stage or point, and so no tables.
func stdoutTaken(c *cli.Command) bool {
	return c.Bool("json") || slices.Contains(c.StringSlice("series"), "-")
}
