package host

import (
	"os"
	"testing"
)

// What is read in mid-window is what is read at its edges, and costs no
// allocation that a count of them would hold.
func TestWatchReadsWithoutAllocating(t *testing.T) {
	w, err := watchProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	got, err := w.read()
	if err != nil {
		t.Fatal(err)
	}
	want, err := readProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	// Both vary from one reading to the next, by less than a field that is
	// another one would be off.
	if got.threads < 1 || got.threads > want.threads+4 || got.rss < want.rss/2 || got.rss > 2*want.rss {
		t.Errorf("%d threads and %d bytes resident, want about %d and %d", got.threads, got.rss, want.threads, want.rss)
	}
	if per := testing.AllocsPerRun(100, func() { _, _ = w.read() }); per > 0 {
		t.Errorf("%.0f allocations a reading", per)
	}
	if _, err := watchProcess(1 << 30); err == nil {
		t.Error("a process that does not exist is watched")
	}
}
