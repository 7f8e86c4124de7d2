package main

import (
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench/host"
)

// flagNoPin is the flag of every subcommand that starts servers and drives them.
const flagNoPin = "no-pin"

func noPinFlag(category string) cli.Flag {
	return boolFlag(category, flagNoPin, "do not pin: servers and generator may use every CPU")
}

// pinning is which CPUs are whose. Both are nil where they are shared.
type pinning struct {
	note              string // for people
	target, generator []int
}

// pinned gives the servers and the generator CPUs of their own where it can, and
// confines this process to those of the generator.
func pinned(c *cli.Command) (p pinning, err error) {
	if c.Bool(flagNoPin) {
		return pinning{note: "servers and generator share the CPUs (--no-pin): each takes time from the other"}, nil
	}
	all, err := host.Affinity(0)
	if err != nil {
		return pinning{note: "servers and generator share the CPUs: this system cannot pin processes"}, nil
	}
	p.target, p.generator = host.Split(all)
	if p.target == nil {
		return pinning{note: "servers and generator share the only CPU: each takes time from the other"}, nil
	}
	p.note = fmt.Sprintf("servers run on CPU %s, the generator on CPU %s", host.FormatCPUs(p.target), host.FormatCPUs(p.generator))
	return p, host.PinSelf(p.generator)
}
