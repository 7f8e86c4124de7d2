// Package files reads and writes the files of onhold: every output goes through
// [Write], [Create] or [OpenLog], and every file that came from elsewhere is
// read through [Read] or [Open].
//
//   - Write and Create put the contents into a temporary file beside the
//     destination, with an unpredictable name and mode 0600, and rename it when
//     it is complete. A reader sees the old file or the new one, a full disk
//     leaves the old one, and a symbolic link at the destination is replaced,
//     never followed.
//   - A Log grows by complete lines. A line that could not be written
//     completely is taken back.
//   - Text is written without the secrets that [redact.Learn] knows.
//   - Read and Open refuse what is not a regular file, so that a device, a pipe
//     or a folder neither blocks nor fills the memory, and Read refuses what is
//     larger than its limit.
package files

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/a628bb15/onhold/reports/redact"
)

// temporaryMode is that of a file that is not complete.
const temporaryMode fs.FileMode = 0o600

// Write replaces the file at path by data, in one step. The file keeps its mode
// where it was there before; a new one gets 0644 less the process's umask. Data
// and name are on the disk when Write returns. Its error is an [*Unwritten].
func Write(path string, data []byte) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Discard())
	}
	return f.Commit()
}

// File is a file that is being written. It takes its place by Commit; until
// then whatever was there is untouched.
type File struct {
	f    *os.File
	path string
	done bool
}

// Create begins to write the file at path. Its folder must be there. It fails
// where path is something that a file cannot replace: a folder, a device, a pipe,
// or a link to one of these.
func Create(path string) (*File, error) {
	if err := replaceable(path); err != nil {
		return nil, err
	}
	dir, name := filepath.Split(path)
	// A name that is too long for a suffix is too long for a temporary one, too.
	name = name[:min(len(name), 32)]
	temporary := filepath.Join(dir, "."+name+"."+rand.Text()+".tmp")
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, temporaryMode)
	if err != nil {
		return nil, unwritten(err, path)
	}
	return &File{f: f, path: path}, nil
}

// replaceable says why there can be no new file at path; nil where there can.
func replaceable(path string) error {
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if info, err = os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unwritten(err, path)
	}
	return unwritten(regular(info), path)
}

// Write adds to the file.
func (f *File) Write(p []byte) (int, error) {
	if _, err := f.f.Write(known(p)); err != nil {
		return 0, unwritten(err, f.path)
	}
	return len(p), nil
}

// known is text without known secrets; a picture is no text.
func known(p []byte) []byte {
	if !utf8.Valid(p) {
		return p
	}
	return []byte(redact.Known(string(p)))
}

// Commit puts the file in its place. After an error it is not there, and what
// was there before still is. A second call does nothing.
func (f *File) Commit() error {
	if f.done {
		return nil
	}
	f.done = true
	mode := newMode()
	if info, err := os.Lstat(f.path); err == nil && info.Mode().IsRegular() {
		mode = info.Mode().Perm()
	}
	err := errors.Join(f.f.Sync(), f.f.Chmod(mode), f.f.Close())
	if err == nil {
		err = os.Rename(f.f.Name(), f.path)
	}
	if err != nil {
		return unwritten(errors.Join(err, os.Remove(f.f.Name())), f.path)
	}
	syncFolder(filepath.Dir(f.path))
	return nil
}

// Discard drops the file; what was there before still is. After Commit it does
// nothing.
func (f *File) Discard() error {
	if f.done {
		return nil
	}
	f.done = true
	return unwritten(errors.Join(f.f.Close(), os.Remove(f.f.Name())), f.path)
}

// Log is a file that grows by complete lines. It keeps its first error, so that a
// measurement can go on and report it at the end.
type Log struct {
	f    *os.File
	path string
	err  error // the first one
}

// OpenLog opens the log at path to add lines to it. With fresh it makes a new
// one, and fails (fs.ErrExist) where there is one; else it makes one where there
// is none. It never follows a symbolic link.
func OpenLog(path string, fresh bool) (*Log, error) {
	flags := os.O_CREATE | os.O_APPEND | os.O_WRONLY | noFollow | noWait
	if fresh {
		flags |= os.O_EXCL
	}
	f, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return nil, unwritten(err, path)
	}
	info, err := f.Stat()
	if err == nil {
		err = regular(info)
	}
	if err != nil {
		f.Close()
		return nil, unwritten(err, path)
	}
	return &Log{f: f, path: path}, nil
}

