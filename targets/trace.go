package targets

import (
	"errors"
	"fmt"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/files"
	"github.com/a628bb15/onhold/reports/trace"
	"github.com/a628bb15/onhold/targets/blocking"
	"github.com/a628bb15/onhold/targets/eventloop"
	"github.com/a628bb15/onhold/targets/goroutine"
)

// admission describes the admission of a style to queueing theory: how many
// servers, and how many places to wait for one; ok is false where the style admits
// any number, or does not log what it decides. The defaults of o are filled in.
func (s Style) admission(o Options) (workers, queue int, ok bool) {
	workers, queue = s.room(o)
	return workers, queue, s.traced && workers > 0
}

// Traceable reports why a target of the style cannot be traced; nil where it can.
// The error is a [*field.Error].
func (s Style) Traceable(o Options) error {
	_, _, ok := s.admission(o.withDefaults())
	return field.Check(ok, "Trace", o.Trace, fmt.Sprintf("a style whose admission can be traced: %s, or %s and %s with a limit on requests in flight; this is %s",
		blocking.Name, goroutine.Name, eventloop.Name, s.Name))
}

// traced is a trace on its way to its file.
type traced struct {
	log  *trace.Log // nil: none
	path string
}

// trace makes the log that o asks for. It makes the file, too, which is empty until the target ends: a file that cannot be written is an
// error at the start.
func (s Style) trace(o Options) (t traced, err error) {
	if o.Trace == "" {
		return t, nil
	}
	workers, queue, ok := s.admission(o)
	if !ok {
		return t, s.Traceable(o)
	}
	if err := files.Write(o.Trace, nil); err != nil {
		return t, &field.Error{Field: "Trace", Value: o.Trace, Want: "a file that can be written: " + err.Error()}
	}
	return traced{trace.NewLog(trace.Header{Style: s.Name, Workers: workers, Queue: queue}, o.TraceLimit), o.Trace}, nil
}

// write ends the log and writes what is in it.
func (t traced) write() error {
	if t.log == nil {
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
