package targets

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/backend/sim"
)

// setting is a value of Options as a report shows it.
type setting struct {
	key   string
	value func(Options) string // of options with their defaults filled in

	// special means that the setting is for the styles and backends that list it in
	// their Uses. Any other one is for all of them.
	special bool

	zero bool // the setting is shown where it is 0, too
}

// Settings of single styles.
const (
	keyLoops         = "loops"
	keyStreamServer  = "stream-server"
	keyOrderEvents   = "order-events"
	keyEventInterval = "event-interval"
)

// settings lists all settings in the order in which they are shown.
var settings = []setting{
	{key: result.KeyBackend, value: func(o Options) string { return o.Backend }},
	{key: result.KeyBackendURL, special: true, value: func(o Options) string { return redact.URL(o.BackendURL) }},
	{key: result.KeyBackendLatency, value: func(o Options) string { latency, _ := o.backendWait(); return latency.String() }},
	{key: result.KeyBackendDist, special: true, value: func(o Options) string { return string(cmp.Or(o.Sim.Dist, sim.DefaultDist)) }},
	{key: result.KeyBackendCV, special: true, value: func(o Options) string {
		if o.Sim.Dist == sim.Lognormal {
			return fmt.Sprint(cmp.Or(o.Sim.CV, sim.DefaultCV))
		}
		return fmt.Sprint(o.Sim.CV)
	}},
	{key: result.KeyBackendConnections, value: func(o Options) string {
		_, conns := o.backendWait()
		return strconv.Itoa(cmp.Or(conns, o.Sim.Connections))
	}},
	{key: result.KeyBackendDSN, special: true, value: func(o Options) string { return o.Postgres.Server() }},
	{key: result.KeyBackendStall, special: true, value: func(o Options) string { return o.Sim.Stall.String() }},
	{key: result.KeyInjectCPU, value: func(o Options) string { return o.Inject.CPU.String() }},
	{key: result.KeyInjectDelay, value: func(o Options) string { return o.Inject.Delay.String() }},
	{key: result.KeyWorkers, special: true, zero: true, value: func(o Options) string { return strconv.Itoa(o.Workers) }},
	{key: result.KeyQueue, special: true, zero: true, value: func(o Options) string { return strconv.Itoa(o.Queue) }},
	{key: result.KeyGRPCLimit, special: true, zero: true, value: func(o Options) string { return o.GRPCLimit }},
	{key: result.KeyMaxInflight, special: true, zero: true, value: func(o Options) string { return strconv.Itoa(o.MaxInflight) }},
	{key: keyLoops, special: true, zero: true, value: func(o Options) string { return strconv.Itoa(o.Loops) }},
	{key: keyStreamServer, special: true, value: func(o Options) string { return o.Stream.WithDefaults().Server }},
	{key: keyOrderEvents, special: true, value: func(o Options) string { return strconv.Itoa(o.Stream.WithDefaults().Events) }},
	{key: keyEventInterval, special: true, value: func(o Options) string { return o.Stream.WithDefaults().Interval.String() }},
	{key: "seed", value: func(o Options) string { return strconv.FormatUint(o.Sim.Seed, 10) }},
	{key: "broker", special: true, value: func(o Options) string { return cmp.Or(redact.Servers(o.Queued.Broker), "own") }},
	{key: result.KeyBrokerStore, special: true, value: func(o Options) string { return o.Queued.Streams.WithDefaults().Store }},
	{key: result.KeyBrokerSync, special: true, value: func(o Options) string { return o.Queued.Streams.EffectiveSync() }},
	{key: "broker-limit", special: true, value: func(o Options) string { return fmt.Sprintf("%dMiB", o.Queued.Streams.WithDefaults().Limit>>20) }},
	{key: "stream-orders", special: true, value: func(o Options) string { return strconv.FormatInt(o.Queued.Streams.WithDefaults().Orders, 10) }},
	{key: result.KeyConsumers, special: true, value: func(o Options) string { return strconv.Itoa(o.Queued.consumers()) }},
	{key: "ack-wait", special: true, value: func(o Options) string { return o.Queued.ackWait().String() }},
}

// ownBroker lists what is known only of a broker and a payment service that are
// started with their target.
var ownBroker = []string{result.KeyBrokerStore, result.KeyBrokerSync, "broker-limit", "stream-orders", result.KeyConsumers, "ack-wait"}

// Settings lists the effective settings that mean something to at least one of
// the styles, and to the backend. They contain no password.
func (o Options) Settings(styles ...Style) (out result.Settings) {
	loops := o.Loops
	o = o.withDefaults()
	o.Loops = loops // 0: the number of CPUs is not a setting
	b, _ := FindBackend(o.Backend)
	uses := slices.Clone(b.Uses)
	for _, s := range styles {
		for _, key := range s.uses(o) {
			workers, _ := s.room(o)
			switch {
			case workers == 0 && (key == result.KeyWorkers || key == result.KeyQueue): // there is no pool
			case o.Queued.Broker != "" && slices.Contains(ownBroker, key):
			default:
				uses = append(uses, key)
			}
		}
	}
	for _, s := range settings {
		if s.special && !slices.Contains(uses, s.key) {
			continue
		}
		if value := s.value(o); s.zero || inUse(value) {
			out = append(out, result.Setting{Key: s.key, Value: value})
		}
	}
	return out
}

// inUse reports whether a setting's value switches something on.
func inUse(value string) bool {
	n, err := strconv.ParseFloat(value, 64)
	return value != "" && value != "0s" && (err != nil || n != 0)
}

// backendWait is how long a call of the backend takes, and over how many
// connections.
func (o Options) backendWait() (latency time.Duration, conns int) {
	b, err := FindBackend(o.Backend)
	if err != nil {
		return 0, 0
	}
	return b.wait(o)
}
