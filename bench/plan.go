package bench

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/internal/arrivals"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/result"
)

// Load is the load on a target.
type Load = load.Load

// What a zero field of a Plan means, and what the command's flags default to.
const (
	DefaultDuration       = 3 * time.Second
	DefaultTimeout        = 10 * time.Second
	DefaultDrainTimeout   = 5 * time.Second
	DefaultBurstInterval  = time.Second
	DefaultMaxConnections = 10_000
	DefaultMaxWaiting     = 100_000
	// The command's defaults; a Plan's own zero means none of these.
	DefaultWarmup = 600 * time.Millisecond
	DefaultExtend = 3
	DefaultSeed   = 1
)

// maxExtend is the most that Extend may be.
const maxExtend = 1000

// mostWaiting is the most that MaxWaiting may be: some 80 MB.
const mostWaiting = 10_000_000

// Arrivals is a pattern of planned instants. It knows no clock: it says at which
// offsets from its start requests are to be sent, so a schedule can be computed,
// compared and tested without waiting.
type Arrivals interface {
	// Name is recorded with the stage.
	Name() string
	// Schedule returns a function that yields the offset of arrival number 0,
	// 1, 2 and so on, never decreasing and without end. Two schedules of the same
	// pattern and seed are the same.
	Schedule(seed uint64) func() time.Duration
}

// Plan is one stage: which load, and for how long. The zero value of a field is
// its default, or means none where so stated; the zero Plan is one client for
// DefaultDuration.
type Plan struct {
	Load   Load // its BurstInterval is DefaultBurstInterval where 0
	Repeat int  // which repeat this is, from 1; recorded, not used

	Warmup       time.Duration // driven before the measured window and discarded, once all clients have begun; may be 0
	Duration     time.Duration // of the measured window; DefaultDuration where 0
	Extend       int           // up to how many times its Duration a stage runs on until it has that much undisturbed time; never where 0
	DrainTimeout time.Duration // how long to wait for replies after the window; DefaultDrainTimeout where 0
	Timeout      time.Duration // for one request, from its actual send; DefaultTimeout where 0

	Pattern        Arrivals // open loads: another pattern in place of the load's own
	MaxConnections int      // open loads: most connections at once; where 0, DefaultMaxConnections or what this machine allows
	MaxWaiting     int      // open loads: most arrivals that wait for a free connection; DefaultMaxWaiting where 0

	// NewConnection makes a fresh connection for each request, so that the cost
	// of connecting shows. With HTTP, set its field of that name too: then the
	// requests say so.
	NewConnection bool

	// NoPin leaves the threads of a driver to the kernel; else each event loop is
	// confined to a CPU of its own, where there are enough.
	NoPin bool

	Seed   uint64        // of everything drawn at random
	MaxLag time.Duration // bound on the generator's lag; where 0, in open loads the larger of 1 ms and 1 % of the median time from send to reply; in others on what it adds to a percentile of latency, the larger of 20 µs and 2 % (burst: 10 %)

	// TargetPID is the target's process, whose CPU and memory are measured; 0
	// where unknown. It may be this process: then the heap objects that are
	// allocated are counted too, the CPU time of the generator's event loops is
	// taken off, and with a driver that has none the target's CPU time is not
	// known. Memory, threads and descriptors are those of both together.
	TargetPID int

	// Wait is what each request is known to wait for, the same for all, whatever
	// the target does: a simulated database, a call to another service. Latency
	// less Wait is the target's own overhead. 0 where it is not known, or varies.
	Wait time.Duration

	// Share is the part of the load that this generator drives, where several drive it
	// together. MaxConnections and MaxWaiting are those of all of them.
	Share Share

	// StartAt, where not nil, is called once the connections are made. It may wait, and
	// returns the instant at which the stage starts, by package clock: not before now.
	StartAt func() time.Duration `json:"-"`

	// Settings are stored with the stage, before the plan's own.
	Settings result.Settings

	// Observer, where not nil, is called for each request of the measured window.
	Observer Observer

	// Watch, where not nil, is called up to four times a second with what has ended since
	// the last call. It must be quick: what it takes, the generator does not have.
	Watch func(Live) `json:"-"`

	// Abort, where not nil, is called like Watch. Once it returns true the window ends: the
	// stage is shorter than planned.
	Abort func(Live) bool `json:"-"`
}

