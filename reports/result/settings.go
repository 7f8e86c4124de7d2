package result

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/redact"
)

// The settings that this package and the reports give a meaning to. A stage
// may carry any others.
const (
	KeyTarget         = "target"          // a style of ours, or the URL that was driven
	KeyBackend        = "backend"         // what the target waits for
	KeyBackendLatency = "backend_latency" // a duration, the mean of one wait
	KeyBackendDist    = "backend_dist"    // how that varies
	KeyBackendStall   = "backend_stall"   // LENGTH@OFFSET, where it answered nothing for a while
	KeyWait           = "wait"            // a duration, the same for every request: see Stage.Wait
	KeyLoad           = "load"            // closed, burst, constant or poisson
	KeyLevel          = "level"           // clients, or arrivals per second
	KeyRepeat         = "rep"             // which repeat this is, from 1
	KeyWorkers        = "workers"         // of a blocking target
	KeyQueue          = "queue"           // of a blocking target
	KeyDriver         = "driver"          // what generated the load
	KeyRequest        = "request_digest"  // of what is sent: equal where that is
	KeyWarmup         = "warmup"          // a duration, discarded
	KeyStage          = "stage"           // a duration, the measured window
	KeyThink          = "think"           // a duration, of the clients of a closed load
	KeyNewConnection  = "new_connection"  // true where each request has a connection of its own
	KeyTrace          = "trace"           // the file of the stage's trace, from the run folder, with slashes
	KeyArm            = "arm"             // of a comparison: base, candidate or control
	KeyPair           = "pair"            // of a comparison: which pair this belongs to, from 1
	KeySlice          = "slice"           // of a comparison: which slice of the pair this is, from 1
	KeyBrokerStore    = "broker_store"    // of a queue: where the broker keeps messages, file or memory
	KeyBrokerSync     = "broker_sync"     // of a queue: when the broker writes them to the disk for good
	KeyDiscarded      = "discarded"       // why this stage does not count; it was run again
	KeyDisturbed      = "disturbed"       // of a comparison: how the machine disturbed a slice that counts all the same
)

// Setting is one key=value of a stage.
type Setting struct{ Key, Value string }

// Settings are the settings of a stage in the order in which they are shown.
// Sweeps, tables and figures are groupings of stages by these.
type Settings []Setting

// Get returns the value of key, "" where it is not set.
func (s Settings) Get(key string) string {
	for _, kv := range s {
		if kv.Key == key {
			return kv.Value
		}
	}
	return ""
}

// With returns the settings with key set to value: in its place where it was
// set before, else at the end. The receiver is left as it was.
func (s Settings) With(key, value string) Settings {
	out := slices.Clone(s)
	for i := range out {
		if out[i].Key == key {
			out[i].Value = value
			return out
		}
	}
	return append(out, Setting{key, value})
}

// drivenKeys are the settings of how a target is driven that must be equal for
// two stages to be compared. Left out are those of which a comparison may be
// about or that follow from the machine or the target (spread, max_clients),
// lengths and what is drawn.
var drivenKeys = []string{
	KeyLoad, KeyDriver, "threads", "spin", "conns", "mix", "method", "body_bytes", KeyRequest, KeyNewConnection, "no_pin",
	"timeout", "drain", KeyThink, "reject_pause", "every", "arrivals",
}

// Driven are those of the settings that say how a target is driven: what is
// sent, by what, in which load. What the target is, is not among them.
func (s Settings) Driven() (out Settings) {
	for _, kv := range s {
		if slices.Contains(drivenKeys, kv.Key) {
			out = append(out, kv)
		}
	}
	return out
}

// DrivenUnlike names the first setting in which two stages were driven
// differently, with both values; "" where there is none. Records of earlier
// versions have neither a digest of the request nor the number of threads: one
// that is missing on one side says nothing.
func (s Settings) DrivenUnlike(o Settings) string {
	for _, key := range drivenKeys {
		a, b := s.Get(key), o.Get(key)
		if a != b && !((a == "" || b == "") && (key == KeyRequest || key == "threads")) {
			return fmt.Sprintf("%s is %q and %q", key, a, b)
		}
	}
	return ""
}

// Int returns the value of key as an integer, 0 where it is none.
func (s Settings) Int(key string) int {
	n, err := strconv.Atoi(s.Get(key))
	if err != nil {
		return 0
	}
	return n
}

// Duration returns the value of key as a duration, 0 where it is none.
func (s Settings) Duration(key string) time.Duration {
	d, err := time.ParseDuration(s.Get(key))
	if err != nil {
		return 0
	}
	return d
}

func (s Settings) String() string {
	var b strings.Builder
	for i, kv := range s {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(kv.Key + "=" + kv.Value)
	}
	return b.String()
}

// redacted are the settings without secrets, as far as their form tells them.
func (s Settings) redacted() Settings {
	out := slices.Clone(s)
	for i, kv := range out {
		if out[i].Value = redact.Text(kv.Value); redact.Secret(kv.Key) && kv.Value != "" {
			out[i].Value = redact.Mask
		}
	}
	return out
}

// MarshalJSON writes an object whose keys keep their order.
func (s Settings) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, kv := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		k, err := json.Marshal(kv.Key)
		if err != nil {
			return nil, err
		}
		v, err := json.Marshal(kv.Value)
		if err != nil {
			return nil, err
		}
		b.Write(k)
		b.WriteByte(':')
		b.Write(v)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// mostSettings is how many a stage may have: it has some thirty, and tables and
// captions look through all of them time and again.
const mostSettings = 1000

// UnmarshalJSON reads an object of strings and keeps the order of its keys. A
// key that comes twice is an error, and so are too many keys.
func (s *Settings) UnmarshalJSON(data []byte) error {
	var out Settings
	err := eachMember(data, func(key string, dec *json.Decoder) error {
		var value string
		if err := dec.Decode(&value); err != nil {
			return err
		}
		if out = append(out, Setting{key, value}); len(out) > mostSettings {
			return fmt.Errorf("is one of more than %d settings, the most that are read", mostSettings)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	*s = out
	return nil
}

func strictCounts(data []byte) (map[string]int64, error) {
	m := map[string]int64{}
	err := eachMember(data, func(key string, dec *json.Decoder) error {
		var n int64
		if err := dec.Decode(&n); err != nil {
			return err
		}
		m[key] = n
		return nil
	})
	return m, err
}

// eachMember calls member for each member of a JSON object in order; member
// decodes the value. The standard library's own decoding into a map would
// lose the order and let a repeated key pass.
func eachMember(data []byte, member func(key string, dec *json.Decoder) error) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil {
		return err
	} else if t != json.Delim('{') {
		return fmt.Errorf("want a JSON object, got %v", t)
	}
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		key := t.(string) // in an object the decoder yields nothing else here
		if seen[key] {
			return fmt.Errorf("key %q comes twice", key)
		}
		seen[key] = true
		if err := member(key, dec); err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
	}
	if _, err := dec.Token(); err != nil && err != io.EOF {
		return err
	}
	return nil
}
