package bench_test

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

// What is asked for is what goes out: method, lines, body and host.
func TestRequestIsSentAsGiven(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		s := newScripted(t, says(okReply))
		stage := run(t, bench.Plan{Load: bench.Load{Burst: 2}, Duration: time.Millisecond}, made(t, bench.HTTP{
			URL: s.url() + "api//orders%2Fx/../y?user_id=42", Method: "PATCH", Body: []byte("five!"),
			Header: []string{"Accept: text/html", "X-Twice: 1", "X-Twice:2", "Host: shop.example", "User-Agent: someone"},
		}))
		if stage.Counts[result.OK] != 2 {
			t.Fatalf("counts %v; %q", stage.Counts, stage.Notes())
		}
		for _, r := range s.log() {
			if r.method != "PATCH" || r.resource != "/api//orders%2Fx/../y?user_id=42" || r.host != "shop.example" || r.body != 5 || r.close {
				t.Errorf("%+v", r)
			}
			want := http.Header{"Accept": {"text/html"}, "X-Twice": {"1", "2"}, "User-Agent": {"someone"}, "Content-Length": {"5"}}
			for name, values := range want {
				if !slices.Equal(r.header[name], values) {
					t.Errorf("%s is %q, want %q", name, r.header[name], values)
				}
			}
		}
	})
}

// mix is addresses of one server with weights.
func mix(url string, weights ...int) (m []bench.Weighted) {
	for i, w := range weights {
		m = append(m, bench.Weighted{URL: fmt.Sprintf("%s%d", url, i), Weight: w})
	}
	return m
}

// Of several addresses each has its share: of n requests within five standard
// deviations, which one run in a million misses.
func TestMixHasItsShares(t *testing.T) {
	t.Parallel()
	weights := []int{6, 3, 1}
	eachThreads(t, func(t *testing.T, made made) {
		t.Parallel()
		s := newScripted(t, says(okReply))
		const n = 1500
		run(t, bench.Plan{Load: bench.Load{Burst: 100, BurstInterval: time.Millisecond}, Duration: n / 100 * time.Millisecond, DrainTimeout: time.Minute},
			made(t, bench.HTTP{Mix: mix(s.url(), weights...), Seed: 3}))
		seen := map[string]int{}
		for _, r := range s.log() {
			seen[r.resource]++
		}
		for i, w := range weights {
			p := float64(w) / 10
			if got, dev := seen[fmt.Sprintf("/%d", i)], 5*math.Sqrt(n*p*(1-p)); math.Abs(float64(got)-n*p) > dev {
				t.Errorf("%d of %d requests have a weight of %d in 10, want %.0f ± %.0f", got, n, w, n*p, dev)
			}
		}
		if len(seen) != len(weights) {
			t.Errorf("addresses %v", seen)
		}
	})
}

// The seed decides the sequence: the same again, another one with another.
func TestMixIsDrawnFromTheSeed(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		var sequences []string
		for _, seed := range []uint64{1, 1, 2} {
			s := newScripted(t, says(okReply))
			run(t, bench.Plan{Load: bench.Load{Burst: 1, BurstInterval: time.Millisecond}, Duration: 60 * time.Millisecond, DrainTimeout: time.Minute},
				made(t, bench.HTTP{Mix: mix(s.url(), 1, 1), Seed: seed}))
			var sequence strings.Builder
			for _, r := range s.log() {
				sequence.WriteString(r.resource)
			}
			sequences = append(sequences, sequence.String())
		}
		if len(sequences[0]) != 2*60 || sequences[0] != sequences[1] || sequences[0] == sequences[2] {
			t.Errorf("sequences of seeds 1, 1 and 2:\n%q", sequences)
		}
	})
}

// Each request is another one where the caller fills them, over all
// connections, and Body itself stays as it was.
func TestRequestsAreFilled(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, made made) {
		t.Parallel()
		s := newScripted(t, says(okReply))
		body := []byte("-----")
		var mu sync.Mutex
		seen := map[string]int{}
		stage := run(t, bench.Plan{Load: bench.Load{Burst: 5, BurstInterval: 20 * time.Millisecond}, Duration: 40 * time.Millisecond, MaxLag: time.Minute}, made(t, bench.HTTP{
			URL: s.url(), Method: "POST", Body: body,
			Fill: func(b []byte, n uint64) {
				copy(b, fmt.Sprintf("%5d", n))
				mu.Lock()
				seen[string(b)]++
				mu.Unlock()
			},
		}))
		if stage.Counts[result.OK] != 10 || string(body) != "-----" {
			t.Fatalf("counts %v; %q; the body has become %q", stage.Counts, stage.Notes(), body)
		}
		for n := range 10 {
			if seen[fmt.Sprintf("%5d", n+1)] != 1 {
				t.Errorf("request %d was filled %d times", n+1, seen[fmt.Sprintf("%5d", n+1)])
			}
		}
	})
}

// A reply that does not say what was accepted is no acceptance.
func TestAcceptedIsReadFromTheReply(t *testing.T) {
	for _, row := range []struct {
		reply string
		want  result.Outcome
		id    uint64
	}{
		{"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n17", result.OK, 17},
		{"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n??", result.Error, 0},
		{rejectedReply, result.Rejected, 0},
	} {
		dial, err := bench.HTTP{URL: fixedReply(t, row.reply), Accepted: func(body []byte) (uint64, bool) {
			id, err := strconv.ParseUint(string(body), 10, 64)
			return id, err == nil
		}}.Dial()
		if err != nil {
			t.Fatal(err)
		}
		conn, err := dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r := conn.Do(5 * time.Second); r.Outcome != row.want || r.ID != row.id {
			t.Errorf("%q: %+v", row.reply, r)
		}
		conn.Close()
	}
}
