package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/result"
)

// Load is a load model: what makes the next request come.
type Load string

// The load models.
const (
	// LoadClosed is N clients, each of which sends when its last reply is in and
	// its think time has passed.
	LoadClosed Load = "closed"
	// LoadBurst is N clients that send at the same instant, wave after wave.
	LoadBurst Load = "burst"
	// LoadConstant is arrivals at a steady rate, whatever the server does.
	LoadConstant Load = "constant"
	// LoadPoisson is arrivals at random with a given mean rate, whatever the
	// server does.
	LoadPoisson Load = "poisson"
)

// Loads lists the load models.
var Loads = []Load{LoadClosed, LoadBurst, LoadConstant, LoadPoisson}

// Open reports whether requests come by the clock, not by the replies.
func (l Load) Open() bool { return result.OpenLoad(string(l)) }

// What a zero field of a Plan means, and what the command's flags default to.
const (
	DefaultTimeout        = 10 * time.Second
	DefaultDrainTimeout   = 5 * time.Second
	DefaultBurstInterval  = time.Second
	DefaultMaxConnections = 10_000
	DefaultMaxWaiting     = 100_000
	DefaultMinLag         = time.Millisecond // the least bound on lag
	// The command's defaults; a Plan's own zero means none of these.
	DefaultDuration = 3 * time.Second
	DefaultWarmup   = 600 * time.Millisecond
	DefaultSeed     = 1
)

// Bounds of a Plan.
const (
	// MaxTime is the longest of each duration: sums of all of them, from any
	// instant of the clock on, stay far below what a Duration holds.
	MaxTime = 30 * 24 * time.Hour
	// MaxLevel is the most clients, also where they share connections.
	MaxLevel = 1_000_000
	// MostWaiting is the most that MaxWaiting may be: some 80 MB.
	MostWaiting = 10_000_000
)

// Plan is one stage to be run: what load, how much of it, for how long.
// The zero value of a field is its default, or means none where so stated.
type Plan struct {
	Load   Load // LoadClosed where empty
	Level  int  // clients (closed, burst) or arrivals per second (constant, poisson); at least 1
	Repeat int  // which repeat this is, from 1; stored, not used

	Warmup       time.Duration // driven before the measured window and discarded, once all clients have begun; may be 0
	Duration     time.Duration // of the measured window; above 0. Of this and all durations: up to MaxTime
	DrainTimeout time.Duration // how long to wait for replies after the window; DefaultDrain where 0
	Timeout      time.Duration // for one request, from its actual send; DefaultTimeout where 0

	Think       time.Duration // closed: from a reply to the client's next request; may be 0
	RejectPause time.Duration // closed: in place of Think after anything but ok; may be 0, and is not below Think
	Spread      time.Duration // closed: the clients begin evenly over it, before the warm-up; may be 0
	Every       time.Duration // burst: from one wave to the next; DefaultEvery where 0

	Pattern        Arrivals // constant, poisson: another pattern in place of the load's own
	MaxConnections int      // constant, poisson: most connections at once; where 0, DefaultMaxClients or what this machine allows
	MaxWaiting     int      // constant, poisson: most arrivals that wait for a free connection; DefaultMaxWaiting where 0

	// NewConnection makes a fresh connection for each request, so that the cost
	// of connecting shows. With HTTP, set its field of that name too: then the
	// server is told.
	NewConnection bool

	// NoPin leaves the threads of a driver to the kernel; else each event loop is
	// confined to a CPU of its own, where there are enough.
	NoPin bool

	Seed   uint64        // of everything drawn at random
	MaxLag time.Duration // bound on the generator's lag; where 0, by the rule of LagBound

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

	// Settings are stored with the stage, before the plan's own.
	Settings result.Settings

	// Observer is told of each request of the measured window; nil: nobody is.
	Observer Observer
}

// withDefaults fills in the defaults.
func (p Plan) withDefaults() Plan {
	setZero(&p.Load, LoadClosed)
	setZero(&p.Repeat, 1)
	setZero(&p.DrainTimeout, DefaultDrainTimeout)
	setZero(&p.Timeout, DefaultTimeout)
	setZero(&p.Every, DefaultBurstInterval)
	setZero(&p.MaxConnections, min(DefaultMaxConnections, host.MaxConnections()))
	setZero(&p.MaxWaiting, DefaultMaxWaiting)
	p.RejectPause = max(p.RejectPause, p.Think)
	return p
}

func setZero[T comparable](field *T, def T) {
	var zero T
	if *field == zero {
		*field = def
	}
}

