package peers

import (
	"context"
	"errors"
	"os/exec"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/process"
)

const (
	grace     = 60 * time.Second      // beyond the duration of its load, for a tool to start and to exit
	peakEvery = 20 * time.Millisecond // how often a tool's memory is read
)

// usage is what a tool used from its start to its end, seen from outside.
type usage struct {
	cpu time.Duration // user and system time
	rss int64         // resident bytes, the maximum
	out []byte
}

// runChild runs a command line to its end, confined to cpus where there are
// any. It fails where the command's exit code is neither 0 nor one of ok.
func runChild(ctx context.Context, args []string, cpus []int, limit time.Duration, ok ...int) (usage, error) {
	var peak int64
	ran, err := process.Run(ctx, exec.Command(args[0], args[1:]...), cpus, limit, func(pid int, stop <-chan struct{}) { peak = watch(pid, stop) }, ok...)
	out, cut := ran.Output()
	u := usage{out: out, rss: peak}
	if s := ran.State; s != nil {
		u.cpu = s.UserTime() + s.SystemTime()
		u.rss = max(u.rss, maxRSS(s))
	}
	return u, errors.Join(err, cut)
}

// watch reads the highest memory of a process until it ends.
func watch(pid int, stop <-chan struct{}) (peak int64) {
	tick := time.NewTicker(peakEvery)
	defer tick.Stop()
	for {
		if rss, err := host.PeakRSS(pid); err == nil {
			peak = max(peak, rss)
		}
		select {
		case <-tick.C:
		case <-stop:
			return peak
		}
	}
}
