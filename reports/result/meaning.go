package result

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/a628bb15/onhold/reports/field"
)

// Where nothing else is said.
const (
	usualOK       = "200-399"
	usualRejected = "429,503"
)

// Meaning has the outcome of a request by the HTTP status of its reply.
type Meaning [MaxStatus + 1]Outcome

// Of is the outcome of a status.
func (s *Meaning) Of(status int) Outcome {
	if status >= 0 && status < len(s) {
		return s[status]
	}
	return Error
}

// ParseMeaning reads lists of statuses and ranges of them: of ok replies, the usual
// ones where it is empty, and of rejections, which come to the usual ones. Its errors
// are [*field.Error] of OKStatus and RejectedStatus.
func ParseMeaning(ok, rejected string) (*Meaning, error) {
	s, given := new(Meaning), new(Meaning)
	for i := range s {
		s[i], given[i] = Error, Error
	}
	for _, of := range []struct {
		field, given, usual string
		outcome             Outcome
	}{{"OKStatus", ok, usualOK, OK}, {"RejectedStatus", rejected, usualRejected, Rejected}} {
		if of.given == "" || of.outcome == Rejected {
			_ = s.add(of.usual, of.outcome)
		}
		if of.given != "" {
			if want := given.add(of.given, of.outcome); want != "" {
				return nil, &field.Error{Field: of.field, Value: of.given, Want: want}
			}
		}
	}
	for i, o := range given { // what is given goes before what is usual
		if o != Error {
			s[i] = o
		}
	}
	return s, nil
}

// add adds a list of statuses. It returns what is allowed, where that is something else.
func (s *Meaning) add(list string, o Outcome) (want string) {
	for part := range strings.SplitSeq(list, ",") {
		first, last, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 16)
		to, wrong := strconv.ParseUint(last, 10, 16)
		switch {
		case err != nil, wrong != nil, from < MinStatus, to < MinStatus, from > MaxStatus, to > MaxStatus:
			return fmt.Sprintf("statuses and ranges of %d to %d, such as 200-299,404; not %q", MinStatus, MaxStatus, part)
		case from > to:
			return fmt.Sprintf("a range that rises: %d-%d, not %d-%d", to, from, from, to)
		}
		for status := from; status <= to; status++ {
			if s[status] != Error {
				return fmt.Sprintf("each status once: %d is given before, as %s", status, s[status])
			}
			s[status] = o
		}
	}
	return ""
}