// withDefaults fills in the defaults.
func (p Plan) withDefaults() Plan {
	l := &p.Load
	switch l.Model() {
	case load.Closed:
		l.Clients = max(1, l.Clients)
		l.Backoff = max(l.Backoff, l.ThinkTime)
	case load.Burst:
		setZero(&l.BurstInterval, DefaultBurstInterval)
	}
	setZero(&p.Repeat, 1)
	setZero(&p.Duration, DefaultDuration)
	setZero(&p.DrainTimeout, DefaultDrainTimeout)
	setZero(&p.Timeout, DefaultTimeout)
	ends := 1
	if p.inProcess() {
		ends = 2
	}
	setZero(&p.MaxConnections, min(max(1, min(DefaultMaxConnections, host.MaxConnections()/ends))*p.Share.of(), load.MaxClients))
	setZero(&p.MaxWaiting, DefaultMaxWaiting)
	return p
}

// drivenBy is the plan as a driver drives it: finite data is over when it is over.
func (p Plan) drivenBy(d Driver) Plan {
	p = p.withDefaults()
	if d.Settings().Get(result.KeyDataEnd) == DataStop {
		p.Extend = 0
	}
	return p
}

func setZero[T comparable](field *T, def T) {
	var zero T
	if *field == zero {
		*field = def
	}
}

// Validate is a [*field.Error] that names the first field that is out of range.
func (p Plan) Validate() error {
	whole := func(name string, rate float64) error {
		return field.Check(rate == math.Trunc(rate), name, rate, "a whole number, as levels are recorded as such")
	}
	if err := field.In("Load", field.First(p.Load.Validate(), whole("Rate", p.Load.Rate), whole("Ramp.To", p.Load.Ramp.To))); err != nil {
		return err
	}
	duration := func(name string, d time.Duration) error {
		return field.Check(d >= 0 && d <= load.MaxDuration, name, d, fmt.Sprintf("0 to %v", load.MaxDuration))
	}
	count := func(name string, n, least, most int) error {
		return field.Check(n >= least && n <= most, name, n, fmt.Sprintf("%d to %d", least, most))
	}
	p = p.withDefaults()
	if err := field.First(
		duration("Warmup", p.Warmup), duration("Duration", p.Duration), duration("DrainTimeout", p.DrainTimeout),
		duration("Timeout", p.Timeout), duration("MaxLag", p.MaxLag), duration("Wait", p.Wait),
		count("MaxConnections", p.MaxConnections, 1, load.MaxClients), count("MaxWaiting", p.MaxWaiting, 0, mostWaiting),
		count("Extend", p.Extend, 0, maxExtend),
		field.Check(p.Repeat >= 1, "Repeat", p.Repeat, "1 or more"),
		field.Check(p.TargetPID >= 0, "TargetPID", p.TargetPID, "the id of a process"),
		field.Check(p.Pattern == nil || p.Load.Model().Open(), "Pattern", p.Pattern, "left out, for the load is "+p.Load.String()),
		field.Check(p.Load.Model() != load.Replay || p.Pattern != nil, "Load.Arrivals", p.Load.Arrivals, "poisson or constant"),
		p.Share.validate(p),
	); err != nil {
		return err
	}
	if v, ok := p.Pattern.(interface{ Validate() error }); ok {
		return field.In("Pattern", v.Validate())
	}
	return nil
}

// extends reports whether the stage runs on where the machine disturbed it. A ramp, a
// pattern and a planned stall of the backend are over when they are over.
func (p Plan) extends() bool {
	return p.Extend > 1 && p.Load.Model() != load.Ramp && p.Pattern == nil && p.Settings.Get(result.KeyBackendStall) == ""
}

// longest is how long the window of a stage that is extended may be.
func (p Plan) longest() time.Duration { return time.Duration(p.Extend) * p.Duration }

// Lead is the time from the start of a stage to that of its measured window.
func (p Plan) Lead() time.Duration { return p.Load.RampUp + p.Warmup }

// Begins is when client i of a closed load, from 0, of the plan's share, sends its first
// request, from the start of the stage on: the clients begin evenly over the load's RampUp.
func (p Plan) Begins(i int) time.Duration {
	n, at := time.Duration(max(1, p.Load.Clients)), time.Duration(p.Share.Number(uint64(i)))
	over := p.Load.RampUp
	return over/n*at + over%n*at/n // the product of the two may be too large
}

