// Package benchlist finds the benchmarks of Go packages on one side of a
// comparison, before anything is built. Begin with [List].
package benchlist

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/source"
	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/reports/compare"
)

// limit is for one call of go list.
const limit = 10 * time.Minute

// Query is what to look for.
type Query struct {
	Patterns []string // of packages, as go test takes them
	Tags     string   // build tags, separated by commas
	Bench    string   // expression of the benchmarks, as go test -bench takes it
}

// Package is a package with test files.
type Package struct {
	Path       string            // import path
	Benchmarks map[string]string // the file of each
	Twice      map[string]bool   // benchmarks that its own tests and those of package x_test declare
}

// Listing is what go reports about one side's packages.
type Listing struct {
	Arm      compare.Arm
	Packages map[string]*Package // by folder below the side's
	Errors   []string            // of a pattern, or of a package that is named
	Broken   []string            // errors of packages that a pattern with ... matches
	Excluded []string            // files with benchmarks that this build leaves out
}

// Remarks are what go reports about packages that are left out, as a list in words;
// "" where there are none.
func (l Listing) Remarks() string { return source.List(slices.Concat(l.Errors, l.Broken)) }

// List finds an arm's packages, and the benchmarks in each whose names match.
// Sub-benchmarks show when they run.
func List(ctx context.Context, s *source.Sides, arm compare.Arm, q Query) (l Listing, err error) {
	matches, err := TopLevel(q.Bench)
	if err != nil {
		return l, err
	}
	l = Listing{Arm: arm, Packages: map[string]*Package{}}
	for _, call := range calls(s, arm, q.Patterns) {
		args := append([]string{"list", "-e", "-json=Dir,ImportPath,TestGoFiles,XTestGoFiles,IgnoredGoFiles,Match,Error"}, TagFlags(q.Tags)...)
		cmd := s.Command(arm, call.dir, "go", append(append(args, "--"), call.patterns...)...)
		ran, err := process.Run(ctx, cmd, nil, limit, nil)
		if ctx.Err() != nil {
			return l, context.Cause(ctx)
		}
		if err != nil {
			l.Errors = append(l.Errors, s.Named(arm, err.Error()))
			continue
		}
		out, err := ran.Output()
		if err != nil {
			return l, err
		}
		for dec := json.NewDecoder(bytes.NewReader(out)); ; {
			var p listed
			if err := dec.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return l, fmt.Errorf("reading the output of go list for %s: %w", strings.Join(call.patterns, " "), err)
			}
			l.add(s, arm, p, matches)
		}
	}
	return l, nil
}

// TagFlags are the flags of the go command for build tags.
func TagFlags(tags string) []string {
	if tags == "" {
		return nil
	}
	return []string{"-tags=" + tags}
}

// listed is what go list prints about a package.
type listed struct {
	Dir, ImportPath                           string
	TestGoFiles, XTestGoFiles, IgnoredGoFiles []string
	Match                                     []string
	Error                                     *struct{ Err string }
}

// add adds a package to a listing.
func (l *Listing) add(s *source.Sides, arm compare.Arm, p listed, matches func(string) bool) {
	if p.Error != nil && len(p.TestGoFiles)+len(p.XTestGoFiles) == 0 {
		text := strings.TrimSpace(s.Named(arm, p.Error.Err))
		if p.Dir == "" || slices.ContainsFunc(p.Match, func(m string) bool { return !strings.Contains(m, "...") }) {
			l.Errors = append(l.Errors, text)
		} else {
			l.Broken = append(l.Broken, text)
		}
	}
	dir, err := filepath.Rel(s.Dir(arm), p.Dir)
	if p.Dir == "" || err != nil {
		return
	}
	for _, file := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
		pkg := l.Packages[dir]
		if pkg == nil {
			pkg = &Package{Path: p.ImportPath, Benchmarks: map[string]string{}, Twice: map[string]bool{}}
			l.Packages[dir] = pkg
		}
		for _, name := range benchmarksIn(filepath.Join(p.Dir, file)) {
			if matches(name) {
				if _, ok := pkg.Benchmarks[name]; ok {
					pkg.Twice[name] = true
				}
				pkg.Benchmarks[name] = file
			}
		}
	}
	for _, file := range p.IgnoredGoFiles {
		path := filepath.Join(p.Dir, file)
		if !strings.HasSuffix(file, "_test.go") || !slices.ContainsFunc(benchmarksIn(path), matches) {
			continue
		}
		l.Excluded = append(l.Excluded, filepath.Join(dir, file)+constraintOf(path))
	}
}
