package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/build"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxNeighbours is the most entries of a folder around the repository that are
// linked.
const maxNeighbours = 20_000

// goPaths finds the words of a go.mod or go.work file. A path begins with a dot or
// a slash.
var goPaths = regexp.MustCompile("\"[./][^\"]*\"|`[./][^`]*`|[^\\s\"`()]+")

// eachGoPath calls change for each path of a go.mod or go.work file, and replaces
// the path by the result.
func eachGoPath(text string, change func(path string) string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		code, _, _ := strings.Cut(strings.TrimRight(line, "\n"), "//")
		out.WriteString(goPaths.ReplaceAllStringFunc(code, func(token string) string {
			path := strings.Trim(token, "\"`")
			if !build.IsLocalImport(path) && !filepath.IsAbs(path) {
				return token
			}
			return change(path)
		}))
		out.WriteString("\n")
	}
	return out.String()
}

// surround gives each side what its go.mod and go.work files and symbolic links
// name outside of the repository, at the same relative places, and finds the
// workspace. Both sides share it as it is now.
func (s *Sides) surround(ctx context.Context, top *pair) error {
	module, work := goEnvironment(ctx, filepath.Join(s.Repo, s.Sub))
	levels := 0                  // of folders around the repository that are needed
	outside := map[string]bool{} // sentences
	var errs []error
	// name handles a path that a file of the repository names.
	name := func(by, path string) (inside bool) {
		if filepath.IsAbs(path) {
			if _, inside = within(s.Repo, path); !inside {
				outside[fmt.Sprintf("%s names %s", by, path)] = true
			}
			return inside
		}
		rel, err := filepath.Rel(s.Repo, filepath.Join(s.Repo, filepath.Dir(by), path))
		if err == nil && !filepath.IsLocal(rel) {
			levels = max(levels, strings.Count(rel+string(filepath.Separator), ".."+string(filepath.Separator)))
			outside[fmt.Sprintf("%s names %s", by, rel)] = true
		}
		return false
	}
	if module != "" && module != os.DevNull {
		if rel, err := filepath.Rel(s.Repo, filepath.Dir(module)); err == nil && !filepath.IsLocal(rel) {
			name("the module of the folder", rel)
		}
	}
	for i, own := range top.own {
		files, err := goFiles(own.top, "go.mod", "go.work")
		if err != nil {
			return err
		}
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(own.top, path)
			if err != nil {
				return err
			}
			eachGoPath(string(text), func(named string) string {
				if name(rel, named) {
					errs = append(errs, fmt.Errorf("%s of the %s names %s, an absolute path into the repository, so both sides would be built from it: use a relative path", rel, [2]string{"base", "candidate"}[i], named))
				}
				return named
			})
		}
	}
	for path, e := range top.trees[1] {
		if e.mode != symbolicLink {
			continue
		}
		if to, err := os.Readlink(filepath.Join(top.own[1].top, path)); err == nil {
			if filepath.IsAbs(to) {
				if _, inside := within(s.Repo, to); inside {
					s.note("the link %s names %s, an absolute path into the repository: both sides read what is there now", path, to)
				}
			} else {
				name(path, to)
			}
		}
	}
	if len(errs) > 0 {
		return &Error{errors.Join(errs...)}
	}
	if err := s.linkNeighbours(levels); err != nil {
		return err
	}
	if len(outside) > 0 {
		s.note("%s, outside of the repository: both sides use it as it is now", List(slices.Sorted(maps.Keys(outside))))
	}
	return s.findWorkspace(work, top)
}

