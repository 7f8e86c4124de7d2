package sim

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/field"
)

// maxInstant bounds the end of a stall, so that sums of instants cannot
// overflow.
const maxInstant = time.Duration(math.MaxInt64 / 8)

// Stall is a time in which the backend answers nothing.
type Stall struct {
	Length time.Duration // above 0
	Offset time.Duration // its start, from the first call that the backend receives; 0 or above
}

func (s Stall) String() string { return s.Length.String() + "@" + s.Offset.String() }

func (s Stall) end() time.Duration { return s.Offset + s.Length }

// Stalls are in order of time and do not overlap.
type Stalls []Stall

// String writes what ParseStalls reads.
func (ss Stalls) String() string {
	texts := make([]string, len(ss))
	for i, s := range ss {
		texts[i] = s.String()
	}
	return strings.Join(texts, ",")
}

// ParseStalls reads LENGTH@OFFSET, for example 2s@5s, or several of them with
// commas between, in any order. The empty text means none.
func ParseStalls(text string) (Stalls, error) {
	if text == "" {
		return nil, nil
	}
	var ss Stalls
	for part := range strings.SplitSeq(text, ",") {
		length, offset, ok := strings.Cut(part, "@")
		if !ok {
			return nil, fmt.Errorf("stall %q has no @; allowed is LENGTH@OFFSET, for example 2s@5s", part)
		}
		var s Stall
		var err error
		if s.Length, err = time.ParseDuration(length); err != nil {
			return nil, fmt.Errorf("stall %q: length %q is no duration such as 2s or 500ms", part, length)
		}
		if s.Offset, err = time.ParseDuration(offset); err != nil {
			return nil, fmt.Errorf("stall %q: offset %q is no duration such as 5s or 500ms", part, offset)
		}
		ss = append(ss, s)
	}
	slices.SortFunc(ss, func(a, b Stall) int { return int(min(max(a.Offset-b.Offset, -1), 1)) })
	return ss, ss.check()
}

func (ss Stalls) validate() error {
	if err := ss.check(); err != nil {
		return &field.Error{Field: "Stall", Value: ss, Want: "LENGTH@OFFSET; " + err.Error()}
	}
	return nil
}

// check reports a range or an order that is wrong.
func (ss Stalls) check() error {
	for i, s := range ss {
		switch {
		case s.Length <= 0:
			return fmt.Errorf("stall %v: the length must be above 0", s)
		case s.Offset < 0:
			return fmt.Errorf("stall %v: the offset must be 0 or above", s)
		case s.Length > maxInstant || s.Offset > maxInstant:
			return fmt.Errorf("stall %v: length and offset can be at most %v", s, maxInstant)
		case i > 0 && s.Offset < ss[i-1].end():
			return fmt.Errorf("stall %v begins before %v ends", s, ss[i-1])
		}
	}
	return nil
}

// hold returns when an answer that is due at the given offset comes.
func (ss Stalls) hold(due time.Duration) time.Duration {
	for _, s := range ss {
		if due < s.Offset {
			break
		}
		due = max(due, s.end()) // a later stall may hold it on
	}
	return due
}
