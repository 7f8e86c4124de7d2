package benchtest

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/result"
)

var out = flag.String("onhold.out", "", "keep every stage in this new run folder, for 'onhold report DIR'; a relative path is below the folder of the package")

// kept is what this process has run: the one run folder of all its benchmarks,
// where one was asked for, and the number of repeats of each.
var kept keeper

type keeper struct {
	mu     sync.Mutex
	folder *result.Folder
	failed error // why there is no folder
	done   int   // complete stages in it
	reps   map[string]int
}

// open makes the folder, once.
func (k *keeper) open() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.openLocked()
}

func (k *keeper) openLocked() error {
	if *out == "" || k.folder != nil || k.failed != nil {
		return k.failed
	}
	now := time.Now()
	k.folder, k.failed = result.Create(*out, result.Run{
		ID:          now.Format("20060102-150405"),
		Command:     append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...),
		Started:     now,
		Environment: host.Environment(),
		Notes:       []string{"run by go test: a target in its process shares CPUs, memory and garbage collector with the generator"},
	})
	if k.failed != nil {
		k.failed = fmt.Errorf("-onhold.out=%s: %w", *out, k.failed)
	}
	return k.failed
}

// begin numbers the stage among those of the same line, and stamps the folder
// partial until the stage is complete.
func (k *keeper) begin(line string, p bench.Plan) (bench.Plan, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.openLocked(); err != nil {
		return p, err
	}
	if k.reps == nil {
		k.reps = map[string]int{}
	}
	line = fmt.Sprint(line, " ", runtime.GOMAXPROCS(0)) // of -cpu 1,2 each has repeats of its own
	k.reps[line]++
	p.Repeat = k.reps[line]
	if k.folder == nil {
		return p, nil
	}
	k.folder.Run.Planned++
	return p, k.folder.Mark(time.Time{}, false)
}

// discard keeps a stage that does not count: it is run again.
func (k *keeper) discard(s *result.Stage) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.folder == nil {
		return nil
	}
	return k.folder.Append(s)
}

// end keeps the stage, and removes the partial mark where all stages that were
// begun are complete. Package testing does not report its end, so the folder is
// complete after each stage.
func (k *keeper) end(s *result.Stage) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.folder == nil {
		return nil
	}
	err := k.folder.Append(s)
	if err == nil {
		k.done++
	}
	return errors.Join(err, k.folder.Mark(time.Now(), k.done == k.folder.Run.Planned))
}
