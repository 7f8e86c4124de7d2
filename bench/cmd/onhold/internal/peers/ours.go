package peers

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/reports/load"
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
	args := func(t task) []string {
		args := []string{"run", t.URL, "--driver", driver,
			"--duration", (t.Duration - warmup).String(), "--warmup", warmup.String(), "--retries", "0",
			"--json", "--no-report", "--out", filepath.Join(t.Dir, "run")}
		if t.Rate > 0 {
			args = append(args, "--rate", t.rate(), "--arrivals", string(load.Constant))
		} else {
			args = append(args, "--clients", t.clients())
		}
		if t.RampUp > 0 {
			args = append(args, "--ramp-up", t.RampUp.String())
		}
		if t.TargetPID != 0 {
			args = append(args, "--target-pid", strconv.Itoa(t.TargetPID))
		}
		return args
	}
	return Tool{Name: "onhold (" + driver + ")", path: exe, models: bothModels, args: args, parse: parseOurs, exitsOK: []int{oursInvalid}}
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
