package duet

import (
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/source"
	"github.com/a628bb15/onhold/bench/slow"
	"github.com/a628bb15/onhold/reports/compare"
)

// disturbing is a fake of which a share of the launches are disturbed: they take
// up to twice as long, and it shows in what the machine did. A slower arm runs for
// longer and so meets more of it.
func disturbing(r *rand.Rand, share, worse float64) *fake {
	f := &fake{}
	type launch struct {
		pair int
		arm  compare.Arm
	}
	hit := map[launch]float64{} // by how much it was slowed down
	run := func(arm compare.Arm, pair int) {
		p := share
		if arm == compare.Candidate {
			p = 1 - math.Pow(1-share, 1+worse)
		}
		hit[launch{pair, arm}] = 0
		if r.Float64() < p {
			hit[launch{pair, arm}] = 0.05 + r.Float64()
		}
	}
	arms := []compare.Arm{compare.Base, compare.Candidate, compare.Control}
	units := map[compare.Arm]int{compare.Base: 1, compare.Candidate: 2, compare.Control: 3}
	f.launches = func(p pairPlan) error {
		for _, arm := range arms {
			for row := 1; ; row++ {
				run(arm, p.number)
				if hit[launch{p.number, arm}] == 0 {
					break
				}
				again, err := f.s.again(disturbance{Kind: kindSteal, Arm: arm, Pair: p.number, Unit: units[arm], Why: "steal"}, row, len(arms))
				if err != nil {
					return err
				}
				if !again {
					break
				}
			}
		}
		return nil
	}
	f.value = func(arm compare.Arm, pair int) float64 {
		v := 1e6 * math.Exp(0.02*r.NormFloat64()) * (1 + hit[launch{pair, arm}])
		if arm == compare.Candidate {
			v *= 1 + worse
		}
		return v
	}
	return f
}

// A machine that disturbs always must not keep a plain change from being found,
// and whatever is run again or counts as it is must not make one of nothing.
func TestDisturbancesLeaveTheVerdict(t *testing.T) { disturbances(t, 10) }

func TestSlowDisturbancesLeaveTheVerdict(t *testing.T) {
	slow.Only(t)
	n := 100
	if slow.All() {
		n = 300
	}
	disturbances(t, n)
}

func disturbances(t *testing.T, n int) {
	for _, share := range []float64{0.02, 0.1, 0.5, 0.9} {
		for _, worse := range []float64{0, 0.4, 9} {
			alarms, invalid := 0, 0
			for i := range n {
				r := rand.New(rand.NewPCG(uint64(i), uint64(1000*share)+uint64(10*worse)))
				s, f := newSession(t), disturbing(r, share, worse)
				f.s, s.Seed, s.Patient = s, uint64(i), true // the prognosis has tests of its own
				if _, err := s.drive(t.Context(), f); err != nil {
					t.Fatal(err)
				}
				s.events.Close()
				report := s.conclude(nil)
				switch report.Exit {
				case compare.ExitRegressed: // or unstable, as the slower arm meets more of it
					alarms++
				case compare.ExitInvalid:
					invalid++
				}
			}
			switch {
			case worse == 0 && alarms > n/100+3: // 1 % is the promise; 7 of 300 come once in 30 times, 4 of 10 never
				t.Errorf("%g of the launches are disturbed: %d of %d are regressed or unstable, and nothing changed", share, alarms, n)
			case worse > 0 && alarms < n-n/10:
				t.Errorf("%g of the launches are disturbed: %d of %d are regressed or unstable, and all are %g %% worse", share, alarms, n, 100*worse)
			}
			if invalid > 1+n/20 { // the control may differ from the base by chance
				t.Errorf("%g of the launches are disturbed, %g %% worse: %d of %d are not valid", share, 100*worse, invalid, n)
			}
		}
	}
}

// workTest is a benchmark that works as long as the file "work" says, and
// allocates as often as it says.
const workTest = `package work

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

var sink []byte
var sum int

func BenchmarkWork(b *testing.B) {
	text, _ := os.ReadFile("work")
	fields := strings.Fields(string(text))
	loops, _ := strconv.Atoi(fields[0])
	allocations, _ := strconv.Atoi(fields[1])
	b.ReportAllocs()
	for b.Loop() {
		for i := range loops {
			sum += i % 7
		}
		for range allocations {
			sink = make([]byte, 64)
		}
	}
}
`

// Beside processes that keep all CPUs busy, changes that nobody could doubt are
// found: 40 %, an allocation, tenfold. Where other processes make a pair's noise
// larger than a change of time, the right answer is that nobody can tell.
func TestSlowVerdictsBesideALoad(t *testing.T) {
	slow.Longest(t)
	if runtime.GOOS == "windows" {
		t.Skip("wants a Unix shell")
	}
	dir := t.TempDir()
	write(t, dir, map[string]string{"go.mod": "module example.com/work\n\ngo 1.26\n", "a_test.go": workTest})
	cmd := exec.Command("go", "test", "-c", "-o", "work.test", ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	path := filepath.Join(dir, "work.test")
	for range 2 * runtime.NumCPU() {
		busy := exec.Command("/bin/sh", "-c", "while :; do :; done")
		if err := busy.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			busy.Process.Kill()
			busy.Wait()
		}()
	}
	for _, c := range []struct {
		why, base, candidate string
		gate                 []string
		want                 compare.Verdict
		change               float64 // of the time
	}{
		{"40 % worse", "100000 3", "140000 3", nil, compare.Regressed, 0.4},
		{"one more allocation", "100000 3", "100000 4", []string{"allocs/op"}, compare.Regressed, 0},
		{"one allocation less", "100000 3", "100000 2", []string{"allocs/op"}, compare.Improved, 0},
		{"tenfold", "20000 3", "200000 3", nil, compare.Regressed, 9},
	} {
		s := newSession(t)
		s.Policy.Gate, s.Budget = c.gate, 10*time.Minute
		s.sides = &source.Sides{Root: t.TempDir(), Sub: "."}
		for arm, work := range map[compare.Arm]string{compare.Base: c.base, compare.Candidate: c.candidate} {
			write(t, s.sides.Dir(arm), map[string]string{"work": work})
		}
		r := &benched{GoBench: &GoBench{BenchTime: "200x"}, s: s, packages: []*benchPackage{{
			dir: ".", declared: []string{"BenchmarkWork"},
			builder: &builder{s: s, probed: true, fixed: map[compare.Arm]program{compare.Base: {path: path}, compare.Candidate: {path: path}}},
		}}}
		if _, err := r.stored(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := s.drive(t.Context(), r); err != nil {
			t.Errorf("%s: %v", c.why, err)
		}
		r.close()
		report := s.conclude(nil)
		drowned := report.Verdict == compare.Inconclusive && slices.ContainsFunc(report.Findings, func(f compare.Finding) bool {
			return f.Gated && f.Verdict == compare.Inconclusive && f.Metric == "time" && f.Noise > c.change
		})
		if report.Verdict != c.want && !drowned {
			t.Errorf("%s: %s after %d pairs: %q", c.why, report.Verdict, report.Pairs, report.Reasons)
		}
		for _, f := range report.Findings {
			t.Logf("%s: %s is %s after %d pairs and %v, noise %.0f %%, %+.0f %%; %d again, %s", c.why, f.Metric, f.Verdict, report.Pairs, time.Since(began).Round(time.Second), 100*f.Noise, 100*f.Estimate, report.Repeated, strings.Join(report.Reasons, "; "))
		}
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		t.Logf("load %s", load)
	}
}
