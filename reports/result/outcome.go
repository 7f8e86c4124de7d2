package result

import (
	"fmt"
	"slices"
)

// Outcome is how an arrival ended. Every arrival has exactly one.
type Outcome uint8

// The outcomes, in the order in which they are stored and shown.
const (
	OK         Outcome = iota // answered as asked (HTTP 2xx or 3xx)
	Rejected                  // by a server that is up: 503, 429, RESOURCE_EXHAUSTED, a full queue
	Refused                   // no connection could be made
	Reset                     // the connection was closed mid-exchange
	Timeout                   // no complete answer within the request's timeout
	Error                     // any other answer, or one that could not be understood
	Unsent                    // the generator could not send it: its fault, not the server's
	Unfinished                // in flight when the drain timeout passed
	Unknown                   // planned by one of several generators that was lost: it may have been sent
	outcomes
)

// Outcomes lists every outcome in order.
var Outcomes = [...]Outcome{OK, Rejected, Refused, Reset, Timeout, Error, Unsent, Unfinished, Unknown}

var outcomeNames = [outcomes]string{
	"ok", "rejected", "refused", "reset", "timeout", "error", "unsent", "unfinished", "unknown",
}

func (o Outcome) String() string {
	if o < outcomes {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome %d", uint8(o))
}

// MarshalText writes the name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads a name, and fails for one that does not exist.
func (o *Outcome) UnmarshalText(name []byte) error {
	i := slices.Index(outcomeNames[:], string(name))
	if i < 0 {
		return fmt.Errorf("there is no outcome %q", name)
	}
	*o = Outcome(i)
	return nil
}

// NotValid begins the message of a benchmark that failed because its stage is not
// valid: the machine's fault, and not the target's.
const NotValid = "the stage is not valid"

// Counts is the number of arrivals that ended in each outcome.
type Counts [outcomes]int64

// Planned is the number of arrivals: the sum over all outcomes.
func (c *Counts) Planned() int64 {
	var n int64
	for _, k := range c {
		n += k
	}
	return n
}

// Failed is the number of arrivals that were neither ok nor rejected.
func (c *Counts) Failed() int64 { return c.Planned() - c[OK] - c[Rejected] }

// Add adds the counts of o.
func (c *Counts) Add(o Counts) {
	for i, k := range o {
		c[i] += k
	}
}

// MarshalJSON writes an object with the key "planned" and one key for every
// outcome, in order, also where the count is zero; but unknown, which one generator
// never has, only where it is not.
func (c Counts) MarshalJSON() ([]byte, error) {
	b := fmt.Appendf(nil, `{"planned":%d`, c.Planned())
	for _, o := range Outcomes {
		if c[o] != 0 || o != Unknown {
			b = fmt.Appendf(b, `,%q:%d`, o, c[o])
		}
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads what MarshalJSON writes. It fails where an outcome is
// missing, unknown or negative, or where they do not add up to "planned".
func (c *Counts) UnmarshalJSON(data []byte) error {
	m, err := strictCounts(data)
	if err != nil {
		return fmt.Errorf("counts: %w", err)
	}
	var got Counts
	for _, o := range Outcomes {
		n, ok := m[o.String()]
		if o == Unknown && !ok {
			m[o.String()] = 0
		} else if !ok {
			return fmt.Errorf("counts: outcome %q is missing", o)
		}
		if n < 0 {
			return fmt.Errorf("counts: %q is %d, but a count cannot be negative", o, n)
		}
		got[o] = n
	}
	if len(m) != len(Outcomes)+1 {
		return fmt.Errorf("counts: has %d keys, want planned and %d outcomes", len(m), len(Outcomes))
	}
	if planned, ok := m["planned"]; !ok || planned != got.Planned() {
		return fmt.Errorf("counts: planned is %d, but the outcomes add up to %d", planned, got.Planned())
	}
	*c = got
	return nil
}
