package source

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
)

// layOutOf lays out a folder against a base, and takes it away at the end.
func layOutOf(t *testing.T, dir, base string) *Sides {
	t.Helper()
	s, err := Lay(t.Context(), dir, base, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	return s
}

// filesOf are the files of a side, with their kind and contents, but for git's
// own.
func filesOf(t *testing.T, top string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return fs.SkipDir
		}
		rel, _ := filepath.Rel(top, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += " " + string(b)
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += " " + to
		}
		out[rel] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLayOut(t *testing.T) {
	dir := repo(t, map[string]string{"a": "old", "sub/b": "old", "gone": "old", ".gitignore": "ignored\n"})
	run(t, dir, "checkout", "-q", "-b", "topic")
	run(t, dir, "commit", "-q", "--allow-empty", "-m", "of the topic")
	run(t, dir, "checkout", "-q", "main")
	run(t, dir, "tag", "v1")
	write(t, dir, map[string]string{"later": "what others did since"})
	run(t, dir, "add", "-A")
	run(t, dir, "commit", "-q", "-m", "later")
	run(t, dir, "checkout", "-q", "topic")
	write(t, dir, map[string]string{"a": "new", "fresh": "new", "ignored": "no", "record/run.json": "{}"})
	os.Remove(filepath.Join(dir, "gone"))
	index, err := os.ReadFile(filepath.Join(dir, ".git", "index"))
	if err != nil {
		t.Fatal(err)
	}
	objects := run(t, dir, "count-objects", "-v")
	s, err := Lay(t.Context(), filepath.Join(dir, "sub"), "main", filepath.Join(dir, "record"))
	if err != nil {
		t.Fatal(err)
	}
	has := func(arm compare.Arm, name, want string) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(s.Dir(arm), "..", name))
		if want == "" && err == nil || want != "" && string(b) != want {
			t.Errorf("%s of the %s: %q (%v), want %q", name, arm, b, err, want)
		}
	}
	has(compare.Base, "a", "old")
	has(compare.Base, "gone", "old")
	has(compare.Base, "later", "") // the base is where the branches parted
	has(compare.Control, "a", "old")
	has(compare.Candidate, "a", "new")
	has(compare.Candidate, "fresh", "new")
	has(compare.Candidate, "gone", "")
	has(compare.Candidate, "ignored", "")
	has(compare.Candidate, "record/run.json", "")
	has(compare.Candidate, "sub/b", "old")
	if len(s.Dir(compare.Base)) != len(s.Dir(compare.Candidate)) {
		t.Error("the folders' names differ in length")
	}
	if got := strings.Join(s.Differing, " "); got != "a fresh gone" {
		t.Errorf("the sides differ in %q", got)
	}
	// Either side is a repository of git's, for builds that ask it.
	for arm, want := range map[compare.Arm]string{compare.Base: "", compare.Candidate: "M a\n D gone\n?? fresh"} {
		if got := run(t, s.Dir(arm), "status", "--porcelain"); got != want {
			t.Errorf("git says of the %s %q, want %q", arm, got, want)
		}
		if got := run(t, s.Dir(arm), "describe", "--tags"); !strings.HasPrefix(got, "v1") {
			t.Errorf("git describes the %s as %q", arm, got)
		}
	}
	if base, candidate := run(t, s.Dir(compare.Base), "rev-parse", "HEAD"), run(t, s.Dir(compare.Candidate), "rev-parse", "HEAD"); base != s.BaseCommit || candidate+"+" != s.CandidateCommit {
		t.Errorf("git says that the base is %s and the candidate %s, want %s and %s", base, candidate, s.BaseCommit, s.CandidateCommit)
	}
	if !strings.HasSuffix(s.CandidateCommit, "+") || s.CandidateName != "working tree, with changes" {
		t.Errorf("the candidate has changes, and is called %s, %s", s.CandidateName, s.CandidateCommit)
	}
	// The user's repository is as it was, also while the comparison runs.
	if after, err := os.ReadFile(filepath.Join(dir, ".git", "index")); err != nil || string(after) != string(index) {
		t.Errorf("the user's index was changed: %v", err)
	}
	if got := run(t, dir, "count-objects", "-v"); got != objects {
		t.Errorf("the user's objects were\n%s\nand are\n%s", objects, got)
	}
	if list := run(t, dir, "worktree", "list"); strings.Contains(list, "\n") {
		t.Errorf("a working tree was registered:\n%s", list)
	}
	s.Remove()
	if _, err := os.Stat(s.Root); err == nil {
		t.Error("the folders are still there")
	}
}

