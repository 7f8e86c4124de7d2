package fleet

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/files/filestest"
)

// keeper is an agent's process as far as it keeps records.
func keeper(t *testing.T, name, instance, dir string) *generator {
	g := &generator{AgentConfig: AgentConfig{Name: name, Keep: time.Minute, KeepIn: dir, Say: func(line string) { t.Log(line) }}}
	g.machine = &agent{hello: Hello{Agent: name, Instance: instance}, driver: g, keep: g.Keep}
	return g
}

// What one process of an agent stored, the next of its name takes over, and no other.
func TestStoredRecord(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "records")
	record := []byte("a record\nof several lines")
	first := keeper(t, "a", "ONE", dir)
	if first.restore(); first.machine.kept != nil {
		t.Fatal("there is a record before there is one")
	}
	for stage := 1; stage <= 2; stage++ { // the second replaces the first
		if err := first.store(&kept{"r1", 3, 99, stage, Done, "", record, sumOf(record), 0}); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(first.nameOf()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if other := keeper(t, "a-b", "TWO", dir); other.machine.kept != nil {
		t.Error("an agent of another name has it")
	}
	for _, broken := range []string{"a.X.record", "a.Y.record"} {
		if err := os.WriteFile(filepath.Join(dir, broken), []byte(strings.Repeat("\xff{}\n", len(broken)%2)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	second := keeper(t, "a", "TWO", dir)
	second.restore()
	k := second.machine.kept
	if k == nil || k.run != "r1" || k.epoch != 3 || k.seq != 99 || k.stage != 2 || k.phase != Done || !bytes.Equal(k.record, record) || k.sum != sumOf(record) {
		t.Fatalf("%+v", k)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%v", entries)
	}
	if third := keeper(t, "a", "THREE", dir); third.nameOf() == second.nameOf() {
		t.Error("two processes have one file")
	}
	// One that nobody came for in time is removed.
	second.Keep = -time.Second
	if err := second.store(k); err != nil {
		t.Fatal(err)
	}
	last := keeper(t, "a", "LAST", dir)
	if last.restore(); last.machine.kept != nil {
		t.Error("a record that is too old is restored")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("%v", entries)
	}
}

func TestStoredRecordOnAFullDisk(t *testing.T) {
	dir := filestest.SmallDisk(t, 64<<10)
	g := keeper(t, "a", "ONE", dir)
	record := bytes.Repeat([]byte("x"), 1<<20)
	if err := g.store(&kept{"r1", 1, 1, 1, Done, "", record, sumOf(record), 0}); err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("%v", entries)
	}
}
