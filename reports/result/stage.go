// Package result is the record that everything in onhold produces or reads.
//
//  1. A generator drives one steady window at one level and fills a [Stage]:
//     its settings, how every arrival ended, histograms of the times, what
//     the target and the generator used, and whether the stage is valid.
//  2. Stages are appended to a run folder ([Create], [Folder.Append]), one
//     JSON line each, as soon as they are whole.
//  3. Reports and comparisons read the folder ([Open]) and group stages by
//     their settings ([GroupBy]). There is no other data model.
//
// Percentiles of latency are those of ok arrivals alone. What failed is never
// mixed into them; it stands beside them as a share ([Stage.RejectedShare])
// and in the deadline-adjusted percentile ([Stage.Adjusted]), in which a
// failure counts as infinitely slow.
package result

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Schema is the version of the Stage line that this package writes and reads.
const Schema = 1

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

// Stage is one steady window at one level and one setting.
type Stage struct {
	Settings Settings
	Attempt  int           // which run of this stage it is, from 1; 0 where there was one. All are on record; see Discard
	Start    time.Time     // when the measured window began, by the wall clock: for people
	Length   time.Duration // of the measured window
	Counts   Counts

	Latency     *Hist // completion − planned instant, of ok
	Uncorrected *Hist // completion − actual send, of ok
	Connect     *Hist // dial to established, of all connections made for the stage, also before the window
	Rejected    *Hist // completion − planned instant, of rejected
	Lag         *Hist // actual send − planned instant, of all that were sent

	Completion *Completion // of a target that accepts requests and does the work later; nil else

	Reconnects int64 // connections made in the window as the one before was closed, by the server or after a failure
	Surplus    int64 // times that the server sent bytes on a connection that are no reply to any request, also before the window

	InFlight float64 // mean number in flight over the window, from the instants themselves

	Target    Usage // absent (zero) where the target's process is not known
	Generator Usage

	Warnings []string // what a reader should know; each reason why Valid is false is among them
	Valid    bool     // false where the generator was the limit or data is missing

	// Spoilt is true where the stage is not valid for the one reason that the
	// generator was late while the hypervisor had taken its CPU away: then it is
	// worth running again. It is not stored.
	Spoilt bool
}

// NewStage returns a valid stage without arrivals.
func NewStage() *Stage {
	return &Stage{
		Latency: NewHist(), Uncorrected: NewHist(), Connect: NewHist(), Rejected: NewHist(), Lag: NewHist(),
		Valid: true,
	}
}

// Usage is what a process used during a measured window. A figure that the
// operating system does not tell is zero here and absent in the file.
type Usage struct {
	CPU        time.Duration // user and system time
	RSSMax     int64         // bytes resident, the highest seen
	ThreadsMax int64         // the highest seen
	FDsMax     int64         // open descriptors, the more of those at the window's start and its end
	Steal      time.Duration // of its CPUs, taken by the hypervisor
	GCPauseMax time.Duration // the generator's own, rounded up by the runtime's buckets
	CPUs       string        // the CPUs it was confined to, as a list like 0,2-3; "" where to none
	Quota      float64       // CPU seconds per second that its control groups allow it; 0 where there is no quota
	Throttled  Throttled     // by which it was stopped

	// Allocs is how many objects were allocated on the heap. It is told of a
	// target in the generator's own process only; what the generator allocates
	// is then among them, which is next to nothing for a request.
	Allocs int64

	ServiceTime MeanTime // told by a target of ours

	// Of the generator only.
	Switches Switches
	Loops    []Loop // one for each event loop, where the driver has any
}

// MayUse is how many CPU seconds per second a process may use on that many CPUs:
// as many, or its quota where that is less.
func (u Usage) MayUse(cpus int) float64 {
	if u.Quota > 0 {
		return min(u.Quota, float64(cpus))
	}
	return float64(cpus)
}

// MeanTime is for how long requests had a worker of the target, or a place where all
// are worked on at once, since it started: the time of service of a queueing
// model. It has no N where that is not known.
type MeanTime struct {
	N    int64
	Mean time.Duration
}

