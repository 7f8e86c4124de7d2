package host

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"golang.org/x/sys/unix"
)

// Stopped by a signal, this process does not run: its sentinels say when. They run in
// a child, as the test cannot stop itself and go on.
func TestSentinelsSeeAStop(t *testing.T) {
	if os.Getenv("ONHOLD_TEST_SENTINEL") != "" {
		cpus, _ := Affinity(0)
		s := StartSentinels(Guarded{CPUs: cpus})
		time.Sleep(400 * time.Millisecond)
		spells, until := s.Spells()
		s.Stop()
		longest := time.Duration(0)
		for _, spell := range spells {
			if spell.Cause == Stopped {
				longest = max(longest, spell.Size)
			}
		}
		if until < clock.Now()-100*time.Millisecond || longest < 90*time.Millisecond || longest > 200*time.Millisecond {
			os.Exit(1)
		}
		os.Exit(0)
	}
	for attempt := 1; ; attempt++ {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSentinelsSeeAStop$")
		cmd.Env = append(os.Environ(), "ONHOLD_TEST_SENTINEL=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(150 * time.Millisecond)
		cmd.Process.Signal(unix.SIGSTOP)
		time.Sleep(100 * time.Millisecond)
		cmd.Process.Signal(unix.SIGCONT)
		err := cmd.Wait()
		if err == nil {
			return
		}
		if attempt == 5 {
			t.Fatal("a stop of 100 ms was not seen in 5 attempts: ", err)
		}
	}
}

// A thread of ours that waits while another of ours runs is no spell.
func TestSentinelsDoNotBlameOthersForOurThreads(t *testing.T) {
	cpus, err := Affinity(0)
	if err != nil {
		t.Fatal(err)
	}
	cpu := cpus[len(cpus)-1]
	var stop atomic.Bool
	tids := make(chan int, 2)
	for range 2 {
		go func() {
			runtime.LockOSThread()
			PinThread(cpu)
			tids <- unix.Gettid()
			for !stop.Load() { // it uses the CPU
			}
		}()
	}
	<-tids
	s := StartSentinels(Guarded{CPUs: []int{cpu}, Threads: []int{<-tids}, Apart: true})
	used := processTime()
	time.Sleep(300 * time.Millisecond)
	spells, _ := s.Spells()
	used = processTime() - used
	s.Stop()
	stop.Store(true)
	var others time.Duration
	for _, spell := range spells {
		if spell.Cause == Others {
			others += spell.Size
		}
	}
	// Whatever else ran, others cannot have had what we had, for which two threads waited:
	// one of ours, and the sentinel.
	if others > 2*(300*time.Millisecond-used)+60*time.Millisecond {
		t.Errorf("others are blamed for %v of 300ms, of which this process ran for %v", others, used)
	}
}

// BenchmarkSentinel is what one sentinel costs: CPU time per second.
func BenchmarkSentinel(b *testing.B) {
	cpus, err := Affinity(0)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		before := processTime()
		s := StartSentinels(Guarded{CPUs: cpus[len(cpus)-1:], Threads: []int{unix.Gettid()}, Apart: true})
		time.Sleep(time.Second)
		s.Stop()
		b.ReportMetric((processTime()-before).Seconds()*1000, "cpu-ms/s")
	}
}

func TestSamples(t *testing.T) {
	cpus, err := Affinity(0)
	if err != nil {
		t.Fatal(err)
	}
	s := NewSampler(os.Getpid(), cpus)
	defer s.Close()
	before := s.Read()
	for began := time.Now(); time.Since(began) < 60*time.Millisecond; {
	}
	got := s.Read().Since(before)
	if got.Generator.CPU <= 0 || got.Target.CPU <= 0 || got.Generator.RSS < 1<<20 || got.Busy < 0 || got.Steal < 0 {
		t.Errorf("read %+v", got)
	}
}

// A thread that is confined to a CPU, also the one that the process is named after,
// does not take the other CPUs from the process.
func TestProcessCPUs(t *testing.T) {
	all, err := ProcessCPUs(os.Getpid())
	if err != nil || len(all) < 2 {
		t.Skip("there is one CPU, to which nothing can be confined:", err)
	}
	if err := unix.SchedSetaffinity(os.Getpid(), cpuSet(all[:1])); err != nil {
		t.Fatal(err)
	}
	defer unix.SchedSetaffinity(os.Getpid(), cpuSet(all))
	if got, err := ProcessCPUs(os.Getpid()); err != nil || !slices.Equal(got, all) {
		t.Errorf("%v, %v, want %v", got, err, all)
	}
}
