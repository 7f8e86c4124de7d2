package source

import (
	"bytes"
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

// ReplaceTests replaces the test files and testdata of a package in the base by
// those of the candidate, and returns the paths of those that differed, from the
// user's folder. The package is named by its folder below the user's.
func (s *Sides) ReplaceTests(pkg string) (changed []string, err error) {
	changed, err = replaceTests(filepath.Join(s.Dir(compare.Candidate), pkg), filepath.Join(s.Dir(compare.Base), pkg))
	if err != nil {
		return nil, fmt.Errorf("replacing the base's test files by the candidate's: %w", err)
	}
	for i, name := range changed {
		changed[i] = filepath.Join(pkg, name)
	}
	s.Differing = slices.DeleteFunc(s.Differing, func(path string) bool {
		rel, err := filepath.Rel(s.Sub, path)
		return err == nil && slices.Contains(changed, rel)
	})
	return changed, nil
}

// isTest reports whether a path below a package's folder is a test file, or in
// testdata.
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
	for name := range old {
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
		if err := now[name].write(filepath.Join(to, name)); err != nil {
			return nil, err
		}
	}
	slices.Sort(changed)
	return changed, nil
}

// testFile is a test file, or a symbolic link, whose contents are its target.
type testFile struct {
	mode     fs.FileMode
	contents []byte
}

func (f testFile) write(path string) error {
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.RemoveAll(path)); err != nil {
		return err
	}
	if f.mode&fs.ModeSymlink != 0 {
		return os.Symlink(string(f.contents), path)
	}
	return os.WriteFile(path, f.contents, f.mode.Perm())
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
		if f.mode&fs.ModeSymlink != 0 {
			var to string
			to, err = os.Readlink(path)
			f.contents = []byte(to)
		} else {
			f.contents, err = os.ReadFile(path)
		}
		files[rel] = f
		return err
	})
	return files, err
}