// MarshalJSON writes nanoseconds.
func (h MeanTime) MarshalJSON() ([]byte, error) { return json.Marshal(heldJSON{h.N, int64(h.Mean)}) }

// UnmarshalJSON reads what MarshalJSON writes.
func (h *MeanTime) UnmarshalJSON(data []byte) error {
	var j heldJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*h = MeanTime{j.N, time.Duration(j.Mean)}
	return nil
}

type heldJSON struct {
	N    int64 `json:"n"`
	Mean int64 `json:"mean"`
}

func (h MeanTime) merge(o MeanTime) MeanTime {
	n := h.N + o.N
	if n == 0 {
		return MeanTime{}
	}
	mean := (float64(h.Mean)*float64(h.N) + float64(o.Mean)*float64(o.N)) / float64(n)
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
	CPU    time.Duration // user and system time of its thread
	Spun   time.Duration // of that, spent on purpose while waiting for an instant
	Pinned int           // the CPU that the thread was confined to; -1 where to none
}

// Busy is the CPU time that the loop needed: without what it spun.
func (l Loop) Busy() time.Duration { return l.CPU - l.Spun }

type loopJSON struct {
	CPU    int64 `json:"cpu_ns"`
	Spun   int64 `json:"spun_ns,omitzero"`
	Pinned *int  `json:"pinned,omitzero"`
}

