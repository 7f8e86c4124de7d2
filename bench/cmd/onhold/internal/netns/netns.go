// Package netns makes a network of several machines on one, for tests: each machine is a
// network namespace with an address of its own, and programs that are started in it. The
// links between them have a delay, jitter and loss, and can be cut.
//
// A link is a TUN device, of which the other end is in the test's process. So the kernel
// need not have the netem discipline, no tool is needed, and nothing is left behind:
// what a test that was killed had made ends with its process.
package netns

import "time"

// Required is the word in ONHOLD_REQUIRE that makes tests fail, not skip, where this
// process may not make namespaces.
const Required = "netns"

// Link is the way of one machine to the network, the same in both directions but for More.
type Link struct {
	Delay  time.Duration // of each packet, one way
	More   time.Duration // of packets to the machine, beyond Delay
	Jitter time.Duration // by up to which the delay of a packet is more or less; packets may overtake one another
	Loss   float64       // share of the packets that are dropped, 0 to 1
	Cut    bool          // all of them are
}