// linkNeighbours moves each side to a folder like the repository's own, so many
// levels deep, with links to its neighbours on each level.
func (s *Sides) linkNeighbours(levels int) error {
	parts := strings.Split(strings.Trim(s.Repo, string(filepath.Separator)), string(filepath.Separator))
	levels = min(levels, len(parts))
	s.place = filepath.Join(parts[len(parts)-max(levels, 1):]...)
	for _, side := range []string{baseFolder, candidateFolder} {
		flat := filepath.Join(s.Root, side)
		aside := filepath.Join(s.Root, side+"-flat")
		to := filepath.Join(flat, s.place)
		if err := errors.Join(os.Rename(flat, aside), os.MkdirAll(filepath.Dir(to), 0o755), os.Rename(aside, to)); err != nil {
			return err
		}
		original, made := s.Repo, to
		for range levels {
			neighbours, err := os.ReadDir(filepath.Dir(original))
			if err != nil {
				return err
			}
			if len(neighbours) > maxNeighbours {
				return &Error{fmt.Errorf("%s has %d entries, and a go.mod or go.work file names one of them: at most %d can be linked", filepath.Dir(original), len(neighbours), maxNeighbours)}
			}
			for _, e := range neighbours {
				if e.Name() == filepath.Base(original) {
					continue
				}
				if err := os.Symlink(filepath.Join(filepath.Dir(original), e.Name()), filepath.Join(filepath.Dir(made), e.Name())); err != nil {
					return err
				}
			}
			original, made = filepath.Dir(original), filepath.Dir(made)
		}
	}
	return nil
}

// findWorkspace gives each side the workspace of the user's folder: a committed one
// as each side has it; any other as a copy, in which paths into the repository lead
// to the side.
func (s *Sides) findWorkspace(work string, top *pair) error {
	s.work = map[string]string{}
	rel, inside := within(s.Repo, work)
	known := func(side int) bool {
		_, ok := top.trees[side][filepath.ToSlash(rel)]
		return inside && ok
	}
	for i, side := range []string{baseFolder, candidateFolder} {
		sideTop := filepath.Join(s.Root, side, s.place)
		switch {
		case work == "off" || (work == "" || known(1) && !known(i)) && !hasWorkspace(sideTop, s.Sub):
			s.work[side] = "off" // and not one that happens to lie around the temporary folder
		case work == "" || known(1) && !known(i):
			// The side has its own, which go finds.
		case known(i):
			s.work[side] = filepath.Join(sideTop, rel)
		default:
			to := filepath.Join(s.Root, strings.Replace(side, "source", "work", 1), "go.work")
			if err := s.copyWorkspace(work, to, sideTop); err != nil {
				return &Error{err}
			}
			s.work[side] = to
			if i == 0 {
				s.note("both sides are built in the workspace of %s, which is not in git", work)
			}
		}
	}
	return nil
}

// hasWorkspace reports whether a side has a go.work file in the user's folder or
// above it.
func hasWorkspace(top, sub string) bool {
	for dir := sub; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(top, dir, "go.work")); err == nil {
			return true
		}
		if dir == "." {
			return false
		}
	}
}

// copyWorkspace copies a go.work file and its sums.
func (s *Sides) copyWorkspace(from, to, sideTop string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("GOWORK=%s: %w", from, err)
	}
	changed := eachGoPath(string(text), func(path string) string {
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(from), path)
		}
		if rel, ok := within(s.Repo, path); ok {
			path = filepath.Join(sideTop, rel)
		}
		return strconv.Quote(path)
	})
	if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, []byte(changed), 0o644)); err != nil {
		return err
	}
	if sums, err := os.ReadFile(from + ".sum"); err == nil {
		return os.WriteFile(to+".sum", sums, 0o644)
	}
	return nil
}

// goEnvironment returns go's files for the module and workspace of a folder. Both
// are "" without a go command, as for a server in another language.
func goEnvironment(ctx context.Context, dir string) (module, work string) {
	cmd := exec.CommandContext(ctx, "go", "env", "-json", "GOMOD", "GOWORK")
	cmd.Dir = dir
	out, err := cmd.Output()
	var values map[string]string
	if err != nil || json.Unmarshal(out, &values) != nil {
		return "", ""
	}
	return values["GOMOD"], values["GOWORK"]
}
