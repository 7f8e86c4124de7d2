package backend

// NotifyOf is the Notify of a backend whose calls wait, as those of a library do
// that parks the calling goroutine: q is answered by ask on a goroutine of its
// own, which then has the loop run done. The loop is busy with the caller of
// NotifyOf until that returns, so done cannot run before.
func NotifyOf(ask func(*Query), q *Query, loop Loop, done func()) {
	go func() {
		ask(q)
		loop.Execute(done)
	}()
}