func TestBaseIsWhatWasNamed(t *testing.T) {
	t.Parallel()
	dir := repo(t, map[string]string{"a": "1"})
	commit := func(text string) string {
		write(t, dir, map[string]string{"a": text})
		run(t, dir, "commit", "-q", "-a", "-m", text)
		return run(t, dir, "rev-parse", "HEAD")
	}
	first := run(t, dir, "rev-parse", "HEAD")
	run(t, dir, "branch", "behind")
	fork := commit("2")
	run(t, dir, "checkout", "-q", "-b", "aside")
	aside := commit("aside")
	run(t, dir, "tag", "released")
	run(t, dir, "checkout", "-q", "main")
	run(t, dir, "checkout", "-q", "-b", "ahead")
	commit("3")
	ahead := commit("4")
	run(t, dir, "checkout", "-q", "main")
	run(t, dir, "branch", "same")
	for _, c := range []struct{ why, head, ref, want, note string }{
		{"HEAD itself", "main", "HEAD", fork, ""},
		{"the same commit by another branch", "main", "same", fork, ""},
		{"an ancestor", "main", "HEAD~1", first, ""},
		{"a branch that is behind", "main", "behind", first, ""},
		{"a branch that is ahead", "main", "ahead", ahead, "the base is the tip of ahead"},
		{"a commit that is ahead", "main", ahead[:10], ahead, ""},
		{"a branch that parted, HEAD without commits of its own", "main", "aside", aside, "the base is the tip of aside"},
		{"a branch that parted", "ahead", "aside", fork, "where HEAD forked from aside"},
		{"a tag on a branch that parted", "ahead", "released", aside, ""},
		{"a commit on a branch that parted", "ahead", aside, aside, ""},
		{"its parent by name", "ahead", "aside~0", aside, ""},
	} {
		run(t, dir, "checkout", "-q", c.head)
		s := layOutOf(t, dir, c.ref)
		notes := strings.Join(s.Notes, " ")
		if s.BaseCommit != c.want || (c.note == "") != (notes == "") || !strings.Contains(notes, c.note) {
			t.Errorf("%s: base %s, want %s; %q", c.why, s.BaseCommit, c.want, notes)
		}
		if got := run(t, s.Dir(compare.Base), "show", "-s", "--format=%H"); got != c.want {
			t.Errorf("%s: the base's folder holds %s, want %s", c.why, got, c.want)
		}
	}
	for ref, want := range map[string]string{"nowhere": "that git knows here; in a shallow clone", "-x": "Base is -x, want a commit", "": "that git knows here"} {
		var wrong *Error
		if _, err := Lay(t.Context(), dir, ref, ""); !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("--base %q: %v", ref, err)
		}
	}
	run(t, dir, "checkout", "-q", "--orphan", "alone")
	var wrong *Error
	if _, err := Lay(t.Context(), dir, "main", ""); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "has no commit: commit something first") {
		t.Errorf("no HEAD: %v", err)
	}
	run(t, dir, "commit", "-q", "-m", "no history")
	if _, err := Lay(t.Context(), dir, "main", ""); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "a commit in common") {
		t.Errorf("no merge base: %v", err)
	}
	if s := layOutOf(t, dir, fork); s.BaseCommit != fork {
		t.Errorf("a commit without a merge base: %s", s.BaseCommit)
	}
	if _, err := Lay(t.Context(), t.TempDir(), "main", ""); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "not in a git working tree") {
		t.Errorf("no repository: %v", err)
	}
}

// The folder of the record is left out, whether or not git ignores it or the
// folder above it.
func TestRecordIsLeftOut(t *testing.T) {
	for _, ignore := range []string{"", "reports/out\n", "/reports/\n", "duet-*\n", "*.txt\n"} {
		dir := repo(t, map[string]string{"a": "old", ".gitignore": ignore})
		write(t, dir, map[string]string{"a": "new", "reports/out/duet-1/run.json": "{}"})
		for _, out := range []string{"reports/out/duet-1", "reports/out"} {
			s, err := Lay(t.Context(), dir, "HEAD", filepath.Join(dir, out))
			if err != nil {
				t.Errorf("%q ignored, the record in %s: %v", ignore, out, err)
				continue
			}
			if got := strings.Join(s.Differing, " "); got != "a" {
				t.Errorf("%q ignored, the record in %s: differing are %q", ignore, out, got)
			}
			s.Remove()
		}
	}
	// One that is still to be made.
	dir := repo(t, map[string]string{"a": "old", ".gitignore": "/reports/out/\n"})
	s, err := Lay(t.Context(), dir, "HEAD", filepath.Join(dir, "reports/out/duet-2"))
	if err != nil {
		t.Fatal(err)
	}
	s.Remove()
}

