package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/a628bb15/onhold/reports/files/filestest"
	"github.com/a628bb15/onhold/reports/redact"
)

func onlyFile(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

func contents(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestWriteReplacesInOneStep(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	for _, text := range []string{"first, and longer", "second"} {
		if err := Write(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, path); got != text {
			t.Errorf("it holds %q, want %q", got, text)
		}
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, nil); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v (%v), want that of the old file", info.Mode(), err)
	}
	onlyFile(t, dir, "a.json")
}

func TestUnfinishedFileIsNotThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d files, %v; want the old one and the temporary one", len(entries), err)
	}
	for _, e := range entries {
		if info, err := e.Info(); e.Name() != "a" && (err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600) {
			t.Errorf("the temporary file has mode %v, %v; want 0600", info.Mode(), err)
		}
	}
	if _, err := f.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if err := f.Discard(); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err != nil {
		t.Errorf("commit after discard: %v", err)
	}
	if got := contents(t, path); got != "old" {
		t.Errorf("it holds %q, want what was there", got)
	}
	onlyFile(t, dir, "a")
}

// A link in a folder that somebody else made must not decide what is
// overwritten.
func TestNeverThroughALink(t *testing.T) {
	dir := t.TempDir()
	victim, link := filepath.Join(t.TempDir(), "victim"), filepath.Join(dir, "link")
	if err := os.WriteFile(victim, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, link); err != nil {
		t.Skip(err)
	}
	if l, err := OpenLog(link, false); err == nil {
		l.Close()
		if runtime.GOOS != "windows" {
			t.Error("a log was opened through a link")
		}
	}
	if l, err := OpenLog(link, true); err == nil {
		l.Close()
		t.Error("a new log was made through a link")
	}
	if err := Write(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, victim); got != "mine" {
		t.Errorf("what the link led to holds %q", got)
	}
	if info, err := os.Lstat(link); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the link is %v, %v; want a file in its place", info.Mode(), err)
	}
	dangling := filepath.Join(dir, "dangling")
	if err := os.Symlink(filepath.Join(dir, "nowhere"), dangling); err != nil {
		t.Fatal(err)
	}
	if err := Write(dangling, []byte("new")); err != nil {
		t.Fatal(err)
	}
	onlyFile(t, dir, "dangling", "link")
}

func TestWhatAFileCannotReplace(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, nil); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := os.Stat("/dev/null"); err == nil {
		link := filepath.Join(dir, "link")
		if err := os.Symlink("/dev/null", link); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/dev/null", link} {
			if err := Write(path, nil); err == nil || !strings.Contains(err.Error(), "is a device") {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	missing := filepath.Join(dir, "no", "file")
	if err := Write(missing, nil); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) || strings.Contains(err.Error(), ".tmp") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestLogGrowsByCompleteLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := OpenLog(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append([]byte("one\n")); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLog(path, true); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second new log: %v", err)
	}
	if l, err = OpenLog(path, false); err != nil {
		t.Fatal(err)
	}
	if err := l.Append([]byte("two\n")); err != nil {
		t.Fatal(err)
	}
	if err := Truncate(path, 4); err != nil { // as who goes on with a log does
		t.Fatal(err)
	}
	if err := l.Append([]byte("three\n")); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, path); got != "one\nthree\n" {
		t.Errorf("it holds %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Skip(err) // a system that keeps open files
	}
	if err := l.Close(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a log that somebody removed: %v", err)
	}
}

func TestReadIsBoundedAndRegular(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(path, 5); err != nil || string(got) != "12345" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Read(path, 4); err == nil || !strings.Contains(err.Error(), "larger than 4 bytes") {
		t.Errorf("above the limit: %v", err)
	}
	for path, want := range map[string]string{dir: "is a folder", "/dev/zero": "is a device"} {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		if _, err := Read(path, 5); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if runtime.GOOS == "linux" {
		pipe := filepath.Join(dir, "pipe")
		if err := mkfifo(pipe); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(pipe, 5); err == nil || !strings.Contains(err.Error(), "is a pipe") {
			t.Errorf("a pipe: %v", err)
		}
		if _, err := OpenLog(pipe, false); err == nil {
			t.Error("a pipe was opened as a log")
		}
		if _, err := OpenLog("/dev/null", false); err == nil {
			t.Error("a device was opened as a log")
		}
	}
	if _, err := Read(filepath.Join(dir, "none"), 5); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// Whoever repeats a secret that a user gave, it is in no file.
func TestNoKnownSecretIsWritten(t *testing.T) {
	const secret = "files-pLanted-s3cret"
	redact.Learn(secret)
	dir := t.TempDir()
	l, err := OpenLog(filepath.Join(dir, "log"), true)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("it said: " + secret + "\n")
	if err := errors.Join(l.Append(text), l.Append(text), l.Close(), Write(filepath.Join(dir, "a"), text)); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, filepath.Join(dir, "a")); got != "it said: xxxxx\n" {
		t.Errorf("the file holds %q", got)
	}
	if got := contents(t, l.path); got != strings.Repeat("it said: xxxxx\n", 2) {
		t.Errorf("the log holds %q", got)
	}
}

// A disk that fills up leaves the old file, no temporary one, and of a log the
// lines that were complete.
func TestFullDisk(t *testing.T) {
	dir := filestest.SmallDisk(t, 64<<10)
	path := filepath.Join(dir, "a")
	if err := Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, make([]byte, 1<<20)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a file larger than the disk: %v", err)
	}
	if got := contents(t, path); got != "old" {
		t.Errorf("it holds %d bytes, want what was there", len(got))
	}
	onlyFile(t, dir, "a")
	l, err := OpenLog(filepath.Join(dir, "log"), true)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	line := []byte(strings.Repeat("x", 9999) + "\n")
	lines := 0
	for ; lines < 100; lines++ {
		if err = l.Append(line); err != nil {
			break
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk never filled up: %v", err)
	}
	if got := contents(t, l.path); len(got) != lines*len(line) {
		t.Errorf("the log holds %d bytes, want %d complete lines", len(got), lines)
	}
}
