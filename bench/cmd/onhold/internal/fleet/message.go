package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

// Every message says what its sender wants, or what it is in, in full, and is repeated
// until the other side shows that it has arrived: one that is doubled, late, out of order
// or missing changes nothing.

// Call asks idle agents to come forward.
type Call struct {
	Run string `json:"run"`
}

// Hello is the answer of an idle agent to a Call.
type Hello struct {
	Run      string `json:"run"`
	Agent    string `json:"agent"`
	Instance string `json:"instance"` // of the agent's process: another one of that name has another
	Version  string `json:"version"`
	Host     string `json:"host"`
}

// Goal is what the coordinator wants of an agent.
type Goal string

// The goals.
const (
	Join    Goal = "join"    // take the plan, and be there
	Prepare Goal = "prepare" // make the connections of a stage
	Start   Goal = "start"   // begin the stage at an instant, see it through, and hand over the record
	Leave   Goal = "leave"   // the run is over
	Refuse  Goal = "refuse"  // the agent is not wanted
)

// Order is what the coordinator wants of one agent. It is also a ping, and a sign of life.
type Order struct {
	Run      string        `json:"run"`
	Epoch    int           `json:"epoch"` // of the coordinator: one that takes over a run has a higher one
	Seq      uint64        `json:"seq"`   // rises within an epoch
	Agent    string        `json:"agent"`
	Instance string        `json:"instance"`
	Sent     time.Duration `json:"sent"` // by the coordinator's clock

	Goal  Goal        `json:"goal"`
	Why   string      `json:"why,omitempty"` // of Refuse
	Share bench.Share `json:"share"`
	Hash  string      `json:"hash"`
	Plan  []byte      `json:"plan,omitempty"` // where the agent does not have that of the hash

	Stage int           `json:"stage,omitempty"` // from 1; each attempt is another
	Spec  []byte        `json:"spec,omitempty"`  // of the stage, with Prepare
	At    time.Duration `json:"at,omitempty"`    // by the agent's clock, with Start
	Cut   bool          `json:"cut,omitempty"`   // the window is to end now
	From  int           `json:"from,omitempty"`  // how many bytes of the record have arrived
}

// Phase is how far an agent is with a stage.
type Phase string

// The phases.
const (
	Idle      Phase = ""
	Preparing Phase = "preparing"
	Ready     Phase = "ready"
	Started   Phase = "started" // or about to, at the instant that it was given
	Missed    Phase = "missed"  // the instant had passed when the order came
	Done      Phase = "done"
	Failed    Phase = "failed"
)

// State is what an agent is in, in answer to an Order.
type State struct {
	Run      string        `json:"run"`
	Epoch    int           `json:"epoch"` // of the order that it answers, as is Sent
	Sent     time.Duration `json:"sent"`
	Clock    time.Duration `json:"clock"` // the agent's own, when it answered; 0 where it answers no order
	Seq      uint64        `json:"seq"`   // rises
	Agent    string        `json:"agent"`
	Instance string        `json:"instance"`

	Hash    string `json:"hash,omitempty"`    // of the plan that it has
	Refused string `json:"refused,omitempty"` // why it does not take part

	Stage    int             `json:"stage,omitempty"`
	Phase    Phase           `json:"phase,omitempty"`
	Why      string          `json:"why,omitempty"`      // of Failed
	Settings result.Settings `json:"settings,omitempty"` // that the stage will have, with Ready
	Live     *Progress       `json:"live,omitempty"`

	// A part of the record, with Done.
	Size int    `json:"size,omitempty"` // of all of it
	From int    `json:"from,omitempty"`
	Part []byte `json:"part,omitempty"`
	Sum  string `json:"sum,omitempty"` // of all of it
}

// Progress is what of an agent's share has ended since the beginning of the window.
type Progress struct {
	To        time.Duration `json:"to"` // from the beginning of the window
	Counts    result.Counts `json:"counts"`
	Latency   buckets       `json:"latency"`
	Lag       buckets       `json:"lag"`
	Disturbed bool          `json:"disturbed,omitempty"`
}

// buckets is a histogram as it is in a message: a coordinator reads those of a thousand
// agents each second.
type buckets struct{ *result.Sparse }

// MarshalJSON writes the compact form.
func (b buckets) MarshalJSON() ([]byte, error) {
	data, err := b.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	return json.Marshal(data)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (b *buckets) UnmarshalJSON(text []byte) error {
	var data []byte
	if err := json.Unmarshal(text, &data); err != nil {
		return err
	}
	b.Sparse = new(result.Sparse)
	return b.UnmarshalBinary(data)
}

const (
	// mostPart bounds a part of a record: messages stay below the 1 MB that a broker
	// takes by default.
	mostPart = 256 << 10
	// mostPlan bounds a plan, for the same reason.
	mostPlan = 512 << 10
	// mostRecord bounds the record of a stage.
	mostRecord = 64 << 20
	// mostAgents bounds a fleet.
	mostAgents = 10_000
)

// namePattern is what a run and an agent may be called: a part of a subject.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
