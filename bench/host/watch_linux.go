package host

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
)

// watch reads the figures of a process of which the highest counts, during
// the window: it allocates nothing, for what is allocated in this
// process may be what is being measured.
type watch struct {
	pid  int
	stat *os.File // nil where there is no /proc
	page int64    // bytes
	buf  [1024]byte
}

func watchProcess(pid int) (*watch, error) {
	w := &watch{pid: pid, page: int64(os.Getpagesize())}
	if _, err := proc(); err != nil {
		return w, nil // as in readProcess: not reported
	}
	stat, err := os.Open(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, gone(pid, err)
	}
	w.stat = stat
	return w, nil
}

// The fields of /proc/PID/stat by their place after the name, which may hold
// anything: proc_pid_stat(5), less 3.
const (
	fieldState   = 0
	fieldThreads = 17
	fieldRSS     = 21 // pages
)

// read fails where the process has ended.
func (w *watch) read() (s snapshot, err error) {
	if w.stat == nil {
		return s, nil
	}
	n, err := w.stat.ReadAt(w.buf[:], 0)
	if n == 0 {
		return s, gone(w.pid, err)
	}
	rest := w.buf[bytes.LastIndexByte(w.buf[:n], ')')+1 : n]
	for field := 0; len(rest) > 0 && field <= fieldRSS; field++ {
		rest = bytes.TrimLeft(rest, " ")
		var text []byte
		if end := bytes.IndexByte(rest, ' '); end >= 0 {
			text, rest = rest[:end], rest[end:]
		}
		switch field {
		case fieldState:
			if string(text) == "Z" { // ended, and not yet waited for
				return s, gone(w.pid, fs.ErrNotExist)
			}
		case fieldThreads:
			s.threads = number(text)
		case fieldRSS:
			s.rss = number(text) * w.page
		}
	}
	return s, nil
}

// number is what the digits say; the kernel wrote them.
func number(digits []byte) (n int64) {
	for _, d := range digits {
		n = 10*n + int64(d-'0')
	}
	return n
}

func (w *watch) close() {
	if w.stat != nil {
		w.stat.Close()
	}
}
