package fleet

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

// Every message says what its sender wants, or what it is in, in full, and is repeated
// until the other side shows that it has arrived: one that is doubled, late, out of order
// or missing changes nothing.

// A message is a line of JSON. Its fields that are bytes follow it, each after its length:
// they are most of it, and text of them would take several times the CPU and a third more
// room. What begins a conversation, Call and Hello, has none, so that any version reads it.

// sectioned is a message with fields that follow its JSON.
type sectioned interface{ sections() []*[]byte }

func (o *Order) sections() []*[]byte { return []*[]byte{&o.Plan, &o.Spec} }

func (s *State) sections() []*[]byte {
	if s.Live == nil {
		return []*[]byte{&s.Part}
	}
	return []*[]byte{&s.Part, &s.Live.Latency, &s.Live.Lag, &s.Live.Counted}
}

// encode writes a message.
func encode(message any) ([]byte, error) {
	data, err := json.Marshal(message)
	m, ok := message.(sectioned)
	if !ok || err != nil {
		return data, err
	}
	data = append(data, '\n')
	for _, section := range m.sections() {
		data = binary.AppendUvarint(data, uint64(len(*section)))
		data = append(data, *section...)
	}
	return data, nil
}

// decode reads what encode writes. Fields that are bytes share the memory of data.
func decode(data []byte, message any) error {
	text, rest, _ := bytes.Cut(data, []byte{'\n'})
	if err := json.Unmarshal(text, message); err != nil {
		return err
	}
	m, ok := message.(sectioned)
	if !ok {
		return nil
	}
	for _, section := range m.sections() {
		n, length := binary.Uvarint(rest)
		if length <= 0 || n > uint64(len(rest)-length) {
			return errors.New("message: it is cut short")
		}
		rest = rest[length:]
		*section, rest = rest[:n:n], rest[n:]
	}
	return nil
}

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
	Collect Goal = "collect" // begin nothing, and hand over the record of a stage that another coordinator started
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
	Plan  []byte      `json:"-"` // where the agent does not have that of the hash

	Stage int           `json:"stage,omitempty"` // from 1; each attempt is another
	Spec  []byte        `json:"-"`               // of the stage, with Prepare
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
	Part []byte `json:"-"`
	Sum  string `json:"sum,omitempty"` // of all of it
}

// Progress is what of an agent's share has ended since the beginning of the window.
type Progress struct {
	To        time.Duration `json:"to"` // from the beginning of the window
	Counts    counts        `json:"counts"`
	Disturbed bool          `json:"disturbed,omitempty"`

	// Histograms in their binary form: a coordinator reads those of a thousand agents
	// each second, and keeps the newest of each.
	Latency, Lag []byte `json:"-"`

	Counted []byte `json:"-"` // by the [Counter] of the stage, where it has one

	Streams *streamPart `json:"streams,omitempty"` // where replies are some; its histograms are text here, as few stages have them
}

// streamPart is a [result.StreamPart] with its histograms in their binary form.
type streamPart struct {
	FirstEvent []byte `json:"first_event_ns"`
	Gap        []byte `json:"gap_ns"`
	InWindow   int64  `json:"in_window"`
	EndedEarly int64  `json:"ended_early"`
}

func streamPartOf(p *result.StreamPart) *streamPart {
	if p == nil {
		return nil
	}
	return &streamPart{binaryOf(p.FirstEvent), binaryOf(p.Gap), p.InWindow, p.EndedEarly}
}

// read is what streamPartOf was made of.
func (l *streamPart) read() (*result.StreamPart, error) {
	if l == nil {
		return nil, nil
	}
	p := result.NewStreamPart()
	p.InWindow, p.EndedEarly = l.InWindow, l.EndedEarly
	return p, cmp.Or(p.FirstEvent.UnmarshalBinary(l.FirstEvent), p.Gap.UnmarshalBinary(l.Gap))
}

// counts are [result.Counts] that are an array in JSON: of their names, a coordinator
// would read a thousand times a dozen each second.
type counts result.Counts

// totals are what agents reported, added up.
type totals struct {
	latency, lag *result.Hist
	streams      *result.Streams // nil where replies are none
}

// addTo adds what was reported to the totals; scratch is room for it. What cannot be read
// leaves them as they are.
func (p *Progress) addTo(t *totals, scratch *[2]result.Sparse) error {
	for i, data := range [2][]byte{p.Latency, p.Lag} {
		if err := scratch[i].UnmarshalBinary(data); err != nil {
			return err
		}
	}
	streams, err := p.Streams.read()
	if err != nil {
		return err
	}
	if streams != nil {
		if t.streams == nil {
			t.streams = result.NewStreams()
		}
		streams.AddTo(t.streams)
	}
	scratch[0].AddTo(t.latency)
	scratch[1].AddTo(t.lag)
	return nil
}

// binaryOf is the binary form of a histogram.
func binaryOf(s *result.Sparse) []byte {
	data, _ := s.AppendBinary(nil) // which has no error
	return data
}

const (
	// mostPart bounds a part of a record: messages stay below the 1 MB that a broker
	// takes by default.
	mostPart = 256 << 10
	// mostPlan bounds a plan, for the same reason.
	mostPlan = 512 << 10
	// mostRecord bounds the record of a stage.
	mostRecord = 64 << 20
	// mostRecords bounds those of all agents, until the stage is put together.
	mostRecords = 2 << 30
	// mostTries bounds how often a record is collected that is none.
	mostTries = 3
	// mostText bounds what an agent says of itself, and why it does not go on.
	mostText = 1000
	// mostAgents bounds a fleet.
	mostAgents = 10_000
)

// namePattern is what a run and an agent may be called: a part of a subject.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
