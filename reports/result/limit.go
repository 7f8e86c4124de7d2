package result

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/units"
)

// Limiter is who or what set the pace of a stage.
type Limiter string

// The limiters.
const (
	NoLimit        Limiter = "none" // all of the load was served without delay
	ServerCPU      Limiter = "server CPU"
	Pool           Limiter = "pool" // the server's workers or places
	Backend        Limiter = "backend"
	Inside         Limiter = "server" // its CPU, pool or backend: which of them is not known
	Generator      Limiter = "generator"
	OtherProcesses Limiter = "other processes" // that took the CPU
	Machine        Limiter = "machine"         // the hypervisor took the CPU
	UnknownLimit   Limiter = "unknown"
)

// Limit is who set the pace of a stage, with the figure that shows it.
type Limit struct {
	Who  Limiter `json:"who"`
	Used float64 `json:"used,omitzero"` // CPUs or places, the mean over the window
	Of   float64 `json:"of,omitzero"`   // how many there are; 0 where that is not known
	Why  string  `json:"why"`
}

// String is who it was, and the figure: server CPU 0.97 of 1.
func (l Limit) String() string {
	switch {
	case l.Used == 0:
		return string(l.Who)
	case l.Of == 0:
		return fmt.Sprintf("%s %.3g", l.Who, l.Used)
	}
	return fmt.Sprintf("%s %.3g of %.4g", l.Who, l.Used, l.Of)
}

// Explained is String and why: server CPU 0.97 of 1 (the server used 0.97 of 1 CPUs).
func (l Limit) Explained() string { return fmt.Sprintf("%s (%s)", l, l.Why) }

// Short is String for tables: CPU 0.97/1.
func (l Limit) Short() string {
	return strings.NewReplacer("server CPU", "CPU", "other processes", "others", " of ", "/").Replace(l.String())
}

// MarshalJSON writes no more digits than are known.
func (l Limit) MarshalJSON() ([]byte, error) {
	type plain Limit
	l.Used, _ = strconv.ParseFloat(fmt.Sprintf("%.4g", l.Used), 64)
	return json.Marshal(plain(l))
}

const (
	fullCPU       = 0.9  // the share of its CPUs from which they were the limit
	fullGenerator = 0.8  // as above, of the generator, which must be on time
	fullPool      = 0.95 // the share of the places that are taken
	taken         = 0.2  // the share of the CPUs from which others that took it are named
	unserved      = 0.01 // the share of arrivals from which the server did not keep up
	unslowed      = 1.1  // up to this factor a service takes as long as the backend
	slower        = 1.5  // by this factor the mean latency is above that of an idle server
)

// Limit is who set the pace of the stage. idle is a stage of the same target at a lower
// level, whose latency is that of a server without a queue; nil where there is none.
//
// CPUs come first: a pool that is full because the CPU is slow is no limit of its own.
// How many places are taken follows from Little's law, as requests served per second ×
// the time that each occupies a place.
func (s *Stage) Limit(idle *Stage) Limit {
	if s.Length <= 0 || s.Counts.Planned() == 0 {
		return Limit{Who: UnknownLimit, Why: "there was no arrival"}
	}
	base, known := s.Wait()
	of := "what each waits for"
	if idle != nil && idle.Shown().Latency.N() > 0 {
		base, known, of = idle.Shown().Latency.Mean(), true, "the mean latency at the lowest level"
	}
	kept := 1-s.Share(OK) <= unserved
	delayed := known && float64(s.Shown().Latency.Mean()) > slower*float64(base)
	cpu, busy := s.cpuLimit()
	pool, full := s.poolLimit()
	switch others := cpu.Who == Machine || cpu.Who == OtherProcesses; {
	// Others that take CPU are no limit where the server does not need it.
	case busy && others && full && float64(s.Target.ServiceTime.Mean) < unslowed*float64(s.Settings.Duration(KeyBackendLatency)):
		return pool
	case busy && (!others || !kept || delayed || !known):
		return cpu
	case full:
		return pool
	}
	if l, ok := s.generatorLimit(); ok {
		return l
	}
	switch {
	case known && (!kept || delayed):
		l := Limit{Who: Inside, Used: s.Goodput() * base.Seconds()}
		l.Why = fmt.Sprintf("it worked on %.3g requests at once (%s ok × %s, %s), and %s", l.Used, units.Rate.Text(s.Goodput()), units.Duration(base), of, s.cpuWords())
		if s.Target.CPU > 0 {
			l.Who = Pool
		}
		return l
	case !kept:
		return Limit{Who: Inside, Why: units.Percent(1-s.Share(OK)) + " of the arrivals were not served, and " + s.cpuWords()}
	case !known && !OpenLoad(s.Load()):
		return Limit{Who: UnknownLimit, Why: "there is no lower level to compare with"}
	}
	return Limit{Who: NoLimit, Why: "all of the load was served without delay: more would show the limit"}
}

// cpuWords says how much CPU the target used.
func (s *Stage) cpuWords() string {
	if s.Target.CPU == 0 {
		return "its CPU time is not known"
	}
	return fmt.Sprintf("used %.2g of %.4g CPUs", s.Target.CPU.Seconds()/s.Length.Seconds(), s.Target.MayUse(len(ParseCPUs(s.Target.CPUs))))
}

