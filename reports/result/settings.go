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

// The keys of the settings of a stage: the names of the flags, and a few words of the
// record's own. A stage may have others.
const (
	KeyTarget = "target" // a style of ours, or the URL that was driven

	// What the target waits for.
	KeyBackend            = "backend"
	KeyBackendURL         = "backend-url"
	KeyBackendDSN         = "backend-dsn"         // without password
	KeyBackendLatency     = "backend-latency"     // a duration, the mean of one wait
	KeyBackendDist        = "backend-dist"        // how that varies
	KeyBackendCV          = "backend-cv"          // by how much
	KeyBackendConnections = "backend-connections" // over which it is asked; absent where there is no limit
	KeyBackendStall       = "backend-stall"       // LENGTH@OFFSET, where it answered nothing for a while
	KeyInjectCPU          = "inject-cpu"          // a duration of CPU time per request
	KeyInjectDelay        = "inject-delay"        // DURATION@SHARE
	KeyWait               = "wait"                // a duration, the same for every request: see Stage.Wait

	// How the target is set up.
	KeyWorkers     = "workers" // of a blocking target
	KeyQueue       = "queue"   // of a blocking target: places in front of the workers
	KeyGRPCLimit   = "grpc-limit"
	KeyMaxInflight = "max-inflight"
	KeyConsumers   = "consumers"    // of a queue: how many work at once
	KeyBrokerStore = "broker-store" // of a queue: where the broker keeps messages, file or memory
	KeyBrokerSync  = "broker-sync"  // of a queue: when the broker writes them to the disk for good
	KeyThreads     = "threads"      // of the generator

	// How it is driven.
	KeyDriver          = "driver"           // what generated the load
	KeyLoad            = "load"             // the load model
	KeyLevel           = "level"            // clients, or arrivals per second
	KeyRamp            = "ramp"             // the rates of a ramp
	KeyArrivals        = "arrivals"         // poisson, constant or the name of a pattern
	KeyThinkTime       = "think-time"       // a duration
	KeyBackoff         = "backoff"          // a duration
	KeyRampUp          = "ramp-up"          // a duration
	KeyBurstInterval   = "burst-interval"   // a duration
	KeyDuration        = "duration"         // of the measured window
	KeyExtend          = "extend"           // up to how many times its duration a stage ran on
	KeyWarmup          = "warmup"           // a duration, discarded
	KeyTimeout         = "timeout"          // of a request
	KeyDrainTimeout    = "drain-timeout"    // a duration
	KeyMaxConnections  = "max-connections"  // of an open load
	KeyMaxWaiting      = "max-waiting"      // arrivals of an open load that wait for a connection
	KeyMaxLag          = "max-lag"          // a duration
	KeyNewConnection   = "new-connection"   // true where each request has a connection of its own
	KeyGRPCConnections = "grpc-connections" // that all clients share
	KeyHTTP            = "http"             // the version, where it is not 1.1; auto where the server says which
	KeyHTTPAgreed      = "http-agreed"      // the version, where the server said which
	KeyConnections     = "connections"      // of HTTP/2, that all clients share
	KeyStreams         = "streams"          // most requests at once on a connection of HTTP/2
	KeyNoPin           = "no-pin"
	KeySpin            = "spin"
	KeySeed            = "seed"
	KeyAgents          = "agents" // how many generators drove it together; absent where one did

	// What is sent.
	KeyMix       = "mix"
	KeyMethod    = "method"
	KeyBodyBytes = "body-bytes"
	KeyRequest   = "request-digest" // equal where what is sent is equal

	KeyRequestRows     = "request-rows"     // requests that a file has
	KeyRequestsSkipped = "requests-skipped" // lines of an access log that are not sent
	KeyDataRows        = "data-rows"        // rows of a table
	KeyScenario        = "scenario"         // the name of the sessions that clients have
	KeyStep            = "step"             // of a session, or SessionStep
	KeyDataEnd         = "data-end"         // what happens when they have been sent once

	// Over what it is sent.
	KeyUnixSocket = "unix-socket"
	KeyAddresses  = "addresses" // over which connections are spread, where there are several
	KeyInsecure   = "insecure"  // the server's certificate was not verified
	KeyServerName = "server-name"
	KeyTLSMax     = "tls-max"     // the highest version
	KeyTLSResume  = "tls-resume"  // true where a client may resume a session
	KeyTLS        = "tls"         // versions and ciphers that were used
	KeyTLSResumed = "tls-resumed" // true where sessions were resumed

	// What clients do with replies.
	KeyCookies = "cookies" // true where they keep cookies
	KeyFollow  = "follow"  // the most redirects that they follow for one arrival

	// What an event of a reply is that is a stream.
	KeyStream       = "stream"        // the kind of stream
	KeyStreamDone   = "stream-done"   // the event that ends one
	KeyStreamEvents = "stream-events" // after how many events the client ends one

	// What replies mean.
	KeyOKStatus       = "ok-status"       // the statuses of ok replies, where they are not the usual ones
	KeyRejectedStatus = "rejected-status" // those of rejections beside the usual ones

	// What the record says of itself.
	KeyRepeat    = "repeat"    // which repeat this is, from 1
	KeyTrace     = "trace"     // the file of the stage's trace, from the run folder, with slashes
	KeyArm       = "arm"       // of a comparison: base, candidate or control
	KeyPair      = "pair"      // of a comparison: which pair this belongs to, from 1
	KeyRound     = "round"     // of a comparison: which round of the pair this is, from 1
	KeyDiscarded = "discarded" // why this stage does not count; it was run again
	KeyDisturbed = "disturbed" // of a comparison: how the machine disturbed a stage that counts all the same
)

// SessionStep is the value of KeyStep of complete sessions.
const SessionStep = "session"

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

// drivenKeys are the settings of how a target is driven that must be equal for two
// stages to be compared. Left out are those that a comparison may be about or that
// follow from the machine or the target (ramp-up, max-connections), lengths, and what
// is drawn.
var drivenKeys = []string{
	KeyLoad, KeyDriver, KeyAgents, KeyThreads, KeySpin, KeyGRPCConnections, KeyHTTP, KeyHTTPAgreed, KeyConnections, KeyStreams,
	KeyMix, KeyMethod, KeyBodyBytes, KeyRequest, KeyScenario, KeyStep, KeyDataEnd,
	KeyCookies, KeyFollow, KeyStream, KeyStreamDone, KeyStreamEvents, KeyOKStatus, KeyRejectedStatus, KeyNewConnection, KeyNoPin,
	KeyTimeout, KeyDrainTimeout, KeyThinkTime, KeyBackoff, KeyBurstInterval, KeyArrivals,
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
		if a != b && !((a == "" || b == "") && (key == KeyRequest || key == KeyThreads)) {
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

// Redacted are the settings without the secrets that their form reveals.
func (s Settings) Redacted() Settings {
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