// Schedule returns a function that yields the planned offsets of the plan's share from
// the start of the stage, one after another and without end. It is nil for a closed load, whose
// requests follow the replies. A ramp begins to rise with the measured window.
func (p Plan) Schedule() func() time.Duration {
	p = p.withDefaults()
	var pattern interface {
		Schedule(seed uint64) func() time.Duration
	}
	l := p.Load
	switch m := l.Model(); {
	case m == load.Closed:
		return nil
	case p.Pattern != nil:
		pattern = p.Pattern
	case m == load.Burst:
		return arrivals.Burst{Clients: p.Clients(), Interval: l.BurstInterval}.Schedule(p.Seed)
	case m == load.Constant:
		pattern = arrivals.Constant{Rate: l.Rate}
	case m == load.Ramp:
		pattern = arrivals.Ramp{From: l.Ramp.From, To: l.Ramp.To, Hold: p.Warmup, Over: p.Duration, Random: l.Arrivals != load.Constant}
	default:
		pattern = arrivals.Poisson{Rate: l.Rate}
	}
	return arrivals.Share(pattern.Schedule(p.Seed), p.Share.Part, p.Share.of())
}

// Planned is how many arrivals of the plan's share the schedule has in a measured window
// of a length, of those with numbers below most where that is not 0. It is 0 for a closed
// load, which has no schedule.
func (p Plan) Planned(length time.Duration, most uint64) (n int64) {
	next, numbers := p.Schedule(), p.Numbers()
	if next == nil {
		return 0
	}
	p = p.withDefaults()
	for at := next(); at < p.Lead()+length && (most == 0 || numbers() < most); at = next() {
		if at >= p.Lead() {
			n++
		}
	}
	return n
}

// MostConnections is the most connections that the plan's share may hold at once.
func (p Plan) MostConnections() int {
	if p.Load.Model().Open() {
		return p.Share.Out(p.withDefaults().MaxConnections)
	}
	return p.Clients()
}

// MostWaiting is the most arrivals of the plan's share that wait for a free connection.
func (p Plan) MostWaiting() int { return p.Share.Out(p.withDefaults().MaxWaiting) }

// settings are the settings that are stored with the stage.
func (p Plan) settings(d Driver) result.Settings {
	s := p.Settings
	add := func(key, value string) { s = s.With(key, value) }
	model := p.Load.Model()
	add(result.KeyLoad, string(model))
	add(result.KeyLevel, strconv.FormatFloat(p.Load.Level(), 'f', -1, 64))
	add(result.KeyDriver, d.Name())
	for _, kv := range d.Settings() {
		add(kv.Key, kv.Value)
	}
	add(result.KeyRepeat, strconv.Itoa(p.Repeat))
	add(result.KeyWarmup, p.Warmup.String())
	add(result.KeyDuration, p.Duration.String())
	add(result.KeyTimeout, p.Timeout.String())
	add(result.KeyDrainTimeout, p.DrainTimeout.String())
	switch {
	case model == load.Closed:
		add(result.KeyThinkTime, p.Load.ThinkTime.String())
		add(result.KeyBackoff, p.Load.Backoff.String())
		add(result.KeyRampUp, p.Load.RampUp.String())
	case model == load.Burst:
		add(result.KeyBurstInterval, p.Load.BurstInterval.String())
	default:
		if model == load.Ramp {
			law := load.Poisson
			if p.Load.Arrivals == load.Constant {
				law = load.Constant
			}
			add(result.KeyRamp, p.Load.Ramp.String())
			add(result.KeyArrivals, string(law))
		}
		if p.Pattern != nil {
			add(result.KeyArrivals, p.Pattern.Name())
		}
		add(result.KeyMaxConnections, strconv.Itoa(p.MaxConnections))
		add(result.KeyMaxWaiting, strconv.Itoa(p.MaxWaiting))
	}
	if p.Extend > 1 {
		add(result.KeyExtend, strconv.Itoa(p.Extend))
	}
	if p.NewConnection {
		add(result.KeyNewConnection, "true")
	}
	if p.NoPin {
		add(result.KeyNoPin, "true")
	}
	if p.Wait > 0 {
		add(result.KeyWait, p.Wait.String())
	}
	if p.MaxLag > 0 {
		add(result.KeyMaxLag, p.MaxLag.String())
	}
	add(result.KeySeed, strconv.FormatUint(p.Seed, 10))
	return s
}
