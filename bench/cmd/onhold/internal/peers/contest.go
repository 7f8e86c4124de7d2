package peers

import "time"

// contest is one case of a section: generators that do the same on the same
// target, side by side in pairs.
type contest struct {
	section, name string
	about         string // a sentence under the heading; may be empty
	task          task   // its URL, Duration, Dir and TargetPID are filled in for each run
	watch         bool   // ours measures the server's process
	pairs         [][]contestant
	metrics       []metric
	notes         func([]*Measurement) []string // remarks; nil: none
}

// wait is the latency of the backend.
const wait = 200 * time.Millisecond

// Section is a part of the comparison.
type Section struct {
	Name       string
	About      string // one paragraph
	build      func(r *runner) []contest
	maxClients int // clients
	notes      func([]*Measurement) []string
}

// Sections lists the sections.
var Sections = []Section{
	{
		Name: "efficiency", maxClients: 10_000, build: efficiency, notes: growth,
		About: "Closed load, measured from outside in the same way for all. CPU is that of the generator's process, per request " +
			"that the server served. Requests per second are by the server's count and clock. Memory is the maximum resident size. " +
			"Saturation is intended here, so runs of ours count that are not valid because their CPU was full. A rate is omitted where a tool sent requests for less than half of the time.",
	},
	{
		Name: "pacing", maxClients: 5 * sharedConnections, build: pacing,
		About: "Constant rate. \"Off the grid\" is how far an arrival, by the server's clock, is from its place at t0 + i/rate. " +
			"As many arrivals are before their place as after it, and the first 0.5 s are omitted. " +
			"A tool with a rate per worker gets 100 workers, each with a 100th of the rate. " +
			"The reported median is the latency that the tool prints. Server time is from a request read to its reply written.",
	},
	{
		Name: "rejections", maxClients: 1_000, build: rejections,
		About: "A server with 100 threads, a wait of 200 ms per request, and no queue. It serves 500 requests per second, " +
			"in 200 ms each, and rejects the others at once with a 503. The tables show what each tool reports as the median and as the share that is not 2xx. " +
			"Ours reports the median of the served requests. " +
			"Our clients pause 200 ms after a rejection, so fewer requests are rejected than with tools that send again at once.",
	},
	{
		Name: "own", maxClients: 15_000, build: own,
		About: "Our generator alone: as many clients as the limits of a machine commonly allow, and our servers compared with the bare one.",
	},
}

// SectionNames lists the names of Sections.
func SectionNames() []string {
	names := make([]string, len(Sections))
	for i, s := range Sections {
		names[i] = s.Name
	}
	return names
}
