package peers

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/epoll"
)

// The recording that is replayed: an access log of ten minutes.
const (
	replayLines = 10_000
	replayRate  = 1000.0 / 60 // per second, on average
	replaySpeed = 20
)

// accessLog is an access log in combined format with Poisson arrivals, and the instants
// at which a replay of it sends: requests of the same second are spread evenly over it.
func accessLog(lines int, rate, speed float64) (log string, instants []time.Duration) {
	r := rand.New(rand.NewPCG(1, 2))
	begin := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	var text strings.Builder
	var at []int // the second of each
	per := map[int]int{}
	for n, now := 0, 0.0; n < lines; n++ {
		now += r.ExpFloat64() / rate
		second := int(now)
		at = append(at, second)
		per[second]++
		fmt.Fprintf(&text, "127.0.0.1 - - [%s] \"GET /api/orders?user_id=%d HTTP/1.1\" 200 17 \"-\" \"-\"\n",
			begin.Add(time.Duration(second)*time.Second).Format("02/Jan/2006:15:04:05 -0700"), n)
	}
	for i, k := 0, 0; i < lines; i++ {
		if k++; i == 0 || at[i] != at[i-1] {
			k = 0
		}
		instant := float64(at[i]-at[0]) + float64(k)/float64(per[at[i]])
		instants = append(instants, time.Duration(instant/speed*1e9))
	}
	return text.String(), instants
}

// replaying is ours, and replays the recording.
func replaying(exe string) (Tool, []time.Duration) {
	log, instants := accessLog(replayLines, replayRate, replaySpeed)
	t := ours(exe, epoll.Name, "")
	t.input = log
	t.constant = fmt.Sprintf("run {url} --driver %s --requests {dir}/%s --replay --speed %d --retries 0 --json --no-report --out {dir}/run", epoll.Name, inputFile, replaySpeed)
	return t, instants
}