// Files that git is configured to ignore are not in the candidate, and a note says so.
func TestChangesThatGitDoesNotLookAt(t *testing.T) {
	for flag, says := range map[string]bool{"--assume-unchanged": true, "--skip-worktree": true, "--refresh": false} {
		dir := repo(t, map[string]string{"a.txt": "old", "b.txt": "old", "sub/c.txt": "old"})
		run(t, dir, "update-index", flag, "a.txt", "sub/c.txt")
		if s := layOutOf(t, dir, "HEAD"); len(s.Notes) > 0 {
			t.Errorf("%s: unchanged: %q", flag, s.Notes)
		}
		write(t, dir, map[string]string{"a.txt": "new", "sub/c.txt": "new"})
		s := layOutOf(t, filepath.Join(dir, "sub"), "HEAD")
		if notes := strings.Join(s.Notes, " "); strings.Contains(notes, "changes of a.txt, sub/c.txt are not in the candidate") != says {
			t.Errorf("%s: %q", flag, notes)
		}
		if got := strings.Join(s.Differing, " "); (got == "") != says {
			t.Errorf("%s: differing are %q", flag, got)
		}
	}
}

// Both sides have the contents of filtered files: unchanged ones as in the working
// tree, those of Git LFS as in the clone. Else both have the stored form, with a note.
func TestFiltersOfGit(t *testing.T) {
	const id = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" // of x
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:" + id + "\nsize 1\n"
	global(t, "[filter \"lfs\"]\n\tclean = \"cat\"\n\tsmudge = \"cat\"\n[filter \"crypt\"]\n\tclean = tr a-z n-za-m\n\tsmudge = tr n-za-m a-z\n")
	dir := repo(t, map[string]string{".gitattributes": "*.big filter=lfs\n*.secret filter=crypt\n", "same.secret": "same", "other.secret": "one", "a.big": strings.Replace(pointer, id, strings.Repeat("0", 64), 1)})
	store := func(id, text string) {
		write(t, dir, map[string]string{".git/lfs/objects/" + id[:2] + "/" + id[2:4] + "/" + id: text})
	}
	write(t, dir, map[string]string{"a.big": pointer, "other.secret": "two"})
	store(id, "x")
	s := layOutOf(t, dir, "HEAD")
	read := func(arm compare.Arm, name string) string {
		b, _ := os.ReadFile(filepath.Join(s.Dir(arm), name))
		return string(b)
	}
	for _, arm := range []compare.Arm{compare.Base, compare.Candidate} {
		if got := read(arm, "same.secret"); got != "same" {
			t.Errorf("what is the same has the contents %q on the %s", got, arm)
		}
		if got := read(arm, "a.big"); !strings.HasPrefix(got, "version") {
			t.Errorf("the contents of the base are not here, and the %s has %q", arm, got)
		}
		if got := run(t, s.Dir(arm), "status", "--porcelain"); strings.Contains(got, "same.secret") {
			t.Errorf("git says of the %s %q", arm, got)
		}
	}
	if b, c := read(compare.Base, "other.secret"), read(compare.Candidate, "other.secret"); b != "bar" || c != "gjb" {
		t.Errorf("what another filter keeps is %q and %q, want it as git stores it", b, c)
	}
	if notes := strings.Join(s.Notes, " "); !strings.Contains(notes, "a.big (lfs)") || !strings.Contains(notes, "other.secret (crypt)") || strings.Contains(notes, "same") {
		t.Errorf("notes: %q", s.Notes)
	}
	store(strings.Repeat("0", 64), "y")
	s = layOutOf(t, dir, "HEAD")
	if b, c := read(compare.Base, "a.big"), read(compare.Candidate, "a.big"); b != "y" || c != "x" {
		t.Errorf("of Git LFS the base has %q and the candidate %q", b, c)
	}
}

