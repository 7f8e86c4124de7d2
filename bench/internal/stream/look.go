package stream

import (
	"net/http"
	"sync/atomic"

	"github.com/a628bb15/onhold/bench/internal/http1"
	"github.com/a628bb15/onhold/bench/internal/http2"
)

// looks is how many replies a Look looks at: those of each address of a mix, but not all
// replies of a stage, for that has a cost.
const looks = 100

// Look looks at the first replies that are not read as streams, for whether they are
// streams all the same. It is safe for concurrent use.
type Look struct {
	seen  atomic.Int32
	found atomic.Uint32 // a Kind
}

// Found is the kind of streams that replies were, None where they were none.
func (l *Look) Found() Kind { return Kind(l.found.Load()) }

// AtReader has it look at the replies that r reads, as long as it looks at any.
func (l *Look) AtReader(r *http1.Reader) {
	if l.more() {
		r.Sink = &lookAtReader{l, r}
	}
}

// AtConn has it look at the replies on a connection, as long as it looks at any.
func (l *Look) AtConn(c *http2.Conn) {
	if l.more() {
		c.Sink = &lookAtConn{l, c}
	}
}

func (l *Look) more() bool { return l.seen.Load() < looks }

// look takes note of a reply. It reports whether another one is to be looked at.
func (l *Look) look(status int, eventStream, lines bool) bool {
	if status < http.StatusOK || status >= http.StatusMultipleChoices {
		return true // an error says nothing of what others are
	}
	switch {
	case eventStream:
		l.found.Store(uint32(SSE))
	case lines:
		l.found.CompareAndSwap(uint32(None), uint32(Lines))
	}
	return l.seen.Add(1) < looks
}

type lookAtReader struct {
	*Look
	reader *http1.Reader
}

// Header implements [http1.Sink]. Lines of a known length are a file, not a stream.
func (l *lookAtReader) Header(status int, header []byte, chunked bool) bool {
	if !l.look(status, media(header, "text/event-stream"), chunked && media(header, "application/x-ndjson")) {
		l.reader.Sink = nil
	}
	return false
}

// Body and ChunkEnd implement [http1.Sink], of bodies that are never wanted.
func (l *lookAtReader) Body([]byte) {}
func (l *lookAtReader) ChunkEnd()   {}

type lookAtConn struct {
	*Look
	conn *http2.Conn
}

// Header implements [http2.Sink].
func (l *lookAtConn) Header(_ int32, h http2.Header) bool {
	if !l.look(h.Status, h.EventStream, false) {
		l.conn.Sink = nil
	}
	return false
}

// Body implements [http2.Sink], of bodies that are never wanted.
func (l *lookAtConn) Body(int32, []byte) {}
