package clock

import (
	"sync"
	"time"
)

// Sleep parks the calling goroutine until the instant at and reports true, or
// reports false as soon as done is closed. A nil done is never closed.
func Sleep(done <-chan struct{}, at time.Duration) bool {
	if at <= Now() {
		select {
		case <-done:
			return false
		default:
			return true
		}
	}
	woken := wakers.Get().(chan struct{})
	sleepers().add(at, woken)
	select {
	case <-woken:
		wakers.Put(woken)
		return true
	case <-done:
		// The queue still holds woken and will fill it one day, so it must not
		// be used again.
		return false
	}
}

var wakers = sync.Pool{New: func() any { return make(chan struct{}, 1) }}

// sleepers is the process's one queue of sleeping goroutines. It starts with
// the first sleep and lives as long as the process.
var sleepers = sync.OnceValue(func() *dormitory {
	alarm, err := NewAlarm()
	if err != nil {
		panic(err) // no descriptor left for the one timer that everything waits on
	}
	d := &dormitory{alarm: alarm}
	go d.run()
	return d
})

type dormitory struct {
	alarm *Alarm
	mu    sync.Mutex
	queue Queue[chan struct{}]
}

func (d *dormitory) add(at time.Duration, woken chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.queue.Push(at, woken) {
		d.alarm.Set(at)
	}
}

func (d *dormitory) run() {
	for d.alarm.Wait() == nil {
		d.wake()
	}
}

func (d *dormitory) wake() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		woken, ok := d.queue.PopDue(Now())
		if !ok {
			break
		}
		woken <- struct{}{}
	}
	if at, ok := d.queue.Next(); ok {
		d.alarm.Set(at)
	}
}
