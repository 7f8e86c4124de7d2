package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"

	"github.com/a628bb15/onhold/bench/host"
)

// family are the process pid and all that it has started, and those in turn.
func family(pid int) []int {
	out := []int{pid}
	all, err := procfs.AllProcs()
	if err != nil {
		return out
	}
	parents := map[int]int{}
	for _, p := range all {
		if stat, err := p.Stat(); err == nil {
			parents[p.PID] = stat.PPID
		}
	}
	for again := true; again; {
		again = false
		for child, parent := range parents {
			if slices.Contains(out, parent) && !slices.Contains(out, child) {
				out, again = append(out, child), true
			}
		}
	}
	return out
}

// confined are the threads of those processes that may not use all of the CPUs.
func confined(pids []int, all string) (out []string) {
	for _, pid := range pids {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		for _, task := range tasks {
			tid, err := strconv.Atoi(filepath.Base(task))
			if err != nil {
				continue
			}
			cpus, err := host.Affinity(tid)
			if err != nil {
				continue // it has ended
			}
			if may := host.FormatCPUs(cpus); may != all {
				comm, err := os.ReadFile(filepath.Join(task, "comm"))
				if err != nil || strings.TrimSpace(string(comm)) == "sentinel" {
					continue // it has ended; or it watches that CPU, and drives nothing
				}
				out = append(out, fmt.Sprintf("a thread of %s may use CPU %s", strings.TrimSpace(string(comm)), may))
			}
		}
	}
	return out
}

// With --no-pin no thread that works is confined to a CPU: of the generator, of the servers
// that it starts, and of what these start. Without, some are: so the check can
// fail.
func TestNoPin(t *testing.T) {
	startsMany(t)
	cpus, err := host.Affinity(0)
	if err != nil || len(cpus) < 2 {
		t.Skip("there is one CPU, to which nothing can be confined:", err)
	}
	all := host.FormatCPUs(cpus)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	for name, args := range map[string][]string{
		"run":      {"run", "goroutine", "queue", "--clients", "2", "--no-report"},
		"url":      {"run", server.URL, "--clients", "2", "--no-report"},
		"verify":   {"verify", "--cells", "loss-constant", "--duration", "1s", "--precision", "50%"},
		"doctor":   {"doctor", "--duration", "200ms"},
		"patterns": {"patterns", "--only", "phone-calls"},
	} {
		for _, pinned := range []bool{false, true} {
			if pinned && name != "run" && name != "url" {
				continue // one of each kind of thread will do
			}
			t.Run(fmt.Sprintf("%s/pinned=%v", name, pinned), func(t *testing.T) {
				t.Parallel()
				args := slices.Clone(args)
				if !pinned {
					args = append(args, "--no-pin")
				}
				if name != "doctor" {
					args = append(args, "--out", filepath.Join(t.TempDir(), "out"))
				}
				cmd := command(t, "", args...)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				ended := make(chan struct{})
				go func() { cmd.Wait(); close(ended) }()
				found, most := map[string]bool{}, 0
				for tick := time.NewTicker(10 * time.Millisecond); ; {
					pids := family(cmd.Process.Pid)
					most = max(most, len(pids))
					for _, thread := range confined(pids, all) {
						found[thread] = true
					}
					select {
					case <-ended:
						if (len(found) > 0) != pinned {
							t.Errorf("%v, want some: %v", found, pinned)
						}
						if most < 2 && name != "url" {
							t.Errorf("%d processes seen, want the servers, too", most)
						}
						return
					case <-tick.C:
					}
				}
			})
		}
	}
}
