package source

import (
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
	from, to := filepath.Join(s.Dir(compare.Candidate), pkg), filepath.Join(s.Dir(compare.Base), pkg)
	now, err := testFiles(from)
	old, oldErr := testFiles(to)
	if err = errors.Join(err, oldErr); err != nil {
		return nil, fmt.Errorf("reading test files: %w", err)
	}
	all := maps.Clone(old)
	maps.Copy(all, now)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		was, had := old[name]
		is, has := now[name]
		if had == has && was == is {
			continue
		}
		changed = append(changed, filepath.Join(pkg, name))
		path := filepath.Join(to, name)
		if err = os.RemoveAll(path); err == nil && has {
			err = is.write(path)
		}
		if err != nil {
			return nil, fmt.Errorf("replacing the base's test files by the candidate's: %w", err)
		}
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

// testFile is a test file, or a symbolic link, whose contents are its target.
type testFile struct {
	mode     fs.FileMode
	contents string
}

func (f testFile) write(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if f.mode&fs.ModeSymlink != 0 {
		return os.Symlink(f.contents, path)
	}
	return os.WriteFile(path, []byte(f.contents), f.mode.Perm())
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
			f.contents, err = os.Readlink(path)
		} else {
			var text []byte
			text, err = os.ReadFile(path)
			f.contents = string(text)
		}
		files[rel] = f
		return err
	})
	return files, err
}
