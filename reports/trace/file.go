package trace

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/a628bb15/onhold/reports/files"
)

// The format: a line with the version, a line of JSON with the header, then the
// records, each a byte for its kind and whole numbers of encoding/binary:
//
//	R at                         rejected
//	O at                         accepted, not done when the trace ended
//	D at started service worker  accepted and done
//	E records accepted leftout   the end: counts, so that a cut file is noticed
//
// where at counts nanoseconds from the record before (the first from -1, so
// that it is never 0), started from at, service from started, and worker is one
// more than its number.
const (
	magic   = "onhold-trace "
	version = "1"

	tagRejected = 'R'
	tagOpen     = 'O'
	tagDone     = 'D'
	tagEnd      = 'E'
)

// maxHeader bounds the line of the header.
const maxHeader = 16 << 10

func (h Header) check() error {
	switch {
	case h.Workers < 1 || h.Workers > math.MaxInt32:
		return fmt.Errorf("workers is %d, want at least 1", h.Workers)
	case h.Queue < 0 || h.Queue > math.MaxInt32:
		return fmt.Errorf("queue is %d, want 0 or more", h.Queue)
	case h.ClockResolution < 0:
		return fmt.Errorf("clock_resolution_ns is %d, want 0 or more", int64(h.ClockResolution))
	}
	return nil
}

// checkRecord is an error where a record is wrong; last is the At of the one before, or
// -1.
func (h Header) checkRecord(r Record, last time.Duration) error {
	switch {
	case r.At <= last:
		return errors.New("it is not later than the one before")
	case r.Done == 0 && (r.Started != 0 || r.Worker != 0):
		return errors.New("it was started, and not done")
	case r.Done == 0:
		return nil
	case !r.Accepted:
		return errors.New("it was rejected, and done")
	case r.Started < r.At || r.Done < r.Started:
		return errors.New("its instants are out of order")
	case r.Worker < NoWorker || int(r.Worker) >= h.Workers:
		return fmt.Errorf("its worker is %d of %d", r.Worker, h.Workers)
	}
	return nil
}

// Write writes a trace.
func Write(w io.Writer, t *Trace) error {
	if err := t.Header.check(); err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	header, err := json.Marshal(t.Header)
	if err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	if len(header) >= maxHeader {
		return fmt.Errorf("trace: the header is longer than %d bytes", maxHeader)
	}
	b := bufio.NewWriterSize(w, 64<<10) // keeps its first error for Flush
	fmt.Fprintf(b, "%s%s\n%s\n", magic, version, header)
	last, accepted := time.Duration(-1), 0
	var room [1 + 4*binary.MaxVarintLen64]byte
	put := func(tag byte, numbers ...int64) {
		line := append(room[:0], tag)
		for _, n := range numbers {
			line = binary.AppendUvarint(line, uint64(n))
		}
		b.Write(line)
	}
	for i, r := range t.Records {
		if err := t.checkRecord(r, last); err != nil {
			return fmt.Errorf("trace: record %d: %w", i+1, err)
		}
		if r.Accepted {
			accepted++
		}
		at := int64(r.At - last)
		switch {
		case r.Done > 0:
			put(tagDone, at, int64(r.Started-r.At), int64(r.Done-r.Started), int64(r.Worker)+1)
		case r.Accepted:
			put(tagOpen, at)
		default:
			put(tagRejected, at)
		}
		last = r.At
	}
	put(tagEnd, int64(len(t.Records)), int64(accepted), t.LeftOut)
	return b.Flush()
}

