package benchlist

import (
	"fmt"
	"go/build"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/source"
	"github.com/a628bb15/onhold/reports/compare"
)

// pattern names all packages below a relative folder.
func pattern(rel string) string {
	switch {
	case rel == ".":
		return "./..."
	case filepath.IsLocal(rel):
		return "./" + filepath.ToSlash(rel) + "/..."
	}
	return filepath.ToSlash(rel) + "/..."
}

// call is a call of go list.
type call struct {
	dir      string
	patterns []string
}

// calls are the calls of go list for patterns. A folder in another module than the
// user's is listed from that module. For a folder in no module, such as the top of
// a repository of several modules, the modules below are listed.
func calls(s *source.Sides, arm compare.Arm, patterns []string) (calls []call) {
	add := func(dir, pattern string) {
		for i := range calls {
			if calls[i].dir == dir {
				calls[i].patterns = append(calls[i].patterns, pattern)
				return
			}
		}
		calls = append(calls, call{dir, []string{pattern}})
	}
	side := s.Dir(arm)
	for _, p := range patterns {
		literal, rest, wild := strings.Cut(p, "...")
		at := filepath.Join(side, literal)
		if wild && !strings.HasSuffix(literal, "/") {
			at = filepath.Dir(at) // ./a... matches folders beside ./a
		}
		if build.IsLocalImport(p) { // it names a folder
			if module := s.ModuleOf(arm, at); module != "" {
				if rel, err := filepath.Rel(module, filepath.Join(side, p)); err == nil {
					add(module, "./"+filepath.ToSlash(rel))
					continue
				}
			} else if below := source.ModulesBelow(at); wild && rest == "" && len(below) > 0 {
				for _, dir := range below {
					add(dir, "./...")
				}
				continue
			}
		}
		add(side, p)
	}
	return calls
}

// Modules names the modules of the candidate, for patterns that match none of
// their packages.
func Modules(s *source.Sides) string {
	var dirs []string
	for _, dir := range source.ModulesBelow(s.Top(compare.Candidate)) {
		if rel, err := filepath.Rel(s.Dir(compare.Candidate), dir); err == nil {
			dirs = append(dirs, pattern(rel))
		}
	}
	if len(dirs) == 0 {
		return "the repository has no go.mod"
	}
	return "its modules are those of " + source.List(dirs)
}

// Unmatched names the modules below the patterns that these do not match, because
// in go a pattern ends where another module begins; "" where there is none. Found
// are the packages that are measured.
func Unmatched(s *source.Sides, patterns, found []string) string {
	side := s.Dir(compare.Candidate)
	var missed []string
	for _, p := range patterns {
		literal, rest, _ := strings.Cut(p, "...")
		at := filepath.Join(side, literal)
		if !build.IsLocalImport(p) || rest != "" || !strings.HasSuffix(p, "/...") || s.ModuleOf(compare.Candidate, at) == "" {
			continue
		}
		for _, dir := range source.ModulesBelow(at) {
			rel, err := filepath.Rel(side, dir)
			measured := func(f string) bool { return f == rel || strings.HasPrefix(f, rel+string(filepath.Separator)) }
			if err == nil && dir != at && !slices.ContainsFunc(found, measured) {
				missed = append(missed, pattern(rel))
			}
		}
	}
	if len(missed) == 0 {
		return ""
	}
	return fmt.Sprintf("%s: not measured, as they are modules of their own; name them to measure them", source.List(missed))
}
