package source

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
)

// libOn is what the module that a side is built with says.
func libOn(t *testing.T, s *Sides) (said [2]string) {
	t.Helper()
	for i, arm := range []compare.Arm{compare.Base, compare.Candidate} {
		out, err := s.Command(arm, s.Dir(arm), "go", "list", "-f", "{{.Dir}}", "example.com/lib").CombinedOutput()
		if err != nil {
			t.Errorf("the %s: %v\n%s", arm, err, out)
			continue
		}
		text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "lib.go"))
		if err != nil {
			t.Error(err)
		}
		_, word, _ := strings.Cut(string(text), "\"")
		said[i], _, _ = strings.Cut(word, "\"")
	}
	return said
}

// Modules are built as in the user's folder, wherever their neighbours lie, and
// each side with its own files.
func TestSurroundings(t *testing.T) {
	lib := func(word string) string {
		return "package lib\n\nfunc Word() string { return \"" + word + "\" }\n"
	}
	const program = "package main\n\nimport \"example.com/lib\"\n\nfunc main() { println(lib.Word()) }\n"
	app := func(replace string) string {
		return "module example.com/app\n\ngo 1.26\n\nrequire example.com/lib v0.0.0\n" + replace
	}
	const libMod = "module example.com/lib\n\ngo 1.26\n"
	inHouse := func(t *testing.T, outer, work string) map[string]string {
		return map[string]string{"app/go.mod": app(""), "app/main.go": program, "lib/go.mod": libMod, "lib/lib.go": lib("old"), ".gitignore": work}
	}
	for why, c := range map[string]struct {
		prepare func(t *testing.T, outer string) map[string]string // files of the repository outer/repo
		at      string
		change  string // which file becomes what
		want    [2]string
		note    string
	}{
		"replace outside": {func(t *testing.T, outer string) map[string]string {
			write(t, outer, map[string]string{"lib/go.mod": libMod, "lib/lib.go": lib("outside")})
			return map[string]string{"go.mod": app("replace example.com/lib => ../lib\n"), "main.go": program}
		}, ".", "", [2]string{"outside", "outside"}, "go.mod names ../lib, outside of the repository"},
		"replace far outside, from below": {func(t *testing.T, outer string) map[string]string {
			write(t, filepath.Dir(outer), map[string]string{"far/lib/go.mod": libMod, "far/lib/lib.go": lib("far")})
			return map[string]string{"app/go.mod": app("replace (\n\texample.com/lib => \"../../../far/lib\" // there\n)\n"), "app/main.go": program}
		}, "app", "", [2]string{"far", "far"}, "app/go.mod names ../../far/lib"},
		"replace by an absolute path": {func(t *testing.T, outer string) map[string]string {
			write(t, outer, map[string]string{"lib/go.mod": libMod, "lib/lib.go": lib("absolute")})
			return map[string]string{"go.mod": app("replace example.com/lib => " + outer + "/lib\n"), "main.go": program}
		}, ".", "", [2]string{"absolute", "absolute"}, "/lib, outside of the repository"},
		"replace inside": {func(t *testing.T, outer string) map[string]string {
			files := inHouse(t, outer, "")
			files["app/go.mod"] = app("replace example.com/lib => ../lib\n")
			return files
		}, "app", "lib/lib.go", [2]string{"old", "new"}, ""},
		"a workspace": {func(t *testing.T, outer string) map[string]string {
			files := inHouse(t, outer, "")
			files["go.work"] = "go 1.26\n\nuse (\n\t./app\n\t./lib\n)\n"
			return files
		}, "app", "lib/lib.go", [2]string{"old", "new"}, ""},
		"a workspace that git ignores": {func(t *testing.T, outer string) map[string]string {
			write(t, outer, map[string]string{"repo/go.work": "go 1.26\n\nuse ./app\nuse ./lib // both\n"})
			return inHouse(t, outer, "go.work\n")
		}, "app", "lib/lib.go", [2]string{"old", "new"}, "repo/go.work, which is not in git"},
		"a workspace around the repository": {func(t *testing.T, outer string) map[string]string {
			write(t, outer, map[string]string{"go.work": "go 1.26\n\nuse (\n\t./repo/app\n\t./beside\n)\n", "beside/go.mod": libMod, "beside/lib.go": lib("beside")})
			return inHouse(t, outer, "")
		}, "app", "", [2]string{"beside", "beside"}, "go.work, which is not in git"},
		"a workspace elsewhere": {func(t *testing.T, outer string) map[string]string {
			elsewhere := t.TempDir()
			write(t, elsewhere, map[string]string{"my.work": "go 1.26\n\nuse " + outer + "/repo/app\nuse \"" + outer + "/repo/lib\"\n"})
			t.Setenv("GOWORK", filepath.Join(elsewhere, "my.work"))
			return inHouse(t, outer, "")
		}, "app", "lib/lib.go", [2]string{"old", "new"}, "my.work, which is not in git"},
		"a workspace by its path": {func(t *testing.T, outer string) map[string]string {
			files := inHouse(t, outer, "")
			files["tools/go.work"] = "go 1.26\n\nuse ../app\nuse ../lib\n"
			t.Setenv("GOWORK", filepath.Join(outer, "repo", "tools", "go.work"))
			return files
		}, "app", "lib/lib.go", [2]string{"old", "new"}, ""},
		"a workspace that is switched off": {func(t *testing.T, outer string) map[string]string {
			files := inHouse(t, outer, "")
			files["go.work"] = "go 1.26\n\nuse ./nosuch\n"
			files["app/go.mod"] = app("replace example.com/lib => ../lib\n")
			t.Setenv("GOWORK", "off")
			return files
		}, "app", "lib/lib.go", [2]string{"old", "new"}, ""},
		"a link out of it": {func(t *testing.T, outer string) map[string]string {
			write(t, outer, map[string]string{"lib/go.mod": libMod, "lib/lib.go": lib("linked")})
			if err := os.MkdirAll(filepath.Join(outer, "repo"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("../lib", filepath.Join(outer, "repo", "lib")); err != nil {
				t.Fatal(err)
			}
			return map[string]string{"go.mod": app("replace example.com/lib => ./lib\n"), "main.go": program}
		}, ".", "", [2]string{"linked", "linked"}, "lib names ../lib"},
	} {
		t.Run(why, func(t *testing.T) {
			outer := filepath.Join(t.TempDir(), "outer")
			files := c.prepare(t, outer)
			dir := filepath.Join(outer, "repo")
			write(t, dir, files)
			for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", "base"}} {
				run(t, dir, args...)
			}
			if c.change != "" {
				write(t, dir, map[string]string{c.change: lib("new")})
			}
			s := layOutOf(t, filepath.Join(dir, c.at), "HEAD")
			if got := libOn(t, s); got != c.want {
				t.Errorf("the sides are built with %q, want %q", got, c.want)
			}
			if notes := strings.Join(s.Notes, " "); !strings.Contains(notes, c.note) || (c.note == "") != (notes == "") {
				t.Errorf("notes: %q, want %q", notes, c.note)
			}
		})
	}
	// The base would be built from the candidate's files.
	dir := repo(t, nil)
	write(t, dir, map[string]string{"go.mod": app("replace example.com/lib => " + dir + "/lib\n"), "main.go": program, "lib/go.mod": libMod, "lib/lib.go": lib("old")})
	run(t, dir, "add", "-A")
	run(t, dir, "commit", "-q", "-m", "absolute")
	var wrong *Error
	if _, err := Lay(t.Context(), dir, "HEAD", ""); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "go.mod of the base names "+dir+"/lib, an absolute path into the repository") {
		t.Errorf("an absolute path into the repository: %v", err)
	}
}
