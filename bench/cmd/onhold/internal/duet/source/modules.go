package source

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
)

// goFiles lists the files with one of these names below a folder, except in folders
// that go ignores.
func goFiles(top string, names ...string) (found []string, err error) {
	err = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && path != top && (name == "vendor" || name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")):
			return fs.SkipDir
		case d.Type().IsRegular() && slices.Contains(names, name):
			found = append(found, path)
		}
		return nil
	})
	return found, errors.Join(err)
}

// ModuleOf is the folder of the module that contains a folder of an arm's side, ""
// where none does.
func (s *Sides) ModuleOf(arm compare.Arm, dir string) string {
	root := filepath.Join(s.Root, folder(arm))
	for ; len(dir) >= len(root); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	return ""
}

// ModulesBelow are the folders of the modules at and below a folder.
func ModulesBelow(dir string) (dirs []string) {
	files, _ := goFiles(dir, "go.mod") // a missing folder has none
	for _, path := range files {
		dirs = append(dirs, filepath.Dir(path))
	}
	return dirs
}
