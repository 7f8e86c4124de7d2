package duet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
)

// giveTests puts the candidate's test files, and its testdata, onto the base,
// in the place of the base's own, and lists the base's benchmarks again.
func (r *benched) giveTests(ctx context.Context, patterns []string, candidate listing) (listing, error) {
	var moved []string
	for _, dir := range slices.Sorted(maps.Keys(candidate.folders)) {
		from, to := filepath.Join(r.s.sides.dir(compare.Candidate), dir), filepath.Join(r.s.sides.dir(compare.Base), dir)
		if files, _ := filepath.Glob(filepath.Join(to, "*.go")); len(files) == 0 {
			r.s.notes = append(r.s.notes, fmt.Sprintf("--candidate-tests: the base has no package in %s, and so nothing to measure there", dir))
			continue
		}
		changed, err := replaceTests(from, to)
		if err != nil {
			return listing{}, fmt.Errorf("putting the candidate's test files onto the base: %w", err)
		}
		for _, name := range changed {
			moved = append(moved, filepath.Join(dir, name))
		}
	}
	if len(moved) > 0 {
		r.s.notes = append(r.s.notes, fmt.Sprintf("the base is measured with the candidate's test files (--candidate-tests): %s differed", some(moved)))
		r.s.sides.same(moved)
	}
	return r.list(ctx, compare.Base, patterns)
}

// isTest reports whether a path below a package's folder is one of its test
// files, or in its testdata.
func isTest(rel string) bool {
	first, _, below := strings.Cut(filepath.ToSlash(rel), "/")
	return first == "testdata" || !below && strings.HasSuffix(rel, "_test.go")
}

// replaceTests replaces the test files of one package's folder by those of
// another, and returns the names of those that differed.
func replaceTests(from, to string) (changed []string, err error) {
	old, err := testFiles(to)
	if err != nil {
		return nil, err
	}
	now, err := testFiles(from)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if _, ok := now[name]; !ok {
			changed = append(changed, name)
			if err := os.Remove(filepath.Join(to, name)); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if had, ok := old[name]; ok && had.mode == now[name].mode && bytes.Equal(had.contents, now[name].contents) {
			continue
		}
		changed = append(changed, name)
		path := filepath.Join(to, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.RemoveAll(path)); err != nil {
			return nil, err
		}
		if now[name].mode&fs.ModeSymlink != 0 {
			err = os.Symlink(string(now[name].contents), path)
		} else {
			err = os.WriteFile(path, now[name].contents, now[name].mode.Perm())
		}
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(changed)
	return changed, nil
}

// testFile is a test file, or a link, whose contents are where it leads.
type testFile struct {
	mode     fs.FileMode
	contents []byte
}

// testFiles reads the test files of a package's folder, by their paths below it.
func testFiles(dir string) (map[string]testFile, error) {
	files := map[string]testFile{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		switch {
		case err != nil || rel == ".":
			return err
		case d.IsDir() && !isTest(rel):
			return fs.SkipDir
		case d.IsDir() || !isTest(rel):
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		f := testFile{mode: info.Mode()}
		if info.Mode()&fs.ModeSymlink != 0 {
			to, err := os.Readlink(path)
			f.contents = []byte(to)
			files[rel] = f
			return err
		}
		f.contents, err = os.ReadFile(path)
		files[rel] = f
		return err
	})
	return files, err
}

// same notes that files below the user's folder are now alike on both sides.
func (s *sources) same(names []string) {
	s.differing = slices.DeleteFunc(s.differing, func(path string) bool {
		rel, err := filepath.Rel(s.sub, path)
		return err == nil && slices.Contains(names, rel)
	})
}
