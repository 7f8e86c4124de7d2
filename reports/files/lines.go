package files

import (
	"bufio"
	"fmt"
	"io"
)

// Lines reads lines one by one, in memory bounded by the longest that is allowed.
type Lines struct {
	Number int   // of the last line, from 1
	End    int64 // offset of the end of the last complete line

	r    *bufio.Reader
	most int
}

// NewLines returns a reader of lines of up to most bytes.
func NewLines(r io.Reader, most int) *Lines {
	return &Lines{r: bufio.NewReaderSize(r, 64<<10), most: most}
}

// LongLine is the error of a line that is longer than allowed. It was left out, and
// the next call goes on behind it.
type LongLine struct{ Number, Most int }

func (e *LongLine) Error() string {
	return fmt.Sprintf("line %d is longer than %d bytes", e.Number, e.Most)
}

// Next returns the next line, with its end. The error is io.ErrUnexpectedEOF beside a
// last line that has no end, io.EOF behind the last line, or a [*LongLine].
func (l *Lines) Next() (line []byte, err error) {
	size := 0
	for {
		part, err := l.r.ReadSlice('\n')
		if size += len(part); size <= l.most {
			line = append(line, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == nil:
			l.End += int64(size)
		case err != io.EOF || size == 0:
			return nil, err
		default:
			err = io.ErrUnexpectedEOF
		}
		if l.Number++; size > l.most {
			return nil, &LongLine{l.Number, l.most}
		}
		return line, err
	}
}