// cpuLimit is whoever had the CPUs of the target or of the generator, where they were
// busy all the time. Other processes at a lower priority do not count: they give way.
func (s *Stage) cpuLimit() (Limit, bool) {
	for _, side := range []struct {
		who, beside Limiter
		own, other  Usage
	}{{ServerCPU, Generator, s.Target, s.Generator}, {Generator, ServerCPU, s.Generator, s.Target}} {
		cpus := ParseCPUs(side.own.CPUs)
		may, of := side.own.MayUse(len(cpus)), ParseCPUs(side.other.CPUs)
		share := func(d time.Duration) float64 { return d.Seconds() / s.Length.Seconds() }
		own, steal, shared := share(side.own.Busy()), share(side.own.Steal), 0.0
		if slices.ContainsFunc(cpus, func(cpu int) bool { return slices.Contains(of, cpu) }) {
			shared = share(side.other.CPU)
		}
		others := max(0, share(side.own.CPUsBusy-side.own.CPU)-shared)
		if may <= 0 || side.own.CPU+side.other.CPU == 0 || own+steal+shared+others < fullCPU*may {
			continue
		}
		l := Limit{Who: side.who, Used: own, Of: may}
		switch {
		case side.who == Generator && s.Valid() && max(steal, others) >= taken*may: // it was on time
			continue
		case max(steal, others) >= taken*may && steal >= others:
			l.Who, l.Used = Machine, steal
			l.Why = fmt.Sprintf("the hypervisor took %.2g CPUs away (steal) from the %s", steal, side.who.process())
		case others >= taken*may:
			l.Who, l.Used = OtherProcesses, others
			l.Why = fmt.Sprintf("other processes took %.2g CPUs from the %s", others, side.who.process()) + s.NameOthers()
			if b := s.Settings.Get(KeyBackend); side.who == ServerCPU && (b == "http" || b == "grpc") && s.Settings.Get(KeyBackendURL) == "" {
				l.Why += "; its backend is one of them"
			}
		case shared > own:
			l.Who, l.Used = side.beside, shared
		}
		if l.Why == "" {
			l.Why = fmt.Sprintf("the %s used %.2g of %.4g CPUs", l.Who.process(), l.Used, may)
		}
		return l, true
	}
	return Limit{}, false
}

// process is who has the CPU time.
func (l Limiter) process() string {
	if l == ServerCPU {
		return "server"
	}
	return string(l)
}

// poolLimit is the limit that one of our servers was set, where it is reached.
func (s *Stage) poolLimit() (Limit, bool) {
	set, inside, rate := s.Settings, s.Target.ServiceTime.Mean, s.Goodput()
	wait := set.Duration(KeyBackendLatency)
	if inside == 0 {
		inside = wait
	}
	if c := s.Completion; c != nil {
		inside, rate = wait, float64(c.Completed())/s.Length.Seconds()
	}
	for _, p := range []struct {
		who  Limiter
		key  string
		name string
		each time.Duration // that a request occupies a place
	}{
		{Backend, KeyBackendConnections, "backend connections", wait},
		{Pool, KeyWorkers, "workers", inside},
		{Pool, KeyMaxInflight, "places", inside},
		{Pool, KeyConsumers, "consumers", inside},
	} {
		of := float64(set.Int(p.key))
		busy := min(rate*p.each.Seconds(), of)
		left := s.Completion == nil && s.RejectedShare() > unserved && p.who == Pool
		// With gRPC a connection carries any number of calls.
		if of == 0 || p.each == 0 || busy < fullPool*of && !left || p.who == Backend && set.Get(KeyBackend) == "grpc" {
			continue
		}
		why := fmt.Sprintf("%.4g of %.4g %s were busy (%s × %s each)", busy, of, p.name, units.Rate.Text(rate), units.Duration(p.each))
		if left {
			why += fmt.Sprintf(", %s of the arrivals were rejected", units.Percent(s.RejectedShare()))
		}
		return Limit{p.who, busy, of, why}, true
	}
	return Limit{}, false
}

// generatorLimit is the generator, where it could not send what was planned.
func (s *Stage) generatorLimit() (Limit, bool) {
	for i, l := range s.Generator.Loops {
		if busy := l.Busy().Seconds() / s.Length.Seconds(); busy > fullGenerator {
			return Limit{Generator, busy, 1, fmt.Sprintf("loop %d of %d of the generator used %.2g of 1 CPU", i+1, len(s.Generator.Loops), busy)}, true
		}
	}
	used, may := s.Generator.Busy().Seconds()/s.Length.Seconds(), s.Generator.MayUse(len(ParseCPUs(s.Generator.CPUs)))
	if n := s.Counts[Unsent]; n > 0 {
		return Limit{Generator, 0, 0, fmt.Sprintf("the generator could not send %s of the arrivals", units.Percent(s.Share(Unsent)))}, true
	}
	return Limit{Generator, used, may, fmt.Sprintf("the generator used %.2g of %.4g CPUs", used, may)}, may > 0 && used > fullGenerator*may
}

// Busy is the CPU time without what event loops spun on purpose.
func (u Usage) Busy() time.Duration {
	busy := u.CPU
	for _, l := range u.Loops {
		busy -= l.Spun
	}
	return busy
}

// ParseCPUs are the CPUs of a list like 0,2-3; none where it is not one.
func ParseCPUs(list string) (cpus []int) {
	for part := range strings.SplitSeq(list, ",") {
		first, last, ok := strings.Cut(part, "-")
		if !ok {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || to < from || to-from > 1<<16 {
			return nil
		}
		for cpu := from; cpu <= to; cpu++ {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}
