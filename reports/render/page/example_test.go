package page_test

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/result"
)

// A server with room for 200 callers, of whom each waits 100 ms: the text
// says what it does to those who come beyond.
func ExampleText() {
	var stages []*result.Stage
	for _, clients := range []int{100, 200, 400} {
		s := result.NewStage()
		s.Settings = result.Settings{
			{Key: result.KeyTarget, Value: "http://shop.example.org"},
			{Key: result.KeyLoad, Value: "closed"},
			{Key: result.KeyLevel, Value: strconv.Itoa(clients)},
		}
		s.Length = time.Second
		for range 10 * min(clients, 200) {
			s.Counts[result.OK]++
			s.Latency.Record(100 * time.Millisecond)
		}
		s.Counts[result.Rejected] = int64(10 * max(clients-200, 0))
		stages = append(stages, s)
	}
	if err := page.Text(os.Stdout, result.Run{}, stages); err != nil {
		fmt.Println(err)
	}
	// Output:
	// shop.example.org rejects requests above 200 clients
	// Limit of shop.example.org: server 200 at 400 clients.
	//
	// http://shop.example.org, closed load
	//                                                         adjusted
	// clients   ok/s     p50     p90     p99    p99.9              p99  rejected  failed       limit
	//     100  1,000  100 ms  100 ms  100 ms  ~100 ms           100 ms       0 %     0 %        none
	//     200  2,000  100 ms  100 ms  100 ms  ~100 ms           100 ms       0 %     0 %        none
	//     400  2,000  100 ms  100 ms  100 ms  ~100 ms  ∞ (50 % not ok)      50 %     0 %  server 200
	//   0 %: none occurred; the true share is below 0.3 % at n = 1,000 and below 0.075 % at n = 4,000 (95 % confidence).
	//
	// Percentiles are of ok requests, measured from the planned instant. ~: fewer than ten samples lie beyond. adjusted p99:
	//   over all requests, where one that was rejected or failed counts as infinitely slow. limit: who set the pace, with the
	//   CPUs or places in use, and how many there are.
}
