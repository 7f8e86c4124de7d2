package source

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
)

// script is an executable that leaves a sign when it is run.
func script(t *testing.T, sign, rest string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho ran >>'"+sign+"'\n"+rest+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// Whatever hooks, filters, configuration or the environment say,
// HEAD and a clean working tree are laid out as the same files.
func TestBothSidesAreLaidOutAlike(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("wants a Unix shell")
	}
	files := func() map[string]string {
		return map[string]string{"go.mod": "module example.com/toy\n", "a.txt": "one\ntwo $Id$\n", "testdata/b.bin": "b\r\n\x00", "sub/c.txt": "c", ".gitignore": "made\n"}
	}
	hooks := []string{"post-checkout", "post-index-change", "pre-commit", "post-merge", "fsmonitor-watchman", "reference-transaction"}
	for why, prepare := range map[string]func(t *testing.T, dir, sign string) (at string){
		"hooks": func(t *testing.T, dir, sign string) string {
			for _, name := range hooks {
				write(t, dir, map[string]string{".git/hooks/" + name: "#!/bin/sh\necho ran >>'" + sign + "'\necho made > made\n"})
			}
			return dir
		},
		"core.hooksPath": func(t *testing.T, dir, sign string) string {
			path := t.TempDir()
			for _, name := range hooks {
				write(t, path, map[string]string{name: "#!/bin/sh\necho ran >>'" + sign + "'\necho made > made\n"})
			}
			run(t, dir, "config", "core.hooksPath", path)
			return dir
		},
		"a template with hooks": func(t *testing.T, dir, sign string) string {
			path := t.TempDir()
			write(t, path, map[string]string{"hooks/post-checkout": "#!/bin/sh\necho ran >>'" + sign + "'\n", "info/attributes": "* text eol=crlf\n"})
			global(t, "[init]\n\ttemplateDir = "+path+"\n")
			return dir
		},
		"a filter in the repository's configuration": func(t *testing.T, dir, sign string) string {
			write(t, dir, map[string]string{".gitattributes": "*.txt filter=louder\n"})
			run(t, dir, "add", "-A")
			run(t, dir, "commit", "-q", "-m", "attributes")
			run(t, dir, "config", "filter.louder.smudge", script(t, sign, "tr a-z A-Z"))
			run(t, dir, "config", "filter.louder.clean", "tr A-Z a-z")
			run(t, dir, "config", "filter.louder.required", "true")
			return dir
		},
		"attributes of the user's": func(t *testing.T, dir, sign string) string {
			path := filepath.Join(t.TempDir(), "attributes")
			if err := os.WriteFile(path, []byte("* text eol=crlf filter=louder ident\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			global(t, "[core]\n\tattributesFile = "+path+"\n[filter \"louder\"]\n\tsmudge = "+script(t, sign, "tr a-z A-Z")+"\n")
			return dir
		},
		"attributes of the clone": func(t *testing.T, dir, _ string) string {
			write(t, dir, map[string]string{".git/info/attributes": "*.txt eol=crlf ident\n"})
			return dir
		},
		"line ends by configuration": func(t *testing.T, dir, _ string) string {
			global(t, "[core]\n\tautocrlf = true\n\teol = crlf\n\tsafecrlf = true\n")
			return dir
		},
		"a monitor of files": func(t *testing.T, dir, sign string) string {
			run(t, dir, "config", "core.fsmonitor", script(t, sign, "printf '/\\0'"))
			return dir
		},
		"a sparse checkout": func(t *testing.T, dir, _ string) string {
			run(t, dir, "sparse-checkout", "set", "--cone", "testdata")
			if _, err := os.Stat(filepath.Join(dir, "sub")); err == nil {
				t.Fatal("not sparse")
			}
			return dir
		},
		"a linked working tree": func(t *testing.T, dir, _ string) string {
			at := filepath.Join(t.TempDir(), "linked")
			run(t, dir, "worktree", "add", "--quiet", "--detach", at)
			return at
		},
		"a linked working tree of a bare repository": func(t *testing.T, dir, _ string) string {
			bare, at := filepath.Join(t.TempDir(), "bare.git"), filepath.Join(t.TempDir(), "linked")
			run(t, dir, "clone", "--quiet", "--bare", dir, bare)
			run(t, bare, "worktree", "add", "--quiet", at, "main")
			return at
		},
		"a shallow clone": func(t *testing.T, dir, _ string) string {
			write(t, dir, map[string]string{"a.txt": "later"})
			run(t, dir, "commit", "-q", "-a", "-m", "later")
			at := filepath.Join(t.TempDir(), "shallow")
			run(t, dir, "clone", "--quiet", "--depth=1", "file://"+dir, at)
			return at
		},
		"a clone that borrows objects": func(t *testing.T, dir, _ string) string {
			at := filepath.Join(t.TempDir(), "borrowed")
			run(t, dir, "clone", "--quiet", "--shared", dir, at)
			return at
		},
		"a split index": func(t *testing.T, dir, _ string) string {
			run(t, dir, "update-index", "--split-index")
			return dir
		},
		"a detached HEAD": func(t *testing.T, dir, _ string) string {
			run(t, dir, "checkout", "-q", "--detach")
			return dir
		},
		"in a submodule": func(t *testing.T, dir, _ string) string {
			outer := repo(t, map[string]string{"x": "x"})
			run(t, outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", dir, "lib")
			return filepath.Join(outer, "lib")
		},
		"in a folder of it": func(t *testing.T, dir, _ string) string { return filepath.Join(dir, "sub") },
		"by a link to it": func(t *testing.T, dir, _ string) string {
			at := filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(dir, at); err != nil {
				t.Fatal(err)
			}
			return at
		},
		"an environment that names another repository": func(t *testing.T, dir, _ string) string {
			other := repo(t, map[string]string{"other": "other"})
			t.Setenv("GIT_DIR", filepath.Join(other, ".git"))
			t.Setenv("GIT_WORK_TREE", other)
			t.Setenv("GIT_INDEX_FILE", filepath.Join(other, ".git", "index"))
			t.Setenv("GIT_OBJECT_DIRECTORY", filepath.Join(other, ".git", "objects"))
			t.Setenv("GIT_LITERAL_PATHSPECS", "1")
			return dir
		},
		"an environment that configures git": func(t *testing.T, dir, sign string) string {
			t.Setenv("GIT_CONFIG_COUNT", "2")
			t.Setenv("GIT_CONFIG_KEY_0", "core.hooksPath")
			path := t.TempDir()
			write(t, path, map[string]string{"post-checkout": "#!/bin/sh\necho ran >>'" + sign + "'\n", "post-index-change": "#!/bin/sh\necho ran >>'" + sign + "'\n"})
			t.Setenv("GIT_CONFIG_VALUE_0", path)
			t.Setenv("GIT_CONFIG_KEY_1", "core.autocrlf")
			t.Setenv("GIT_CONFIG_VALUE_1", "true")
			return dir
		},
		"a folder with a strange name": func(t *testing.T, dir, _ string) string {
			at := filepath.Join(t.TempDir(), "it's a \"strange\" $(name): ü")
			if err := os.Rename(dir, at); err != nil {
				t.Fatal(err)
			}
			return at
		},
		"files with strange names": func(t *testing.T, dir, _ string) string {
			write(t, dir, map[string]string{"it's \"strange\"\tü\n$(x).txt": "x", ":(top)y": "y", "-n": "n"})
			run(t, dir, "add", "-A")
			run(t, dir, "commit", "-q", "-m", "names")
			return dir
		},
	} {
		t.Run(why, func(t *testing.T) {
			global(t, "")
			dir, sign := repo(t, files()), filepath.Join(t.TempDir(), "sign")
			at := prepare(t, dir, sign)
			s := layOutOf(t, at, "HEAD")
			base, candidate := filesOf(t, s.Top(compare.Base)), filesOf(t, s.Top(compare.Candidate))
			for name := range base {
				if base[name] != candidate[name] {
					t.Errorf("%q is %q on the base and %q on the candidate", name, base[name], candidate[name])
				}
			}
			if len(base) != len(candidate) || len(base) < 5 {
				t.Errorf("the base has %d files, the candidate %d", len(base), len(candidate))
			}
			if _, ok := base["sub/c.txt"]; !ok {
				t.Errorf("a file is missing: %v", base)
			}
			if len(s.Differing) > 0 || strings.HasSuffix(s.CandidateCommit, "+") {
				t.Errorf("they are said to differ: %q, %s", s.Differing, s.CandidateCommit)
			}
			if b, err := os.ReadFile(sign); err == nil {
				t.Errorf("a program of the user's ran: %s", b)
			}
			// Each side answers a build that asks git as the user's does.
			if got := run(t, s.Dir(compare.Base), "rev-parse", "HEAD"); got != run(t, s.Dir(compare.Candidate), "rev-parse", "HEAD") {
				t.Errorf("HEAD of the base is %s", got)
			}
		})
	}
}

// global makes text the user's configuration of git.
func global(t *testing.T, text string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gitconfig")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", path)
}