// What was interrupted while it was laid out leaves nothing behind.
func TestLayOutInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("wants a Unix shell")
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	dir := repo(t, map[string]string{"a": "old", ".gitattributes": "a filter=slow\n"})
	begun, goOn := filepath.Join(t.TempDir(), "begun"), filepath.Join(t.TempDir(), "go")
	run(t, dir, "config", "filter.slow.clean", "touch "+begun+"; until [ -e "+goOn+" ]; do sleep 0.01; done; cat")
	write(t, dir, map[string]string{"a": "new, which git has to read"})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for _, err := os.Stat(begun); err != nil && t.Context().Err() == nil; _, err = os.Stat(begun) {
			time.Sleep(time.Millisecond)
		}
		cancel()
		time.Sleep(50 * time.Millisecond) // until git is dead; were it not, this would pass for nothing
		os.WriteFile(goOn, nil, 0o644)
	}()
	s, err := Lay(ctx, dir, "main", "")
	if err == nil {
		s.Remove()
		t.Error("the interrupt made no difference")
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

// A hook's environment names the user's index and repository.
func TestLayOutInAHook(t *testing.T) {
	dir := repo(t, map[string]string{"a": "old", "b": "old"})
	write(t, dir, map[string]string{"a": "new"})
	run(t, dir, "add", "a")
	want := run(t, dir, "status", "--porcelain")
	t.Setenv("GIT_DIR", filepath.Join(dir, ".git"))
	t.Setenv("GIT_INDEX_FILE", filepath.Join(dir, ".git", "index"))
	s := layOutOf(t, dir, "HEAD")
	if got := run(t, dir, "status", "--porcelain"); got != want || s.CandidateName != "working tree, with changes" {
		t.Errorf("the user's working tree is %q, was %q; the candidate is the %s", got, want, s.CandidateName)
	}
	// What a build asks git is not about the user's repository.
	cmd := s.Command(compare.Base, s.Dir(compare.Base), "git", "rev-parse", "--show-toplevel")
	if out, err := cmd.Output(); err != nil || strings.TrimSpace(string(out)) != s.Top(compare.Base) {
		t.Errorf("a build in the base finds %s, %v", out, err)
	}
}

// A repository whose git folder is named by the environment alone.
func TestLayOutByEnvironment(t *testing.T) {
	dir := repo(t, map[string]string{"a": "old"})
	aside := filepath.Join(t.TempDir(), "aside.git")
	if err := os.Rename(filepath.Join(dir, ".git"), aside); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_DIR", aside)
	t.Setenv("GIT_WORK_TREE", dir)
	if s := layOutOf(t, dir, "HEAD"); len(s.Differing) > 0 || filesOf(t, s.Top(compare.Base))["a"] == "" {
		t.Errorf("differing: %q", s.Differing)
	}
}

// Submodules are laid out as each side has them.
func TestSubmodules(t *testing.T) {
	t.Parallel()
	inner := repo(t, map[string]string{"c": "old"})
	dir := repo(t, map[string]string{"a": "old"})
	run(t, dir, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "lib")
	run(t, dir, "commit", "-q", "-a", "-m", "lib")
	if s := layOutOf(t, dir, "HEAD"); len(s.Notes) > 0 || len(s.Differing) > 0 {
		t.Errorf("notes: %q, differing %q", s.Notes, s.Differing)
	}
	write(t, dir, map[string]string{"lib/c": "committed"})
	run(t, filepath.Join(dir, "lib"), "commit", "-q", "-a", "-m", "c")
	write(t, dir, map[string]string{"lib/c": "changed", "lib/d": "new"})
	s := layOutOf(t, dir, "HEAD")
	for arm, want := range map[compare.Arm]string{compare.Base: "old", compare.Candidate: "changed"} {
		if b, err := os.ReadFile(filepath.Join(s.Dir(arm), "lib", "c")); err != nil || string(b) != want {
			t.Errorf("the submodule of the %s has %q, want %q, %v", arm, b, want, err)
		}
	}
	if got := strings.Join(s.Differing, " "); got != "lib/c lib/d" || !strings.HasSuffix(s.CandidateCommit, "+") || len(s.Notes) > 0 {
		t.Errorf("differing %q, %s, %q", got, s.CandidateCommit, s.Notes)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	run(t, dir, "clone", "-q", dir, clone)
	if s := layOutOf(t, clone, "HEAD"); len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "the submodule lib is empty on both sides: it is not checked out") {
		t.Errorf("notes: %q", s.Notes)
	}
}
