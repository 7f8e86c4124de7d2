package fleet

import (
	"errors"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/result"
)

// lateMeter is by how much a measurement may begin after the window does: a coordinator
// that takes a stage up again is later.
const lateMeter = 250 * time.Millisecond

// meter measures the target's process, on the machine of the coordinator, in the window of
// a stage. It is for one goroutine.
type meter struct {
	plan  bench.Plan
	start time.Duration // of the stage that is measured; 0: none yet
	stop  chan struct{}
	got   chan metered
}

type metered struct {
	usage result.Usage
	err   error
}

// look begins to measure where the stage has an instant of its start, and again where it
// has another one. It ends early where the window was cut.
func (m *meter) look(c *coordinator) {
	if m.plan.TargetPID == 0 || !c.launched || c.step != running {
		return
	}
	if c.start != m.start {
		m.end()
		m.start, m.stop, m.got = c.start, make(chan struct{}), make(chan metered, 1)
		go measure(m.plan, m.start, m.stop, m.got)
	}
	if c.cut {
		m.end()
	}
}

func (m *meter) end() {
	if m.stop != nil {
		close(m.stop)
		m.stop = nil
	}
}

// addTo adds what was measured to a stage that is finished.
func (m *meter) addTo(s *result.Stage) {
	if m.plan.TargetPID == 0 {
		return
	}
	m.end()
	of := metered{err: errors.New("the stage did not start")}
	if m.got != nil {
		of = <-m.got
	}
	if s.Target = of.usage; of.err != nil {
		s.Invalidate("the target's process could not be measured: %v", of.err)
	}
}

// measure measures from the beginning of the window to its end, or until it is stopped.
func measure(p bench.Plan, start time.Duration, stop <-chan struct{}, got chan<- metered) {
	sleep := func(at time.Duration) {
		timer := time.NewTimer(at - clock.Now())
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-stop:
		}
	}
	from := start + p.Lead()
	sleep(from)
	process := host.Process(p.TargetPID)
	err := process.Start()
	late := clock.Now() - from
	switch {
	case err != nil:
		got <- metered{err: err}
		return
	case late > lateMeter:
		err = errors.New("the coordinator was late for the window")
	}
	sleep(from + p.Duration)
	usage, ended := process.Stop()
	if err == nil {
		err = ended
	}
	if err != nil {
		usage = result.Usage{}
	}
	got <- metered{usage, err}
}
