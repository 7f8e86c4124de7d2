package scratch

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// holdEnv makes the test binary a process that makes a folder and waits to be
// killed.
const holdEnv = "ONHOLD_TEST_SCRATCH"

func TestMain(m *testing.M) {
	if prefix := os.Getenv(holdEnv); prefix != "" {
		d, err := New(prefix)
		if err != nil {
			panic(err)
		}
		os.WriteFile(filepath.Join(d.Path, "big"), make([]byte, 1000), 0o400)
		fmt.Println(d.Path)
		bufio.NewReader(os.Stdin).ReadByte() // until its parent ends it, or has ended itself
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// What a process left that was killed is removed by the next, and what a living
// one has is not.
func TestNextStartSweeps(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("dead processes cannot be detected here")
	}
	t.Setenv("TMPDIR", t.TempDir())
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), holdEnv+"=onhold-test-")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var left string
	if _, err := fmt.Fscanln(stdout, &left); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(os.TempDir(), "onhold-test-foreign")
	half := filepath.Join(os.TempDir(), making+"onhold-test-half")
	for _, path := range []string{foreign, half} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	first, err := New("onhold-test-")
	if err != nil {
		t.Fatal(err)
	}
	if !exists(left) || !exists(foreign) || !exists(half) {
		t.Errorf("removed although its process lives, or it is not ours: %v %v %v", exists(left), exists(foreign), exists(half))
	}
	if info, err := os.Stat(first.Path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info.Mode(), err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	old := time.Now().Add(-2 * unlockedAge)
	if err := os.Chtimes(half, old, old); err != nil {
		t.Fatal(err)
	}
	second, err := New("onhold-test-")
	if err != nil {
		t.Fatal(err)
	}
	if exists(left) || exists(half) {
		t.Errorf("left by a dead process, and still there: %v %v", exists(left), exists(half))
	}
	if !exists(first.Path) || !exists(foreign) {
		t.Errorf("removed although it is ours and lives, or is not ours: %v %v", exists(first.Path), exists(foreign))
	}
	for _, d := range []*Dir{first, second} {
		if err := d.Remove(); err != nil || exists(d.Path) {
			t.Errorf("removing %s: %v", d.Path, err)
		}
	}
}