// Validate says what is wrong with the plan, naming the field.
func (p Plan) Validate() error {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"stage", p.Duration}, {"warmup", p.Warmup}, {"drain", p.DrainTimeout}, {"timeout", p.Timeout}, {"think", p.Think},
		{"reject-pause", p.RejectPause}, {"spread", p.Spread}, {"every", p.Every}, {"max-lag", p.MaxLag}, {"wait", p.Wait},
	} {
		if d.value < 0 || d.value > MaxTime {
			return fmt.Errorf("%s is %v, want 0 to %v", d.name, d.value, MaxTime)
		}
	}
	p = p.withDefaults()
	switch {
	case !slices.Contains(Loads, p.Load):
		return fmt.Errorf("load is %q, want closed, burst, constant or poisson", p.Load)
	case p.Level < 1:
		return fmt.Errorf("level is %d, want at least 1", p.Level)
	case p.Load.Open() && p.Level > maxRate:
		return fmt.Errorf("level is %d arrivals per second, want at most %g", p.Level, maxRate)
	case !p.Load.Open() && p.Level > MaxLevel:
		return fmt.Errorf("level is %d clients, want at most %d", p.Level, MaxLevel)
	case p.Duration <= 0:
		return fmt.Errorf("stage is %v, want more than 0, up to %v", p.Duration, MaxTime)
	case p.Repeat < 1:
		return fmt.Errorf("rep is %d, want at least 1", p.Repeat)
	case p.TargetPID < 0:
		return fmt.Errorf("pid is %d, want that of a process", p.TargetPID)
	case p.Pattern != nil && !p.Load.Open():
		return fmt.Errorf("arrivals %s cannot go with load %s, only with constant and poisson", p.Pattern.Name(), p.Load)
	case p.Pattern != nil && validate(p.Pattern) != nil:
		return fmt.Errorf("arrivals %s: %w", p.Pattern.Name(), validate(p.Pattern))
	case p.MaxConnections < 1 || p.MaxConnections > MaxLevel:
		return fmt.Errorf("max-clients is %d, want 1 to %d", p.MaxConnections, MaxLevel)
	case p.MaxWaiting < 0 || p.MaxWaiting > MostWaiting:
		return fmt.Errorf("max-waiting is %d, want 0 to %d", p.MaxWaiting, MostWaiting)
	}
	return nil
}

// validate asks a pattern what is wrong with it, where it can tell.
func validate(a Arrivals) error {
	if v, ok := a.(interface{ Validate() error }); ok {
		return v.Validate()
	}
	return nil
}

// lead is the time from the start of a stage to that of its measured window.
func (p Plan) lead() time.Duration {
	if p.Load == LoadClosed {
		return p.Spread + p.Warmup
	}
	return p.Warmup
}

// Begins is when client i of a closed load, from 0, sends its first request, from
// the start of the stage on: the clients begin evenly over Spread.
func (p Plan) Begins(i int) time.Duration {
	n, at := time.Duration(max(1, p.Level)), time.Duration(i)
	return p.Spread/n*at + p.Spread%n*at/n // the product of Spread and i may be too large
}

// Arrivals is the pattern by which requests come, nil for a closed load.
func (p Plan) Arrivals() Arrivals {
	switch {
	case p.Pattern != nil:
		return p.Pattern
	case p.Load == LoadBurst:
		return Burst{p.Level, p.Every}
	case p.Load == LoadConstant:
		return Constant{float64(p.Level)}
	case p.Load == LoadPoisson:
		return Poisson{float64(p.Level)}
	}
	return nil
}

// MostConnections is the most connections that the plan may hold at once.
func (p Plan) MostConnections() int {
	p = p.withDefaults()
	if p.Load.Open() {
		return p.MaxConnections
	}
	return p.Level
}

// settings are the settings that are stored with the stage.
func (p Plan) settings(d Driver) result.Settings {
	s := p.Settings
	add := func(key, value string) { s = s.With(key, value) }
	add(result.KeyLoad, string(p.Load))
	add(result.KeyLevel, strconv.Itoa(p.Level))
	add(result.KeyDriver, d.Name())
	if c, ok := d.(Configured); ok {
		for _, kv := range c.Settings() {
			add(kv.Key, kv.Value)
		}
	}
	add(result.KeyRepeat, strconv.Itoa(p.Repeat))
	add(result.KeyWarmup, p.Warmup.String())
	add(result.KeyStage, p.Duration.String())
	add("timeout", p.Timeout.String())
	add("drain", p.DrainTimeout.String())
	switch p.Load {
	case LoadClosed:
		add(result.KeyThink, p.Think.String())
		add("reject_pause", p.RejectPause.String())
		add("spread", p.Spread.String())
	case LoadBurst:
		add("every", p.Every.String())
	default:
		add("arrivals", p.Arrivals().Name())
		add("max_clients", strconv.Itoa(p.MaxConnections))
		add("max_waiting", strconv.Itoa(p.MaxWaiting))
	}
	if p.NewConnection {
		add(result.KeyNewConnection, "true")
	}
	if p.NoPin {
		add("no_pin", "true")
	}
	if p.Wait > 0 {
		add(result.KeyWait, p.Wait.String())
	}
	if p.MaxLag > 0 {
		add("max_lag", p.MaxLag.String())
	}
	add("seed", strconv.FormatUint(p.Seed, 10))
	return s
}

// ParseLevels reads a comma-separated list of rising levels, each a whole
// number of at least 1, like 1,50,100.
func ParseLevels(text string) ([]int, error) {
	var levels []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a level: want whole numbers of at least 1, separated by commas, like 1,50,100", part)
		}
		if len(levels) > 0 && n <= levels[len(levels)-1] {
			return nil, fmt.Errorf("%d comes after %d: levels must rise", n, levels[len(levels)-1])
		}
		levels = append(levels, n)
	}
	return levels, nil
}
