package sim

import (
	"errors"
	"math"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/field"
)

// maxInstant bounds the end of a stall, so that sums of instants cannot
// overflow.
const maxInstant = time.Duration(math.MaxInt64 / 8)

// wantStall is what the text of a stall must be.
const wantStall = "LENGTH@OFFSET, such as 2s@5s: a length above 0, and an offset of 0 or more from the first request"

// Stall is a time in which the backend answers nothing. Its zero value is none.
type Stall struct {
	Length time.Duration // above 0
	Offset time.Duration // its start, from the first call that the backend receives; 0 or above
}

// String writes what ParseStall reads.
func (s Stall) String() string {
	if s == (Stall{}) {
		return ""
	}
	return s.Length.String() + "@" + s.Offset.String()
}

// ParseStall reads LENGTH@OFFSET, for example 2s@5s. The empty text means none.
func ParseStall(text string) (s Stall, err error) {
	if text == "" {
		return Stall{}, nil
	}
	length, offset, _ := strings.Cut(text, "@")
	var wrong error
	s.Length, err = time.ParseDuration(length)
	if s.Offset, wrong = time.ParseDuration(offset); err != nil || wrong != nil || s == (Stall{}) || s.validate() != nil {
		return Stall{}, errors.New("want " + wantStall)
	}
	return s, nil
}

func (s Stall) validate() error {
	return field.Check(s == Stall{} || s.Length > 0 && s.Length <= maxInstant && s.Offset >= 0 && s.Offset <= maxInstant, "Stall", s, wantStall)
}

// hold returns when an answer that is due at the given offset comes.
func (s Stall) hold(due time.Duration) time.Duration {
	if due < s.Offset {
		return due
	}
	return max(due, s.Offset+s.Length)
}
