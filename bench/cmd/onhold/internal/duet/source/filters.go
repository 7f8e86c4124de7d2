package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// filtered lists the paths that git stores through a filter, with its name.
func (g *repository) filtered(ctx context.Context, paths []string) (map[string]string, error) {
	fields, err := g.fields(ctx, []byte(strings.Join(paths, "\x00")+"\x00"), "check-attr", "-z", "--stdin", "filter")
	found := map[string]string{}
	for i := 0; i+2 < len(fields); i += 3 { // path, attribute, value
		if v := fields[i+2]; v != "unspecified" && v != "unset" && v != "set" {
			found[fields[i]] = v
		}
	}
	return found, err
}

// unfilter writes the contents of filtered files to both sides, without running the
// filter. A file that is the same on both sides is taken from the working tree, and
// one of Git LFS from the clone's store. Any other stays as git stores it, on both
// sides, with a note.
func (s *Sides) unfilter(ctx context.Context, p *pair) error {
	paths := pathsOf(p.trees)
	if len(paths) == 0 {
		return nil
	}
	filtered, err := p.user.filtered(ctx, paths)
	if err != nil {
		return err
	}
	var stored []string
	var done [2][]byte
	for _, path := range paths {
		filter, ok := filtered[path]
		if !ok {
			continue
		}
		contents, err := p.contents(path)
		if err != nil {
			stored = append(stored, fmt.Sprintf("%s (%s)", path, filter))
			continue
		}
		for i, own := range p.own {
			if _, ok := p.trees[i][path]; !ok {
				continue
			}
			if err := os.WriteFile(filepath.Join(own.top, path), contents[i], 0o644); err != nil { // it is there, with its mode
				return err
			}
			done[i] = fmt.Appendf(done[i], "%s\x00", path)
		}
	}
	// For git, these files are unchanged.
	for i, own := range p.own {
		if len(done[i]) > 0 {
			_, _ = own.git(ctx, done[i], "update-index", "-z", "--assume-unchanged", "--stdin")
		}
	}
	if len(stored) > 0 {
		s.note("git stores %s through a filter, and the contents of one side are not in this clone: both sides have the stored form; for Git LFS, run 'git lfs fetch origin %s'", List(stored), Short(p.commits[0]))
	}
	return nil
}

// contents are those of a filtered file on the sides that have it.
func (p *pair) contents(path string) (contents [2][]byte, err error) {
	for i := range p.trees {
		var bad error
		if _, ok := p.trees[i][path]; !ok {
			continue
		}
		if p.trees[0][path] == p.trees[1][path] {
			contents[i], bad = os.ReadFile(filepath.Join(p.user.top, path))
		} else {
			contents[i], bad = p.largeFile(i, path)
		}
		err = errors.Join(err, bad)
	}
	return contents, err
}

var errNoPointer = errors.New("not a pointer of Git LFS")

// largeFile reads the contents for a side's pointer of Git LFS from the clone's
// store.
func (p *pair) largeFile(side int, path string) ([]byte, error) {
	pointer, err := os.ReadFile(filepath.Join(p.own[side].top, path))
	if err != nil {
		return nil, err
	}
	const most = 1024 // bytes of a pointer, by the specification
	_, rest, ok := bytes.Cut(pointer, []byte("\noid sha256:"))
	if !ok || len(pointer) > most || !bytes.HasPrefix(pointer, []byte("version https://")) || len(rest) < 64 {
		return nil, errNoPointer
	}
	id := string(rest[:64])
	if strings.Trim(id, "0123456789abcdef") != "" {
		return nil, errNoPointer
	}
	return os.ReadFile(filepath.Join(p.user.common, "lfs", "objects", id[:2], id[2:4], id))
}
