package duet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/a628bb15/onhold/bench/child"
	"github.com/a628bb15/onhold/reports/compare"
)

// goCommand is the go command in an arm's source.
func (r *benched) goCommand(arm compare.Arm, args ...string) *exec.Cmd {
	return r.s.sides.command(arm, r.s.sides.dir(arm), "go", args...)
}

// find lists the packages in which both sides have such a benchmark. What the
// base has and the candidate has not makes the comparison not valid: a
// benchmark must not pass by being taken away. It also says where the two
// sides' test files differ: then it may be the benchmark that changed, and not
// what it measures.
func (r *benched) find(ctx context.Context) ([]string, error) {
	patterns := r.Packages
	if len(patterns) == 0 {
		patterns = []string{"."}
	}
	base, err := r.list(ctx, compare.Base, patterns)
	if err != nil {
		return nil, err
	}
	candidate, err := r.list(ctx, compare.Candidate, patterns)
	if err != nil {
		return nil, err
	}
	for dir, names := range base {
		if candidate[dir] == nil {
			candidate[dir] = map[string]string{}
		}
		for name := range names {
			if _, ok := candidate[dir][name]; !ok {
				r.s.invalid = append(r.s.invalid, fmt.Sprintf("benchmark %s of %s is gone in the candidate", name, dir))
			}
		}
	}
	slices.Sort(r.s.invalid)
	for _, gone := range r.s.invalid {
		r.s.tell("%s", gone)
	}
	var found []string
	r.declared = map[string][]string{}
	for _, dir := range slices.Sorted(maps.Keys(candidate)) {
		both := false
		files := map[string]bool{}
		for name, file := range candidate[dir] {
			files[file] = true
			if _, ok := base[dir][name]; ok {
				both = true
				r.declared[dir] = append(r.declared[dir], name)
			}
		}
		for _, file := range base[dir] {
			files[file] = true
		}
		switch {
		case both:
			found = append(found, dir)
			if changed := r.changed(dir, slices.Sorted(maps.Keys(files))); changed != "" {
				r.s.notes = append(r.s.notes, fmt.Sprintf("%s differs between the sides: what changed may be the benchmark, and not what it measures", changed))
			}
		case len(candidate[dir]) > 0:
			r.s.notes = append(r.s.notes, fmt.Sprintf("%s has benchmarks in the candidate only, so they are not compared: %s", dir, strings.Join(slices.Sorted(maps.Keys(candidate[dir])), ", ")))
		}
	}
	if len(found) == 0 {
		why := slices.Concat([]string{fmt.Sprintf("no package of %s has benchmarks on both sides that --bench=%s takes", strings.Join(patterns, " "), r.bench())}, r.s.invalid)
		return nil, &ConfigError{errors.New(strings.Join(why, "; "))}
	}
	return found, nil
}

// list finds an arm's packages, by their folders below the arm's, and the
// benchmarks in each whose names the expression takes, with their files. What
// is below those in sub-benchmarks shows when they run.
func (r *benched) list(ctx context.Context, arm compare.Arm, patterns []string) (map[string]map[string]string, error) {
	takes, err := topLevel(r.bench())
	if err != nil {
		return nil, err
	}
	// A line for each test file that this system builds.
	const format = `{{$dir := .Dir}}{{range .TestGoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}`
	ran, err := child.Run(ctx, r.goCommand(arm, append([]string{"list", "-e", "-f", format}, patterns...)...), nil, buildLimit, nil)
	listed, cut := ran.Whole()
	if err := errors.Join(err, cut); err != nil {
		return nil, &ConfigError{fmt.Errorf("listing the packages %s: %w", strings.Join(patterns, " "), err)}
	}
	out := map[string]map[string]string{}
	for line := range strings.Lines(string(listed)) {
		path := strings.TrimSpace(line)
		if path == "" {
			continue
		}
		dir, err := filepath.Rel(r.s.sides.dir(arm), filepath.Dir(path))
		if err != nil {
			continue
		}
		for _, name := range benchmarksIn(path) {
			if !takes(name) {
				continue
			}
			if out[dir] == nil {
				out[dir] = map[string]string{}
			}
			out[dir][name] = filepath.Base(path)
		}
	}
	return out, nil
}

// benchmarksIn lists the benchmarks that a test file declares. Of one that does
// not parse it lists what it can: that the file does not build is told later.
func benchmarksIn(path string) (names []string) {
	file, _ := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if file == nil {
		return nil
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv != nil {
			continue
		}
		rest, ok := strings.CutPrefix(f.Name.Name, "Benchmark")
		if first, _ := utf8.DecodeRuneInString(rest); ok && !unicode.IsLower(first) {
			names = append(names, f.Name.Name)
		}
	}
	return names
}

// topLevel reads an expression as go test -bench does, and returns which
// benchmarks it takes by their names, without those below them. Bars that no
// bracket encloses part alternatives, and slashes part the levels of each, so
// A/x|B/y is A/x or B/y.
func topLevel(expression string) (takes func(name string) bool, err error) {
	var tops []*regexp.Regexp
	level, from, round, square := 0, 0, 0, 0
	end := func(at int) {
		re, bad := regexp.Compile(expression[from:at])
		if bad != nil {
			err = errors.Join(err, bad)
		} else if level == 0 {
			tops = append(tops, re)
		}
		from = at + 1
	}
	for i := 0; i < len(expression); i++ {
		switch c := expression[i]; {
		case c == '\\':
			i++ // what follows stands for itself
		case c == '[':
			square++
		case c == ']':
			square = max(0, square-1)
		case square > 0:
		case c == '(':
			round++
		case c == ')':
			round--
		case round != 0:
		case c == '/':
			end(i)
			level++
		case c == '|':
			end(i)
			level = 0
		}
	}
	end(len(expression))
	return func(name string) bool {
		return slices.ContainsFunc(tops, func(re *regexp.Regexp) bool { return re.MatchString(name) })
	}, err
}

// changed names the first of a package's test files that the two sides do not
// have alike, "" where there is none.
func (r *benched) changed(dir string, files []string) string {
	for _, name := range files {
		a, errA := os.ReadFile(filepath.Join(r.s.sides.dir(compare.Base), dir, name))
		b, errB := os.ReadFile(filepath.Join(r.s.sides.dir(compare.Candidate), dir, name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			return filepath.Join(dir, name)
		}
	}
	return ""
}

func (r *benched) compile(ctx context.Context, pkg string, arm compare.Arm, layout uint64, out string) error {
	cmd := r.goCommand(arm, "test", "-c", "-o", out, "-trimpath", "-buildvcs=false", "-ldflags="+layoutFlags(layout), "./"+pkg)
	_, err := child.Run(ctx, cmd, nil, buildLimit, nil)
	return err
}
