package targets

import (
	"errors"
	"fmt"

	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/trace"
	"github.com/a628bb15/onhold/targets/blocking"
	"github.com/a628bb15/onhold/targets/eventloop"
	"github.com/a628bb15/onhold/targets/goroutine"
)

// gateOf is what the gate of a style is to queueing theory: so many servers,
// and so many places to wait for one; ok is false where the style lets in any
// number, or has no gate that can be traced. The defaults of o are filled in.
func (s Style) gateOf(o Options) (workers, queue int, ok bool) {
	workers, queue = s.room(o)
	return workers, queue, s.traced && workers > 0
}

// Traceable says why a target of the style cannot be traced; nil where it can.
func (s Style) Traceable(o Options) error {
	if _, _, ok := s.gateOf(o.withDefaults()); !ok {
		return fmt.Errorf("--trace: %s has no gate to be traced; %s has one, and with --max-inflight %s and %s have one, too",
			s.Name, blocking.Name, goroutine.Name, eventloop.Name)
	}
	return nil
}

// traced is a trace on its way to its file.
type traced struct {
	log  *trace.Log
	path string
}

// trace makes the log that o asks for, and puts it into o. It makes the file,
// too, which is empty until the target ends: that it cannot be written is better known before the target has run.
func (s Style) trace(o *Options) (*traced, error) {
	if o.Trace == "" {
		return nil, nil
	}
	workers, queue, ok := s.gateOf(*o)
	if !ok {
		return nil, s.Traceable(*o)
	}
	if err := files.Write(o.Trace, nil); err != nil {
		return nil, fmt.Errorf("--trace=%w", err)
	}
	o.log = trace.NewLog(trace.Header{Style: s.Name, Workers: workers, Queue: queue}, o.TraceLimit)
	return &traced{o.log, o.Trace}, nil
}

// write ends the log and writes what is in it.
func (t *traced) write() error {
	if t == nil {
		return nil
	}
	f, err := files.Create(t.path)
	if err == nil {
		if err = trace.Write(f, t.log.End()); err == nil {
			err = f.Commit()
		} else {
			err = errors.Join(err, f.Discard())
		}
	}
	if err != nil {
		return fmt.Errorf("writing the trace: %w", err)
	}
	return nil
}