// Append adds text, which must end with a newline, in one call. After an error
// nothing of it is in the file, as far as the disk allows.
func (l *Log) Append(text []byte) error {
	text = known(text)
	info, err := l.f.Stat() // not kept: who goes on with a log cuts off what was not complete
	if err == nil {
		if _, err = l.f.Write(text); err != nil {
			err = errors.Join(err, l.f.Truncate(info.Size()))
		}
	}
	if err = unwritten(err, l.path); l.err == nil {
		l.err = err
	}
	return err
}

// Close has the log on the disk, and closes it. It fails where an Append did, and
// where the log is no longer at its path: somebody removed or replaced it while it
// was written.
func (l *Log) Close() error {
	err := errors.Join(l.err, l.f.Sync(), l.there(), l.f.Close())
	return unwritten(err, l.path)
}

func (l *Log) there() error {
	own, err := l.f.Stat()
	if err != nil {
		return err
	}
	at, err := os.Lstat(l.path)
	if err != nil {
		return err
	}
	if !os.SameFile(own, at) {
		return errors.New("was replaced while it was written")
	}
	return nil
}

// Truncate drops what lies behind the first size bytes of a log that is not open.
func Truncate(path string, size int64) error {
	l, err := OpenLog(path, false)
	if err != nil {
		return err
	}
	return unwritten(errors.Join(l.f.Truncate(size), l.f.Close()), path)
}

// Open opens a regular file to read it. It does not wait for a pipe that nobody
// writes to.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = regular(info)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, reason(err))
	}
	return f, nil
}

// Read reads a regular file of at most limit bytes.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, reason(err))
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: is larger than %d bytes, the maximum", path, limit)
	}
	return data, nil
}

// ReadJSON reads a file that is one JSON value with a schema. It fails for another
// schema than this one: such a file need not decode, and the error says why.
func ReadJSON(path string, limit int64, schema int, v any) error {
	data, err := Read(path, limit)
	if err != nil {
		return err
	}
	var form struct {
		Schema *int `json:"schema"`
	}
	switch err = json.NewDecoder(bytes.NewReader(data)).Decode(&form); {
	case err != nil:
	case form.Schema == nil:
		err = errors.New("it has no schema, so onhold did not write it")
	case *form.Schema != schema:
		err = fmt.Errorf("it has schema %d, and this version reads schema %d: measure again", *form.Schema, schema)
	default:
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// JSON is a value as people read it too: names with < in them stay as they are.
func JSON(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// regular says what a file is that is no regular one.
func regular(info fs.FileInfo) error {
	kind := "not a regular file"
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		kind = "a folder"
	case mode&fs.ModeDevice != 0:
		kind = "a device"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	}
	return fmt.Errorf("is %s, want a regular file", kind)
}

// Unwritten is the error of a file that could not be written, for example because the
// disk is full or the folder is gone.
type Unwritten struct {
	Path string
	Err  error
}

func (e *Unwritten) Error() string { return e.Path + ": " + e.Err.Error() }

// Unwrap is why.
func (e *Unwritten) Unwrap() error { return e.Err }

// unwritten is the error with the destination in place of the temporary name.
func unwritten(err error, path string) error {
	if err == nil {
		return nil
	}
	if u, ok := errors.AsType[*Unwritten](err); ok {
		return u
	}
	return &Unwritten{path, reason(err)}
}

// reason is an error of the system without the operation and the path.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		return l.Err
	}
	return err
}

// newMode is the mode of a new file: 0644 less the umask. Asking the system for
// the umask would set it, for all threads; Linux shows it in a file.
var newMode = sync.OnceValue(func() fs.FileMode {
	const most fs.FileMode = 0o644
	if runtime.GOOS != "linux" {
		return most
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return most
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "Umask:"); ok {
			if umask, err := strconv.ParseUint(strings.TrimSpace(text), 8, 32); err == nil {
				return most &^ fs.FileMode(umask)
			}
		}
	}
	return most
})

// syncFolder has a folder's names on the disk where the system can.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync() // not every file system can
		d.Close()
	}
}
