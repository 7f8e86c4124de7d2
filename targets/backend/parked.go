package backend

// Parked is the three idioms of a backend whose calls park the calling goroutine,
// as those of most client libraries do. Ask answers a query.
type Parked struct{ Ask func(*Query) }

// Park implements [Backend].
func (p Parked) Park(q *Query) { p.Ask(q) }

// Block implements [Backend]. The calling goroutine is locked to its OS thread:
// while the library parks the one, the other sleeps in the kernel and serves
// no other request. It sleeps in futex and not in recv, which makes no difference.
func (p Parked) Block(q *Query) { p.Ask(q) }

// Notify implements [Backend]. A goroutine waits in the loop's place, and then has
// the loop run done. The loop is busy with the caller of Notify until that
// returns, so done cannot run before.
func (p Parked) Notify(q *Query, loop Loop, done func()) {
	go func() {
		p.Ask(q)
		loop.Execute(done)
	}()
}
