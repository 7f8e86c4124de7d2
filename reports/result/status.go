package result

import (
	"fmt"
	"maps"
)

// The least and the greatest status of HTTP.
const (
	MinStatus = 100
	MaxStatus = 599
)

// Statuses is how many replies had each HTTP status.
type Statuses map[int]int64

// Plus is the sum of both; nil where both are empty.
func (s Statuses) Plus(o Statuses) Statuses {
	sum := maps.Clone(s)
	for status, n := range o {
		if sum == nil {
			sum = Statuses{}
		}
		sum[status] += n
	}
	return sum
}

// Sum is the number of replies.
func (s Statuses) Sum() (n int64) {
	for _, k := range s {
		n += k
	}
	return n
}

func (s Statuses) check() error {
	for status, n := range s {
		switch {
		case status < MinStatus || status > MaxStatus:
			return fmt.Errorf("statuses: %d is none, want %d to %d", status, MinStatus, MaxStatus)
		case n < 0 || n > maxCount:
			return fmt.Errorf("statuses: of %d there are %d, want 0 to %d", status, n, int64(maxCount))
		}
	}
	return nil
}