// MarshalJSON writes the unit into each key.
func (l Loop) MarshalJSON() ([]byte, error) {
	j := loopJSON{CPU: int64(l.CPU), Spun: int64(l.Spun)}
	if l.Pinned >= 0 {
		j.Pinned = &l.Pinned
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (l *Loop) UnmarshalJSON(data []byte) error {
	var j loopJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*l = Loop{time.Duration(j.CPU), time.Duration(j.Spun), -1}
	if j.Pinned != nil {
		l.Pinned = *j.Pinned
	}
	return nil
}

type usageJSON struct {
	CPU        int64    `json:"cpu_ns,omitzero"`
	RSSMax     int64    `json:"rss_max_bytes,omitzero"`
	ThreadsMax int64    `json:"threads_max,omitzero"`
	FDsMax     int64    `json:"fds_max,omitzero"`
	Steal      int64    `json:"steal_ns,omitzero"`
	GCPauseMax int64    `json:"gc_pause_max_ns,omitzero"`
	CPUs       string   `json:"cpus,omitzero"`
	Allocs     int64    `json:"allocs,omitzero"`
	Held       MeanTime `json:"held_ns,omitzero"`

	Quota     float64   `json:"cpu_quota,omitzero"`
	Throttled Throttled `json:"throttled,omitzero"`

	Switches Switches `json:"context_switches,omitzero"`
	Loops    []Loop   `json:"loops,omitempty"`
}

// MarshalJSON writes the unit into each key.
func (u Usage) MarshalJSON() ([]byte, error) {
	return json.Marshal(usageJSON{int64(u.CPU), u.RSSMax, u.ThreadsMax, u.FDsMax, int64(u.Steal), int64(u.GCPauseMax), u.CPUs, u.Allocs, u.ServiceTime, u.Quota, u.Throttled, u.Switches, u.Loops})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (u *Usage) UnmarshalJSON(data []byte) error {
	var j usageJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*u = Usage{
		CPU: time.Duration(j.CPU), RSSMax: j.RSSMax, ThreadsMax: j.ThreadsMax, FDsMax: j.FDsMax, Steal: time.Duration(j.Steal),
		GCPauseMax: time.Duration(j.GCPauseMax), CPUs: j.CPUs, Quota: j.Quota, Throttled: j.Throttled, Allocs: j.Allocs, ServiceTime: j.Held, Switches: j.Switches, Loops: j.Loops,
	}
	return nil
}

type stageJSON struct {
	Schema     int               `json:"schema"`
	Settings   Settings          `json:"settings"`
	Attempt    int               `json:"attempt,omitzero"`
	Start      time.Time         `json:"start"`
	Length     int64             `json:"length_ns"`
	Counts     Counts            `json:"counts"`
	Latency    Summary           `json:"latency_ns"`
	Service    Summary           `json:"service_ns"`
	Connect    Summary           `json:"connect_ns"`
	Rejected   Summary           `json:"rejected_ns"`
	Lag        Summary           `json:"lag_ns"`
	Processed  *Summary          `json:"processed_ns,omitempty"`
	Queue      *queueJSON        `json:"queue,omitempty"`
	Reconnects int64             `json:"reconnects"`
	Surplus    int64             `json:"surplus,omitzero"`
	InFlight   float64           `json:"in_flight_mean"`
	Histograms map[string]string `json:"histograms"`
	Target     Usage             `json:"target"`
	Generator  Usage             `json:"generator"`
	Warnings   []string          `json:"warnings"`
	Valid      bool              `json:"valid"`
}

// hists pairs each histogram with its key under "histograms" and with its
// summary in the line.
func (s *Stage) hists(j *stageJSON) []namedHist {
	hists := []namedHist{
		{"latency", &s.Latency, &j.Latency},
		{"service", &s.Uncorrected, &j.Service},
		{"connect", &s.Connect, &j.Connect},
		{"rejected", &s.Rejected, &j.Rejected},
		{"lag", &s.Lag, &j.Lag},
	}
	if s.Completion != nil {
		if j.Processed == nil {
			j.Processed = &Summary{}
		}
		hists = append(hists, namedHist{"processed", &s.Completion.Latency, j.Processed})
	}
	return hists
}

type namedHist struct {
	name    string
	hist    **Hist
	summary *Summary
}

// MarshalJSON writes the Stage line, with units in the keys and times in
// integer nanoseconds.
func (s *Stage) MarshalJSON() ([]byte, error) {
	j := stageJSON{
		Schema: Schema, Settings: s.Settings, Attempt: s.Attempt, Start: s.Start, Length: int64(s.Length), Counts: s.Counts,
		Reconnects: s.Reconnects, Surplus: s.Surplus, InFlight: s.InFlight, Histograms: map[string]string{}, Target: s.Target, Generator: s.Generator,
		Warnings: s.Warnings, Valid: s.Valid,
	}
	if s.Completion != nil {
		j.Queue = s.Completion.json()
	}
	if j.Warnings == nil {
		j.Warnings = []string{} // a list in the file, also where it is empty
	}
	for _, h := range s.hists(&j) {
		text, err := (*h.hist).text()
		if err != nil {
			return nil, fmt.Errorf("%s histogram: %w", h.name, err)
		}
		j.Histograms[h.name] = text
		*h.summary = (*h.hist).Summary()
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads a Stage line. Of the summaries only n, mean and over
// are taken; the percentiles are those of the histograms. It fails where the line
// contradicts itself: see consistent.
func (s *Stage) UnmarshalJSON(data []byte) error {
	var j stageJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	if j.Schema != Schema {
		return fmt.Errorf("schema is %d, this version of onhold reads %d", j.Schema, Schema)
	}
	if err := members(data); err != nil {
		return err
	}
	if j.Length <= 0 {
		return fmt.Errorf("length_ns is %d, want more than 0", j.Length)
	}
	got := Stage{
		Settings: j.Settings, Attempt: j.Attempt, Start: j.Start, Length: time.Duration(j.Length), Counts: j.Counts,
		Reconnects: j.Reconnects, Surplus: j.Surplus, InFlight: j.InFlight, Target: j.Target, Generator: j.Generator, Warnings: j.Warnings, Valid: j.Valid,
	}
	if j.Queue != nil {
		queue, err := j.Queue.queue()
		if err != nil {
			return err
		}
		got.Completion = queue
	}
	for _, h := range got.hists(&j) {
		text, ok := j.Histograms[h.name]
		if !ok {
			return fmt.Errorf("histogram %q is missing", h.name)
		}
		hist, err := histFromText(text, *h.summary)
		if err != nil {
			return fmt.Errorf("%s: %w", h.name, err)
		}
		*h.hist = hist
	}
	if j.Queue != nil && j.Queue.Processed != got.Completion.Completed() {
		return fmt.Errorf("queue: processed is %d, but its histogram holds %d", j.Queue.Processed, got.Completion.Completed())
	}
	if err := got.consistent(&j); err != nil {
		return err
	}
	*s = got
	return nil
}

// Warn adds a warning that does not make the stage invalid.
func (s *Stage) Warn(format string, args ...any) {
	s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...))
}

// Invalidate marks the stage as not valid and says why.
func (s *Stage) Invalidate(format string, args ...any) {
	s.Valid, s.Spoilt = false, false
	s.Warn(format, args...)
}

// Discard says that the stage does not count, and why: it is run again. It stays
// on record; its trace does not, as the next attempt writes one of that name.
func (s *Stage) Discard(why string) {
	s.Settings = slices.DeleteFunc(s.Settings.With(KeyDiscarded, why), func(kv Setting) bool { return kv.Key == KeyTrace })
}

// Discarded is why the stage does not count; "" where it does.
func (s *Stage) Discarded() string { return s.Settings.Get(KeyDiscarded) }

// Again makes s the attempt that follows on before, which does not count: s says
// what was wrong with it.
func (s *Stage) Again(before *Stage) {
	s.Attempt = max(1, before.Attempt) + 1
	s.Warn("attempt %d; the one before does not count: %s", s.Attempt, before.Discarded())
}

// Merge returns one stage that stands for all of stages, which must be
// repeats of one another: counts, histograms and lengths added up, usage by
// its highest, valid where all are. Percentiles come from merged histograms,
// never from averages.
func Merge(stages []*Stage) *Stage {
	if len(stages) == 1 {
		return stages[0]
	}
	m := NewStage()
	var area float64
	for i, s := range stages {
		if i == 0 {
			m.Settings, m.Start = s.Settings, s.Start
		}
		area += s.InFlight * float64(s.Length)
		m.Length += s.Length
		m.Counts.Add(s.Counts)
		m.Reconnects += s.Reconnects
		m.Surplus += s.Surplus
		m.Latency.Merge(s.Latency)
		m.Uncorrected.Merge(s.Uncorrected)
		m.Connect.Merge(s.Connect)
		m.Rejected.Merge(s.Rejected)
		m.Lag.Merge(s.Lag)
		if s.Completion != nil {
			if m.Completion == nil {
				m.Completion = NewCompletion()
			}
			m.Completion.merge(s.Completion)
		}
		m.Target = m.Target.merge(s.Target)
		m.Generator = m.Generator.merge(s.Generator)
		for _, w := range s.Warnings {
			if !slices.Contains(m.Warnings, w) {
				m.Warnings = append(m.Warnings, w)
			}
		}
		m.Valid = m.Valid && s.Valid
	}
	if m.Length > 0 {
		m.InFlight = area / float64(m.Length)
	}
	return m
}

func (u Usage) merge(o Usage) Usage {
	return Usage{
		CPU: u.CPU + o.CPU, RSSMax: max(u.RSSMax, o.RSSMax), ThreadsMax: max(u.ThreadsMax, o.ThreadsMax),
		FDsMax: max(u.FDsMax, o.FDsMax), Steal: u.Steal + o.Steal, GCPauseMax: max(u.GCPauseMax, o.GCPauseMax),
		CPUs: o.CPUs, Quota: o.Quota, Throttled: u.Throttled.Plus(o.Throttled), Allocs: u.Allocs + o.Allocs, ServiceTime: u.ServiceTime.merge(o.ServiceTime), Switches: Switches{u.Switches.Voluntary + o.Switches.Voluntary, u.Switches.Involuntary + o.Switches.Involuntary},
		Loops: mergeLoops(u.Loops, o.Loops),
	}
}

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
