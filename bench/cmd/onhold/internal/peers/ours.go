package peers

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// warmup is the part of a run of ours before its measured window.
const warmup = 500 * time.Millisecond

// oursInvalid is the exit code of a run of ours in which the generator was the
// limit: at saturation that is expected.
const oursInvalid = 4

// Ours is what only our generator reports.
type Ours struct {
	Driver        string   `json:"driver"`
	UncorrectedNS int64    `json:"uncorrected_p50_ns"`
	P99NS         int64    `json:"p99_ns"`
	OKRate        float64  `json:"ok_per_second"`
	Errors        int64    `json:"errors"` // neither ok nor rejected
	TargetRSS     int64    `json:"target_rss_max_bytes,omitempty"`
	TargetCPU     int64    `json:"target_cpu_ns,omitempty"`
	Served        int64    `json:"target_served,omitempty"` // requests, in the window of TargetCPU
	Valid         bool     `json:"valid"`
	Warnings      []string `json:"warnings"`
}

// ours is our own generator, as another process of the program exe.
func ours(exe, driver string) Tool {
	run := func(_ string, l Load) ([]string, error) {
		args := []string{exe, "run", l.URL, "--clients", strconv.Itoa(l.Clients), "--driver", driver,
			"--duration", (l.Length - warmup).String(), "--warmup", warmup.String(), "--retries", "0",
			"--json", "--no-report", "--out", filepath.Join(l.Dir, "run")}
		if l.Rate > 0 {
			args[3], args[4] = "--rate", strconv.Itoa(l.Rate)
			args = append(args, "--arrivals", "constant")
		}
		if l.Spread > 0 {
			args = append(args, "--ramp-up", l.Spread.String())
		}
		if l.PID != 0 {
			args = append(args, "--target-pid", strconv.Itoa(l.PID))
		}
		return args, nil
	}
	return Tool{Name: "onhold (" + driver + ")", closed: run, paced: run, parse: parseOurs, exitsOK: []int{oursInvalid}}
}

func parseOurs(out []byte) (s Reported, err error) {
	var stage result.Stage
	if err := json.Unmarshal(out, &stage); err != nil {
		return s, fmt.Errorf("not one Stage line: %w", err)
	}
	n := stage.Counts
	s.Requests = n.Planned()
	s.NotOK = share(n.Planned()-n[result.OK], n.Planned())
	s.Ours = &Ours{
		Driver:        stage.Settings.Get(result.KeyDriver),
		UncorrectedNS: int64(stage.Uncorrected.Quantile(0.5)),
		P99NS:         int64(stage.Latency.Quantile(0.99)),
		OKRate:        stage.Goodput(),
		Errors:        n.Planned() - n[result.OK] - n[result.Rejected],
		TargetRSS:     stage.Target.RSSMax, TargetCPU: int64(stage.Target.CPU), Served: n[result.OK],
		Valid: stage.Valid(), Warnings: stage.Notes(),
	}
	if n[result.OK] > 0 {
		s.Median = new(stage.Latency.Quantile(0.5))
	}
	return s, nil
}
