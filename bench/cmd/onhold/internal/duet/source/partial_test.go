package source

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a partial clone lacks of either side is fetched, and not into the user's
// repository.
func TestPartialClones(t *testing.T) {
	clone := func(t *testing.T, args ...string) (origin, at string) {
		origin = repo(t, map[string]string{"a/b/x.txt": "old", "a/same.txt": "same", "y.txt": "y"})
		write(t, origin, map[string]string{"a/b/x.txt": "new"})
		run(t, origin, "commit", "-q", "-a", "-m", "new")
		run(t, origin, "config", "uploadpack.allowFilter", "true")
		at = filepath.Join(t.TempDir(), "partial")
		run(t, origin, append(append([]string{"clone", "--quiet"}, args...), "file://"+origin, at)...)
		return origin, at
	}
	objects := func(dir string) string { return run(t, dir, "count-objects", "-v") }
	for why, args := range map[string][]string{
		"without files":             {"--filter=blob:none"},
		"without folders":           {"--filter=tree:0"},
		"with few files":            {"--filter=blob:none", "--sparse"},
		"from a remote called else": {"--filter=blob:none", "--origin=up.stream"},
	} {
		t.Run(why, func(t *testing.T) {
			_, at := clone(t, args...)
			write(t, at, map[string]string{"y.txt": "changed"})
			before := objects(at)
			s := layOutOf(t, at, "HEAD~1")
			if got := strings.Join(s.Differing, " "); got != "a/b/x.txt y.txt" {
				t.Errorf("differing are %s", got)
			}
			for side, want := range map[string][2]string{baseFolder: {"old", "y"}, candidateFolder: {"new", "changed"}} {
				for i, name := range []string{"a/b/x.txt", "y.txt"} {
					if b, err := os.ReadFile(filepath.Join(s.Root, side, s.place, name)); err != nil || string(b) != want[i] {
						t.Errorf("%s: %s is %q, %v, want %q", side, name, b, err, want[i])
					}
				}
			}
			if after := objects(at); after != before {
				t.Errorf("the user's objects were\n%s\nand are\n%s", before, after)
			}
		})
	}
	t.Run("from nowhere", func(t *testing.T) {
		origin, at := clone(t, "--filter=blob:none")
		if err := os.RemoveAll(origin); err != nil {
			t.Fatal(err)
		}
		var wrong *Error
		if s, err := Lay(t.Context(), at, "HEAD~1", ""); !errors.As(err, &wrong) || s != nil || !strings.Contains(err.Error(), "the clone is partial") {
			t.Errorf("%v", err)
		}
	})
}
