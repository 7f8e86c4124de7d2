// Package blocking is a thread pool with a bounded queue in front of it, like
// Tomcat's: a fixed number of OS threads, each of which serves one request at a time
// and blocks in the kernel while it waits.
package blocking

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/trace"
	"github.com/a628bb15/onhold/targets/admission"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/front"
)

// Name of the style.
const Name = "blocking"

// Tomcat's thread pool and accept queue.
const (
	DefaultWorkers = 200
	DefaultQueue   = 100
)

// The most workers, and the longest queue for them.
const (
	MaxWorkers = 10_000
	MaxQueue   = 1_000_000
)

// otherThreads is more threads than a process has beside workers and helpers.
const otherThreads = 2_000

// Server is a running server.
type Server struct {
	*front.Server

	// Control bounds the requests inside, busy and queued together. Counting them
	// is what makes the pool an exact one of c servers and K places: the
	// channel alone would reject a request while a worker, done with the
	// one before, is still on its way back to it.
	*admission.Control
	jobs    chan *job
	workers sync.WaitGroup
	helpers helpers
}

// job is a request on its way to a worker.
type job struct {
	*backend.Job
	visit trace.Visit
	hold  *hold         // of a stream
	done  chan struct{} // the reply can be written, or begun
}

var jobPool = sync.Pool{New: func() any { return &job{done: make(chan struct{}, 1)} }}

// Start starts a server, and returns when all its threads run: the first requests
// must not pay for starting them.
func Start(c admission.Config) (*Server, error) {
	s := &Server{
		Control: admission.New(Name, c),
		helpers: make(helpers, maxHelpers),
		jobs:    make(chan *job, c.Workers+c.Queue), // as many as are admitted: sending never waits
	}
	// A Go process ends when it has more threads than this, 10,000 by default.
	debug.SetMaxThreads(MaxWorkers + maxHelpers + otherThreads)
	var ready sync.WaitGroup
	ready.Add(c.Workers)
	for i := range c.Workers {
		s.workers.Go(func() { s.work(i, &ready) })
	}
	ready.Wait()

	var err error
	if s.Server, err = front.Listen(c.Addr, s.ask, s); err != nil {
		_ = s.endWorkers(context.Background())
		return nil, err
	}
	return s, nil
}

// work is the life of one thread.
func (s *Server) work(number int, ready *sync.WaitGroup) {
	runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
	clock.Punctual()
	ready.Done()
	for j := range s.jobs {
		started, began := s.Config.Log.Now(), clock.Now()
		if j.InTurn() {
			for i := range j.Queries {
				s.Config.Backend.Block(&j.Queries[i])
			}
		} else {
			s.helpers.all(s.Config.Backend, j.Queries)
		}
		if h, visit := j.hold, j.visit; h != nil && j.Failure() == nil {
			j.done <- struct{}{} // j is no longer ours
			s.follow(h, func() { s.leave(visit, number, began, started) })
			continue
		}
		// The place is free before the reply is written, and so before the
		// client can come back for it.
		s.leave(j.visit, number, began, started)
		j.done <- struct{}{}
	}
}

// leave ends what a worker has served since it began; started is by the log's clock.
func (s *Server) leave(visit trace.Visit, worker int, began, started time.Duration) {
	s.Served(clock.Now() - began)
	s.Release(visit, worker, started)
}

func (s *Server) ask(asked *backend.Job) bool { return s.serve(asked, nil) }

// serve has a worker do the job, and go on with a stream where there is a hold.
func (s *Server) serve(asked *backend.Job, h *hold) bool {
	visit, ok := s.Admit()
	if !ok {
		return false
	}
	j := jobPool.Get().(*job)
	j.Job, j.visit, j.hold = asked, visit, h
	s.jobs <- j
	<-j.done
	j.Job, j.hold = nil, nil
	jobPool.Put(j)
	return true
}

// endWorkers returns when all threads have ended. One whose client has gone may still
// wait for the next event: then it returns the error of ctx.
func (s *Server) endWorkers(ctx context.Context) error {
	close(s.jobs)
	ended := make(chan struct{})
	go func() {
		s.workers.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Shutdown stops accepting, answers what is in flight, ends the threads and
// returns when that is done. It returns the error of ctx when that ends first;
// the threads then stay.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.Server.Shutdown(ctx); err != nil {
		return err
	}
	return s.endWorkers(ctx)
}
