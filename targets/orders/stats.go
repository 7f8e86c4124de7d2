package orders

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Stats is what a target reports at [PathStats]. The first block is settings,
// where 0 means that the style has no such limit; the second block is the
// present; the others count since the start.
type Stats struct {
	Style       string `json:"style"`
	Workers     int    `json:"workers"`
	Queue       int    `json:"queue"`
	MaxInflight int    `json:"max_inflight"`
	Loops       int    `json:"loops"`

	Busy     int64 `json:"busy"`      // requests being served
	Queued   int64 `json:"queued"`    // requests waiting for a worker
	InFlight int64 `json:"in_flight"` // busy + queued

	Accepted int64 `json:"accepted"` // admitted to wait for the backend
	Rejected int64 `json:"rejected"` // answered with 503

	ServiceTime ServiceTime `json:"service_time_ns"`

	Backend BackendStats `json:"backend"`

	// Broker is absent where there is none.
	Broker *BrokerStats `json:"broker,omitempty"`
}

// ServiceTime is how long requests occupied a worker, or a place where all are
// served at once, in nanoseconds. A style that does not count it has no N.
type ServiceTime struct {
	N    int64 `json:"n"`
	Mean int64 `json:"mean"`
}

// BrokerStats is what a target knows of the broker that keeps its orders, and
// of what became of them since the target started.
type BrokerStats struct {
	URL        string `json:"url"` // without passwords
	Connected  bool   `json:"connected"`
	Store      string `json:"store,omitempty"` // file or memory
	Sync       string `json:"sync,omitempty"`  // when it flushes to the disk
	Paid       int64  `json:"paid"`            // this and the following by a payment service
	Duplicates int64  `json:"duplicates"`      // orders that came once more, and were recognised
	PaidTwice  int64  `json:"paid_twice"`      // of these, those that were recognised too late
	Failed     int64  `json:"failed"`          // payments that the backend could not make; they are tried again
}

// BackendStats is what a backend says of itself.
type BackendStats struct {
	Name        string `json:"name"`
	Connections int    `json:"connections"` // 0: unlimited
	Calls       int64  `json:"calls"`       // begun so far

	// WaitError is by how much the target woke later than the backend's answer
	// was due: the error of the measuring device. It is absent for a backend
	// whose answers have no due instant.
	WaitError *Durations `json:"wait_error_ns,omitempty"`

	// PoolWait is how long queries waited for one of the connections, before the
	// backend knew of them. It is absent for a backend without a pool.
	PoolWait *Durations `json:"pool_wait_ns,omitempty"`
}

// Durations sums up durations, in nanoseconds.
type Durations struct {
	N    int64 `json:"n"`
	Mean int64 `json:"mean"`
	P50  int64 `json:"p50"`
	P99  int64 `json:"p99"`
	Max  int64 `json:"max"`
}

// FetchStats asks a server that listens at addr for its statistics.
func FetchStats(ctx context.Context, addr string) (st Stats, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+PathStats, nil)
	if err != nil {
		return st, err
	}
	req.Close = true
	client := http.Client{Transport: &http.Transport{}} // no proxy of the environment's
	resp, err := client.Do(req)
	if err != nil {
		return st, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return st, fmt.Errorf("%s: %s", PathStats, resp.Status)
	}
	return st, json.NewDecoder(resp.Body).Decode(&st)
}
