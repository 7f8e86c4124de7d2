package peers

import "time"

// contest is one case of a section: generators that do the same on the same
// target, side by side in pairs.
type contest struct {
	section, name string
	about         string // a sentence under the heading; may be empty
	load          Load   // its URL, Length, Dir and PID are filled in for each run
	watch         bool   // ours is told the server's process
	pairs         [][]contestant
	metrics       []metric
	notes         func([]*Measurement) []string // what else there is to say; nil: nothing
}

// wait is the backend's.
const wait = 200 * time.Millisecond

// Section is a part of the comparison.
type Section struct {
	Name  string
	About string // one paragraph
	build func(r *runner) []contest
	most  int // clients
	notes func([]*Measurement) []string
}

// Sections lists the sections.
var Sections = []Section{
	{
		Name: "efficiency", most: 10_000, build: efficiency, notes: growth,
		About: "Closed load. Seen from outside, and the same for all: CPU is the generator's from its start to its end, for each request " +
			"that the server counted; requests a second are by the server's count and clock; memory is the highest resident. " +
			"Saturation is wanted here, so that runs of ours count which it calls not valid because its CPU was full. A rate is left out where a tool was at it for less than half of its time.",
	},
	{
		Name: "pacing", most: 5 * sharing, build: pacing,
		About: "Constant rate. Off the grid is how far an arrival, as the server saw it, lies from its place at t0 + i/rate; " +
			"t0 is such that as many are early as are late, and the first 0.5 s are left out. " +
			"A tool whose rate is that of each worker gets its 100th part for each of 100. " +
			"What the tool says is the median latency that it prints, and the server's own part is from a request read to its reply written.",
	},
	{
		Name: "rejections", most: 1_000, build: rejections,
		About: "A server with 100 threads, each waiting 200 ms for every request, and no queue: 500 a second can be served, " +
			"in 200 ms, and the rest gets a 503 at once. What is printed as the median, and as the share that was not 2xx? " +
			"Ours prints the median of those who were served. " +
			"A client of ours pauses 200 ms after it was turned away, so that fewer are turned away than with tools that ask again at once.",
	},
	{
		Name: "own", most: 15_000, build: own,
		About: "Our generator alone: as many clients as a machine's limits commonly allow, and our servers under it, beside the bare one.",
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
