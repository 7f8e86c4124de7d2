package result

import (
	"fmt"
	"slices"
	"time"
)

// Usage is what a process used during a measured window. A figure that the operating
// system does not report is zero here and absent in the file.
type Usage struct {
	CPU        time.Duration `json:"cpu_ns,omitzero"`          // user and system time
	RSSMax     int64         `json:"rss_max_bytes,omitzero"`   // bytes resident, the highest seen
	ThreadsMax int64         `json:"threads_max,omitzero"`     // the highest seen
	FDsMax     int64         `json:"fds_max,omitzero"`         // open descriptors, the more of those at the window's start and its end
	Steal      time.Duration `json:"steal_ns,omitzero"`        // of its CPUs, taken by the hypervisor
	CPUsBusy   time.Duration `json:"cpus_busy_ns,omitzero"`    // its CPUs, with whatever process of normal priority or above
	GCPauseMax time.Duration `json:"gc_pause_max_ns,omitzero"` // the generator's own, rounded up by the runtime's buckets
	CPUs       string        `json:"cpus,omitzero"`            // the CPUs it was pinned to, as a list like 0,2-3; "" where to none

	// Allocs is how many objects were allocated on the heap. It is known only of a
	// target in the generator's own process; the generator's own allocations, next to
	// none per request, are then included.
	Allocs int64 `json:"allocs,omitzero"`

	ServiceTime MeanTime `json:"service_time_ns,omitzero"` // reported by one of our own targets

	Quota     float64   `json:"cpu_quota,omitzero"` // CPU seconds per second that its control groups allow; 0 where there is no quota
	Throttled Throttled `json:"throttled,omitzero"` // by those quotas

	// Of the generator only.
	Switches Switches `json:"context_switches,omitzero"`
	Loops    []Loop   `json:"loops,omitempty"` // one per event loop, where the driver has any
}

// MayUse is how many CPU seconds per second a process may use on that many CPUs:
// as many, or its quota where that is less.
func (u Usage) MayUse(cpus int) float64 {
	if u.Quota > 0 {
		return min(u.Quota, float64(cpus))
	}
	return float64(cpus)
}

func (u Usage) merge(o Usage) Usage {
	return Usage{
		CPU: u.CPU + o.CPU, RSSMax: max(u.RSSMax, o.RSSMax), ThreadsMax: max(u.ThreadsMax, o.ThreadsMax),
		FDsMax: max(u.FDsMax, o.FDsMax), Steal: u.Steal + o.Steal, CPUsBusy: u.CPUsBusy + o.CPUsBusy, GCPauseMax: max(u.GCPauseMax, o.GCPauseMax),
		CPUs: o.CPUs, Allocs: u.Allocs + o.Allocs, ServiceTime: u.ServiceTime.merge(o.ServiceTime),
		Quota: o.Quota, Throttled: u.Throttled.Plus(o.Throttled),
		Switches: Switches{u.Switches.Voluntary + o.Switches.Voluntary, u.Switches.Involuntary + o.Switches.Involuntary},
		Loops:    mergeLoops(u.Loops, o.Loops),
	}
}

// Process is another process that used the CPUs of a stage.
type Process struct {
	Name string        `json:"name"`   // as the operating system has it
	CPU  time.Duration `json:"cpu_ns"` // in the window: its share of the time from just before the stage until its end
}

// mergeProcesses adds up those of the same name.
func mergeProcesses(a, b []Process) []Process {
	out := slices.Clone(a)
	for _, p := range b {
		i := slices.IndexFunc(out, func(o Process) bool { return o.Name == p.Name })
		if i < 0 {
			out = append(out, p)
			continue
		}
		out[i].CPU += p.CPU
	}
	return out
}

// NameOthers names the other processes that used the most CPU time, to be put behind
// what they did; "" where none is known: ": make 0.48 CPUs, cc1 0.09".
func (s *Stage) NameOthers() string {
	text, unit := "", " CPUs"
	for i, p := range s.Others {
		if i == 0 {
			text = ": "
		} else {
			text, unit = text+", ", ""
		}
		text += fmt.Sprintf("%s %.2g%s", p.Name, p.CPU.Seconds()/s.Length.Seconds(), unit)
	}
	return text
}

// MeanTime is the mean of N times. It has no N where it is not known.
//
// As the service time of a target it is how long requests occupied a worker, or a
// place where all are worked on at once, since the target started.
type MeanTime struct {
	N    int64         `json:"n"`
	Mean time.Duration `json:"mean"`
}

func (t MeanTime) merge(o MeanTime) MeanTime {
	n := t.N + o.N
	if n == 0 {
		return MeanTime{}
	}
	mean := (float64(t.Mean)*float64(t.N) + float64(o.Mean)*float64(o.N)) / float64(n)
	return MeanTime{n, time.Duration(mean + 0.5)}
}

// Throttled is by how much the CPU quotas of control groups stopped a process.
type Throttled struct {
	Times int64         `json:"times"`   // periods of the quotas in which it was stopped
	Time  time.Duration `json:"time_ns"` // for how long, summed over the CPUs on which it was
}

// Plus is both together.
func (t Throttled) Plus(o Throttled) Throttled { return Throttled{t.Times + o.Times, t.Time + o.Time} }

// Minus is what has come since before. Where the process was moved to a control
// group that counts for itself, nothing is known to have come.
func (t Throttled) Minus(before Throttled) Throttled {
	return Throttled{max(0, t.Times-before.Times), max(0, t.Time-before.Time)}
}

// Any reports whether it was stopped at all.
func (t Throttled) Any() bool { return t.Times > 0 || t.Time > 0 }

// String says how often and for how long.
func (t Throttled) String() string {
	times := "once"
	switch {
	case !t.Any():
		return "never"
	case t.Times > 1:
		times = fmt.Sprintf("%d times", t.Times)
	}
	return fmt.Sprintf("%s for %v", times, t.Time.Round(10*time.Microsecond))
}

// Switches are the context switches of a process.
type Switches struct {
	Voluntary   int64 `json:"voluntary"`   // it waited
	Involuntary int64 `json:"involuntary"` // it was made to wait
}

// Loop is what one event loop of the generator did during a measured window.
type Loop struct {
	CPU    time.Duration `json:"cpu_ns"`           // user and system time of its thread
	Spun   time.Duration `json:"spun_ns,omitzero"` // of that, spent on purpose while waiting for an instant
	Pinned int           `json:"pinned"`           // the CPU that the thread was pinned to; -1 where to none
}

// Busy is the CPU time that the loop needed: without what it spun.
func (l Loop) Busy() time.Duration { return l.CPU - l.Spun }

// mergeLoops adds up what the loops of the same number did.
func mergeLoops(a, b []Loop) []Loop {
	out := slices.Clone(a)
	for i, l := range b {
		if i == len(out) {
			out = append(out, l)
			continue
		}
		out[i] = Loop{out[i].CPU + l.CPU, out[i].Spun + l.Spun, l.Pinned}
	}
	return out
}
