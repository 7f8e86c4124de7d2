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

// The format: a line with the version and the header as JSON, then each record as
// encoding/binary writes it, little-endian. The last has At endMark, and in Started
// and Done how many records there are and how many were left out, so that a cut file
// is noticed.
const (
	magic   = "onhold-trace "
	version = "2"

	endMark = -1

	maxHeader = 16 << 10 // bytes of the first line
)

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
	header, err := json.Marshal(t.Header)
	if err == nil {
		err = t.Header.check()
	}
	if err == nil && len(magic+version)+len(header) > maxHeader-2 {
		err = fmt.Errorf("the header is longer than %d bytes", maxHeader)
	}
	if err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	b := bufio.NewWriterSize(w, 64<<10) // keeps its first error for Flush
	fmt.Fprintf(b, "%s%s %s\n", magic, version, header)
	last := time.Duration(-1)
	for i, r := range t.Records {
		if err := t.checkRecord(r, last); err != nil {
			return fmt.Errorf("trace: record %d: %w", i+1, err)
		}
		binary.Write(b, binary.LittleEndian, r)
		last = r.At
	}
	binary.Write(b, binary.LittleEndian, t.end())
	return b.Flush()
}

// end is the record that ends the file.
func (t *Trace) end() Record {
	return Record{At: endMark, Started: time.Duration(len(t.Records)), Done: time.Duration(t.LeftOut)}
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
	if err == nil {
		err = t.readRecords(b)
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			t.Damage = fmt.Sprintf("the file ends before its end mark; %d requests were read", len(t.Records))
		case err != nil:
			t.Damage = fmt.Sprintf("%v; %d requests were read", err, len(t.Records))
		}
		err = nil
	}
	if src.err != nil {
		err = src.err
	}
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
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
	rest, ok := bytes.CutPrefix(line, []byte(magic))
	v, header, _ := bytes.Cut(rest, []byte(" "))
	switch {
	case len(line) == 0:
		return errors.New("the file is empty: the target did not end cleanly")
	case !ok:
		return fmt.Errorf("not a trace: it does not begin with %q", magic+version)
	case string(v) != version:
		return fmt.Errorf("its version is %q, this version of onhold reads %q", v, version)
	case err == io.EOF:
		return errors.New("the file ends within the header")
	case err == bufio.ErrBufferFull:
		return fmt.Errorf("the header is longer than %d bytes", maxHeader)
	case err != nil:
		return err
	}
	if err = json.Unmarshal(header, &t.Header); err == nil {
		err = t.Header.check()
	}
	if err != nil {
		return fmt.Errorf("the header: %w", err)
	}
	return nil
}

// readRecords reads all that follows the header; its error says where it stopped.
func (t *Trace) readRecords(b *bufio.Reader) error {
	last := time.Duration(-1)
	for {
		var r Record
		err := binary.Read(b, binary.LittleEndian, &r)
		switch {
		case err != nil:
		case r.At == endMark:
			if t.LeftOut = int64(r.Done); t.LeftOut < 0 || r != t.end() {
				t.LeftOut = 0
				return fmt.Errorf("the end mark: it counts %d requests, but %d were there", int64(r.Started), len(t.Records))
			}
			if _, err := b.ReadByte(); err == nil {
				return errors.New("the end mark: there is more behind it")
			}
			return nil
		case len(t.Records) == MaxLimit:
			err = fmt.Errorf("more than %d requests are not read", MaxLimit)
		default:
			err = t.checkRecord(r, last)
		}
		if err != nil {
			return fmt.Errorf("record %d: %w", len(t.Records)+1, err)
		}
		t.Records = append(t.Records, r)
		last = r.At
	}
}
