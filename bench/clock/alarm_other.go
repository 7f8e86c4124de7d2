//go:build !linux

package clock

import (
	"os"
	"sync"
	"time"
)

// BlockUntil sleeps until the instant at. Only on Linux is this a system call
// that blocks the thread.
func BlockUntil(at time.Duration) { time.Sleep(at - Now()) }

// Punctual does nothing outside Linux.
func Punctual() {}

// Alarm is a timer that a goroutine can wait for. Outside Linux it is only as
// exact as package time.
type Alarm struct {
	mu     sync.Mutex
	timer  *time.Timer
	rang   chan struct{}
	closed chan struct{}
	once   sync.Once
}

// NewAlarm returns an alarm that is not set.
func NewAlarm() (*Alarm, error) {
	return &Alarm{rang: make(chan struct{}, 1), closed: make(chan struct{})}, nil
}

// Set makes the alarm go off at the instant at, in place of any earlier
// setting.
func (a *Alarm) Set(at time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timer != nil {
		a.timer.Stop()
	}
	a.timer = time.AfterFunc(at-Now(), func() {
		select {
		case a.rang <- struct{}{}:
		default:
		}
	})
}

// Wait parks the calling goroutine until the alarm goes off. It returns an
// error once the alarm is closed.
func (a *Alarm) Wait() error {
	select {
	case <-a.rang:
		return nil
	case <-a.closed:
		return os.ErrClosed
	}
}

// Close releases the alarm and ends a Wait in progress.
func (a *Alarm) Close() error {
	a.once.Do(func() { close(a.closed) })
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timer != nil {
		a.timer.Stop()
	}
	return nil
}