// ReadFile reads the trace in a file.
func ReadFile(path string) (*Trace, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	defer f.Close()
	t, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// Read reads a trace. Where its tail is cut off or damaged, the records before
// are returned all the same, with a warning (see [Trace.Warnings]). It fails where there
// is no trace at all, or it cannot be read.
func Read(r io.Reader) (*Trace, error) {
	src := &source{Reader: r}
	b := bufio.NewReaderSize(src, maxHeader)
	t := &Trace{}
	err := t.readHeader(b)
	part := ""
	if err == nil {
		part, err = t.readRecords(b)
	}
	switch {
	case src.err != nil:
		return nil, fmt.Errorf("trace: %w", src.err)
	case err != nil && part == "":
		return nil, fmt.Errorf("trace: %w", err)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		t.Damage = fmt.Sprintf("the file ends before its end mark; %d requests were read", len(t.Records))
	case err != nil:
		t.Damage = fmt.Sprintf("%s: %v; %d requests were read", part, err, len(t.Records))
	}
	return t, nil
}

// source keeps the error of the medium, after which nothing can be read.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func (t *Trace) readHeader(b *bufio.Reader) error {
	line, err := b.ReadSlice('\n')
	switch {
	case err == io.EOF && len(line) == 0:
		return errors.New("the file is empty: the target did not end cleanly")
	case !bytes.HasPrefix(line, []byte(magic)) || err != nil:
		return fmt.Errorf("not a trace: it does not begin with a line of %q", magic+version)
	}
	if v := string(line[len(magic) : len(line)-1]); v != version {
		return fmt.Errorf("its version is %q, this version of onhold reads %q", v, version)
	}
	line, err = b.ReadSlice('\n')
	switch {
	case err == io.EOF:
		return errors.New("the file ends within the header")
	case err == bufio.ErrBufferFull:
		return fmt.Errorf("the header is longer than %d bytes", maxHeader)
	case err != nil:
		return err
	}
	if err := json.Unmarshal(line, &t.Header); err != nil {
		return fmt.Errorf("the header: %w", err)
	}
	if err := t.Header.check(); err != nil {
		return fmt.Errorf("the header: %w", err)
	}
	return nil
}

// readRecords reads all that follows the header, and returns at which part of
// the file it stopped.
func (t *Trace) readRecords(b *bufio.Reader) (string, error) {
	accepted := int64(0)
	last := time.Duration(-1)
	for {
		tag, err := b.ReadByte()
		var r Record
		switch {
		case err != nil:
		case tag == tagEnd:
			return "the end mark", t.readEnd(b, accepted)
		default:
			r, err = readRecord(b, tag, last)
		}
		if err == nil {
			err = t.checkRecord(r, last)
		}
		if err == nil && len(t.Records) == MaxLimit {
			err = fmt.Errorf("more than %d requests are not read", MaxLimit)
		}
		if err != nil {
			return fmt.Sprintf("record %d", len(t.Records)+1), err
		}
		t.Records = append(t.Records, r)
		last = r.At
		if r.Accepted {
			accepted++
		}
	}
}

// readRecord reads what follows a record's tag.
func readRecord(b *bufio.Reader, tag byte, last time.Duration) (r Record, err error) {
	// later is a duration that follows on an instant.
	later := func(from time.Duration) time.Duration {
		n := int64(0)
		if err == nil {
			n, err = number(b)
		}
		if err == nil && n > math.MaxInt64-max(int64(from), 0) {
			err = errors.New("its instants are beyond the range of a clock")
		}
		return from + time.Duration(n)
	}
	switch tag {
	case tagRejected, tagOpen:
		r.At = later(last)
		r.Accepted = tag == tagOpen
	case tagDone:
		r.Accepted = true
		r.At = later(last)
		r.Started = later(r.At)
		r.Done = later(r.Started)
		worker := later(0)
		if err == nil && (worker > math.MaxInt32 || r.Done == 0) {
			err = errors.New("its numbers are out of range")
		}
		r.Worker = int32(worker) - 1
	default:
		err = fmt.Errorf("its kind is unknown (%q)", tag)
	}
	return r, err
}

func (t *Trace) readEnd(b *bufio.Reader, accepted int64) error {
	var counts [3]int64
	for i := range counts {
		var err error
		if counts[i], err = number(b); err != nil {
			return err
		}
	}
	if counts[0] != int64(len(t.Records)) || counts[1] != accepted {
		return fmt.Errorf("it counts %d requests and %d accepted, but %d and %d were there", counts[0], counts[1], len(t.Records), accepted)
	}
	t.LeftOut = counts[2]
	if _, err := b.ReadByte(); err == nil {
		return errors.New("there is more behind it")
	}
	return nil
}

// number reads a whole number that is not negative.
func number(b *bufio.Reader) (int64, error) {
	n, err := binary.ReadUvarint(b)
	if err != nil {
		return 0, err
	}
	if n > math.MaxInt64 {
		return 0, errors.New("a number is too large")
	}
	return int64(n), nil
}
