package duet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mostBeside is the most entries of a folder around the repository that are
// linked to.
const mostBeside = 20_000

// goPaths finds what is a path in a go.mod or go.work file: only what begins
// with a dot or a slash is.
var goPaths = regexp.MustCompile("\"[./][^\"]*\"|`[./][^`]*`|[^\\s\"`()]+")

// eachGoPath calls change for each path of a go.mod or go.work file, and puts
// what it returns in place of it.
func eachGoPath(text string, change func(path string) string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		code, _, _ := strings.Cut(strings.TrimRight(line, "\n"), "//")
		out.WriteString(goPaths.ReplaceAllStringFunc(code, func(token string) string {
			path := strings.Trim(token, "\"`")
			if path != "." && path != ".." && !strings.HasPrefix(path, "./") && !strings.HasPrefix(path, "../") && !strings.HasPrefix(path, "/") {
				return token
			}
			return change(path)
		}))
		out.WriteString("\n")
	}
	return out.String()
}

// settle gives each side the surroundings that its go.mod and go.work files
// name outside of the repository, at the same relative places, and finds the
// workspace. Both sides have the same surroundings, as they are now.
func (s *sources) settle(ctx context.Context, top *laid) error {
	env := goEnvOf(ctx, filepath.Join(s.repo, s.sub))
	levels := 0 // of folders around the repository that are needed
	beyond := map[string]bool{}
	need := func(real, who string) {
		if rel, err := filepath.Rel(s.repo, real); err == nil && outside(rel) {
			levels = max(levels, strings.Count(rel+string(filepath.Separator), ".."+string(filepath.Separator)))
			beyond[fmt.Sprintf("%s names %s", who, rel)] = true
		}
	}
	if env.mod != "" && env.mod != os.DevNull {
		need(filepath.Dir(env.mod), "the module of the folder")
	}
	var errs []error
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
				if !filepath.IsAbs(named) {
					need(filepath.Join(s.repo, filepath.Dir(rel), named), rel)
				} else if in, err := filepath.Rel(s.repo, named); err == nil && !outside(in) {
					errs = append(errs, fmt.Errorf("%s of the %s names %s, an absolute path into the repository: both sides would be built from it. Name it by a relative path", rel, [2]string{"base", "candidate"}[i], named))
				} else {
					beyond[fmt.Sprintf("%s names %s", rel, named)] = true
				}
				return named
			})
		}
	}
	for path, e := range top.trees[1] {
		if e.mode != symbolicLink {
			continue
		}
		to, err := os.Readlink(filepath.Join(top.own[1].top, path))
		if err != nil {
			continue
		}
		if !filepath.IsAbs(to) {
			need(filepath.Join(s.repo, filepath.Dir(path), to), path)
		} else if in, err := filepath.Rel(s.repo, to); err == nil && !outside(in) {
			s.notes = append(s.notes, fmt.Sprintf("the link %s names %s, an absolute path into the repository: both sides read what is there now", path, to))
		}
	}
	if len(errs) > 0 {
		return &ConfigError{errors.Join(errs...)}
	}
	if err := s.surround(levels); err != nil {
		return err
	}
	if len(beyond) > 0 {
		s.notes = append(s.notes, fmt.Sprintf("%s, outside of the repository: both sides use it as it is now", some(slices.Sorted(maps.Keys(beyond)))))
	}
	return s.workspace(env.work, top)
}

// surround moves each side to a folder like the repository's own, so many
// levels deep, with links to what lies beside it on each level.
func (s *sources) surround(levels int) error {
	parts := strings.Split(strings.Trim(s.repo, string(filepath.Separator)), string(filepath.Separator))
	if levels > len(parts) {
		levels = len(parts)
	}
	s.place = filepath.Join(parts[len(parts)-max(levels, 1):]...)
	for _, side := range []string{baseFolder, candidateFolder} {
		flat := filepath.Join(s.root, side)
		aside := filepath.Join(s.root, side+"-flat")
		to := filepath.Join(flat, s.place)
		if err := errors.Join(os.Rename(flat, aside), os.MkdirAll(filepath.Dir(to), 0o755), os.Rename(aside, to)); err != nil {
			return err
		}
		real, made := s.repo, to
		for range levels {
			beside, err := os.ReadDir(filepath.Dir(real))
			if err != nil {
				return err
			}
			if len(beside) > mostBeside {
				return &ConfigError{fmt.Errorf("%s has %d entries, and a go.mod or go.work file names one of them: at most %d are linked to", filepath.Dir(real), len(beside), mostBeside)}
			}
			for _, e := range beside {
				if e.Name() == filepath.Base(real) {
					continue
				}
				if err := os.Symlink(filepath.Join(filepath.Dir(real), e.Name()), filepath.Join(filepath.Dir(made), e.Name())); err != nil {
					return err
				}
			}
			real, made = filepath.Dir(real), filepath.Dir(made)
		}
	}
	return nil
}

// workspace gives each side the workspace that the user's folder is in. One
// that git has is on each side as git has it; another, which git ignores or
// which lies elsewhere, is copied, with the paths into the repository led to the
// side.
func (s *sources) workspace(work string, top *laid) error {
	s.work = map[string]string{}
	for i, side := range []string{baseFolder, candidateFolder} {
		sideTop := filepath.Join(s.root, side, s.place)
		rel, err := filepath.Rel(s.repo, work)
		_, known := top.trees[i][filepath.ToSlash(rel)]
		switch {
		case work == "off" || work == "" && !above(sideTop, s.sub):
			// Not one that happens to lie around the temporary folder.
			s.work[side] = "off"
		case work == "":
		case err == nil && !outside(rel) && known:
			s.work[side] = filepath.Join(sideTop, rel)
		case err == nil && !outside(rel) && i == 0 && has(top.trees[1], rel):
			// The workspace is new in the candidate; the base may have another.
			if !above(sideTop, s.sub) {
				s.work[side] = "off"
			}
		default:
			to := filepath.Join(s.root, strings.Replace(side, "source", "work", 1), "go.work")
			if err := s.copyWork(work, to, sideTop); err != nil {
				return &ConfigError{err}
			}
			s.work[side] = to
			if i == 0 {
				s.notes = append(s.notes, fmt.Sprintf("both sides are built in the workspace of %s, which git does not have", work))
			}
		}
	}
	return nil
}

func has(t tree, path string) bool { _, ok := t[filepath.ToSlash(path)]; return ok }

// above reports whether a side has a go.work file in the user's folder or in
// one above it.
func above(top, sub string) bool {
	for dir := sub; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(top, dir, "go.work")); err == nil {
			return true
		}
		if dir == "." {
			return false
		}
	}
}

// copyWork copies a go.work file and its sums.
func (s *sources) copyWork(from, to, sideTop string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("GOWORK=%s: %w", from, err)
	}
	changed := eachGoPath(string(text), func(path string) string {
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(from), path)
		}
		if rel, err := filepath.Rel(s.repo, path); err == nil && !outside(rel) {
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

// goEnvironment is where go finds module and workspace of a folder; both are ""
// where there is no go command, as for a server in another language.
type goEnvironment struct{ mod, work string }

func goEnvOf(ctx context.Context, dir string) (e goEnvironment) {
	cmd := exec.CommandContext(ctx, "go", "env", "-json", "GOMOD", "GOWORK")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return e
	}
	var values map[string]string
	if json.Unmarshal(out, &values) != nil {
		return e
	}
	return goEnvironment{mod: values["GOMOD"], work: values["GOWORK"]}
}
