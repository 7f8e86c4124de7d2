package duet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/source"
	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/reports/compare"
)

// listing is what go says of one side's packages.
type listing struct {
	found   map[string]map[string]string // by a package's folder below the side's: its benchmarks, with their files
	folders map[string]bool              // of all packages with test files
	paths   map[string]string            // import paths, by the packages' folders
	twice   map[string]bool              // benchmarks, by folder and name, that the package's own tests declare and those of package x_test too
	wrong   []string                     // what go says of a pattern or a package that is named
	broken  []string                     // what go says of a package that a pattern with ... takes
	ignored []string                     // benchmarks in files that this build leaves out
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
	if len(candidate.wrong) > 0 {
		about := candidate.wrong
		if len(candidate.ignored) > 0 {
			about = append(about, "this build leaves out "+source.List(candidate.ignored))
		}
		return nil, &ConfigError{Err: fmt.Errorf("the packages %s: %s%s", strings.Join(patterns, " "), strings.Join(about, "; "), r.whereModulesLie(candidate))}
	}
	r.noteGone(base, candidate)
	if r.CandidateTests {
		if base, err = r.replaceTests(ctx, patterns, candidate); err != nil {
			return nil, err
		}
	}
	var found []string
	r.declared = map[string][]string{}
	for _, dir := range slices.Sorted(maps.Keys(candidate.found)) {
		var fresh []string
		files := map[string]bool{}
		for name, file := range candidate.found[dir] {
			files[file] = true
			if _, ok := base.found[dir][name]; !ok {
				fresh = append(fresh, name)
			} else {
				r.declared[dir] = append(r.declared[dir], name)
			}
		}
		slices.Sort(r.declared[dir])
		for _, file := range base.found[dir] {
			files[file] = true
		}
		if len(fresh) > 0 {
			slices.Sort(fresh)
			note := fmt.Sprintf("%s has benchmarks in the candidate only, so they are not compared: %s", dir, source.List(fresh))
			if !r.CandidateTests {
				note += ". --candidate-tests measures them on the base too"
			}
			r.s.notes = append(r.s.notes, note)
		}
		if len(fresh) < len(candidate.found[dir]) {
			found = append(found, dir)
			if changed := r.changed(dir, slices.Sorted(maps.Keys(files))); changed != "" {
				r.s.notes = append(r.s.notes, fmt.Sprintf("%s differs between the sides: what changed may be the benchmark, and not what it measures", changed))
			}
		}
	}
	if len(found) == 0 {
		return nil, &ConfigError{Err: r.nothing(patterns, base, candidate)}
	}
	r.name(found, base, candidate)
	for _, side := range []struct {
		name string
		listing
	}{{"base", base}, {"candidate", candidate}} {
		if about := slices.Concat(side.wrong, side.broken); len(about) > 0 {
			r.s.notes = append(r.s.notes, fmt.Sprintf("packages of the %s are left out, as go says: %s", side.name, source.List(about)))
		}
	}
	if missed := r.beside(patterns, found); missed != "" {
		r.s.notes = append(r.s.notes, missed)
	}
	return found, nil
}

// replaceTests measures the base with the candidate's test files, and lists the
// base's benchmarks again.
func (r *benched) replaceTests(ctx context.Context, patterns []string, candidate listing) (listing, error) {
	var moved []string
	for _, dir := range slices.Sorted(maps.Keys(candidate.folders)) {
		if files, _ := filepath.Glob(filepath.Join(r.s.sides.Dir(compare.Base), dir, "*.go")); len(files) == 0 {
			r.s.notes = append(r.s.notes, fmt.Sprintf("the base has no package in %s, so the candidate's tests are not measured there", dir))
			continue
		}
		changed, err := r.s.sides.ReplaceTests(dir)
		if err != nil {
			return listing{}, err
		}
		moved = append(moved, changed...)
	}
	if len(moved) > 0 {
		r.s.notes = append(r.s.notes, fmt.Sprintf("the base is measured with the candidate's test files; %s differed", source.List(moved)))
	}
	return r.list(ctx, compare.Base, patterns)
}

// name settles what packages and benchmarks are called whose own names would not
// tell them apart, or not alike on both sides. A package is called by its import
// path in the candidate, for the module may have been renamed; where modules of
// the repository have the same path, as those of examples do, the folder is part
// of it.
func (r *benched) name(found []string, base, candidate listing) {
	r.paths, r.twice = map[string]string{}, map[string]bool{}
	maps.Copy(r.twice, base.twice)
	maps.Copy(r.twice, candidate.twice)
	count := map[string]int{}
	for _, dir := range found {
		count[candidate.paths[dir]]++
	}
	for _, dir := range found {
		path := candidate.paths[dir]
		if count[path] > 1 {
			path += "(" + filepath.ToSlash(dir) + ")"
		}
		r.paths[dir] = path
	}
}

// noteGone notes the benchmarks that the base has and the candidate has not.
func (r *benched) noteGone(base, candidate listing) {
	for dir, names := range base.found {
		for name := range names {
			if _, ok := candidate.found[dir][name]; !ok {
				r.s.invalid = append(r.s.invalid, fmt.Sprintf("benchmark %s of %s is gone in the candidate", name, dir))
			}
		}
	}
	slices.Sort(r.s.invalid)
	for _, gone := range r.s.invalid {
		r.s.tell("%s", gone)
	}
}

// nothing is why there is nothing to compare, with what go says, and where to
// look.
func (r *benched) nothing(patterns []string, base, candidate listing) error {
	why := []string{fmt.Sprintf("no package of %s has benchmarks on both sides that --bench=%s takes", strings.Join(patterns, " "), r.bench())}
	why = append(why, r.s.invalid...)
	for _, note := range r.s.notes {
		if strings.Contains(note, "candidate only") {
			why = append(why, note)
		}
	}
	for _, side := range []struct {
		name string
		listing
	}{{"base", base}, {"candidate", candidate}} {
		if about := slices.Concat(side.wrong, side.broken); len(about) > 0 {
			why = append(why, fmt.Sprintf("go says of the %s: %s", side.name, source.List(about)))
		}
		if len(side.ignored) > 0 {
			why = append(why, fmt.Sprintf("this build of the %s leaves out %s", side.name, source.List(side.ignored)))
		}
	}
	if missed := r.beside(patterns, nil); missed != "" {
		why = append(why, missed)
	}
	return errors.New(strings.Join(why, "; ") + r.whereModulesLie(candidate))
}

// whereModulesLie names the modules of the candidate, where the patterns missed
// them.
func (r *benched) whereModulesLie(candidate listing) string {
	if len(candidate.folders) > 0 {
		return ""
	}
	var dirs []string
	for _, dir := range source.ModulesBelow(r.s.sides.Top(compare.Candidate)) {
		if rel, err := filepath.Rel(r.s.sides.Dir(compare.Candidate), dir); err == nil {
			dirs = append(dirs, pattern(rel))
		}
	}
	if len(dirs) == 0 {
		return "; the repository has no go.mod"
	}
	return "; its modules are those of " + source.List(dirs)
}

// pattern names all packages below a relative folder.
func pattern(rel string) string {
	if rel == "." {
		return "./..."
	}
	if !filepath.IsLocal(rel) {
		return filepath.ToSlash(rel) + "/..."
	}
	return "./" + filepath.ToSlash(rel) + "/..."
}

// beside names the modules below the patterns that these do not take: to go, a
// pattern ends where another module begins. "" where there is none.
func (r *benched) beside(patterns, found []string) string {
	side := r.s.sides.Dir(compare.Candidate)
	var missed []string
	for _, p := range patterns {
		literal, more, _ := strings.Cut(p, "...")
		if !relative(p) || more != "" || !strings.HasSuffix(p, "/...") {
			continue
		}
		at := filepath.Join(side, literal)
		if r.s.sides.ModuleOf(compare.Candidate, at) == "" {
			continue
		}
		for _, dir := range source.ModulesBelow(at) {
			rel, err := filepath.Rel(side, dir)
			if err != nil || dir == at || slices.ContainsFunc(found, func(f string) bool { return f == rel || strings.HasPrefix(f, rel+string(filepath.Separator)) }) {
				continue
			}
			missed = append(missed, pattern(rel))
		}
	}
	if len(missed) == 0 {
		return ""
	}
	return fmt.Sprintf("%s: not measured, as they are modules of their own; name them to measure them", source.List(missed))
}

// relative reports whether a pattern names a folder, and not an import path.
func relative(pattern string) bool {
	return pattern == "." || pattern == ".." || strings.HasPrefix(pattern, "./") || strings.HasPrefix(pattern, "../")
}

// asked is a call of go list: in which folder, and for which patterns.
type asked struct {
	dir      string
	patterns []string
}

// calls are the calls of go list that patterns take. A folder of another module
// than the user's is asked for from there, and where a folder lies in no module,
// as at the top of a repository of several, those below it are.
func (r *benched) calls(arm compare.Arm, patterns []string) (calls []asked) {
	add := func(dir, pattern string) {
		for i := range calls {
			if calls[i].dir == dir {
				calls[i].patterns = append(calls[i].patterns, pattern)
				return
			}
		}
		calls = append(calls, asked{dir, []string{pattern}})
	}
	side := r.s.sides.Dir(arm)
	for _, p := range patterns {
		literal, wild, isWild := strings.Cut(p, "...")
		at := filepath.Join(side, literal)
		if isWild && !strings.HasSuffix(literal, "/") {
			at = filepath.Dir(at) // ./a... takes folders beside ./a
		}
		switch module := r.s.sides.ModuleOf(arm, at); {
		case !relative(p):
			add(side, p)
		case module != "":
			rel, err := filepath.Rel(module, filepath.Join(side, p))
			if err != nil {
				add(side, p)
				continue
			}
			add(module, "./"+filepath.ToSlash(rel))
		case isWild && wild == "":
			below := source.ModulesBelow(at)
			for _, dir := range below {
				add(dir, "./...")
			}
			if len(below) == 0 {
				add(side, p)
			}
		default:
			add(side, p)
		}
	}
	return calls
}

// listed is what go list prints of a package.
type listed struct {
	Dir, ImportPath                           string
	TestGoFiles, XTestGoFiles, IgnoredGoFiles []string
	Match                                     []string
	Error                                     *struct{ Err string }
}

// list finds an arm's packages, by their folders below the arm's, and the
// benchmarks in each whose names the expression takes, with their files. What
// is below those in sub-benchmarks shows when they run.
func (r *benched) list(ctx context.Context, arm compare.Arm, patterns []string) (l listing, err error) {
	takes, err := topLevel(r.bench())
	if err != nil {
		return l, err
	}
	l = listing{found: map[string]map[string]string{}, folders: map[string]bool{}, paths: map[string]string{}, twice: map[string]bool{}}
	for _, call := range r.calls(arm, patterns) {
		args := append([]string{"list", "-e", "-json=Dir,ImportPath,TestGoFiles,XTestGoFiles,IgnoredGoFiles,Match,Error"}, r.tagFlags()...)
		cmd := r.s.sides.Command(arm, call.dir, "go", append(append(args, "--"), call.patterns...)...)
		ran, err := process.Run(ctx, cmd, nil, buildLimit, nil)
		if ctx.Err() != nil {
			return l, context.Cause(ctx)
		}
		if err != nil {
			l.wrong = append(l.wrong, r.s.sides.Named(arm, err.Error()))
			continue
		}
		out, err := ran.Whole()
		if err != nil {
			return l, err
		}
		for dec := json.NewDecoder(bytes.NewReader(out)); ; {
			var p listed
			if err := dec.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return l, fmt.Errorf("what go list prints of the packages %s: %w", strings.Join(call.patterns, " "), err)
			}
			l.add(r.s.sides, arm, p, takes)
		}
	}
	return l, nil
}

// add takes a package into a listing.
func (l *listing) add(s *source.Sides, arm compare.Arm, p listed, takes func(string) bool) {
	if p.Error != nil && len(p.TestGoFiles)+len(p.XTestGoFiles) == 0 {
		said := strings.TrimSpace(s.Named(arm, p.Error.Err))
		if p.Dir == "" || slices.ContainsFunc(p.Match, func(m string) bool { return !strings.Contains(m, "...") }) {
			l.wrong = append(l.wrong, said)
		} else {
			l.broken = append(l.broken, said)
		}
	}
	dir, err := filepath.Rel(s.Dir(arm), p.Dir)
	if p.Dir == "" || err != nil {
		return
	}
	for _, file := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
		l.folders[dir] = true
		for _, name := range benchmarksIn(filepath.Join(p.Dir, file)) {
			if !takes(name) {
				continue
			}
			if l.found[dir] == nil {
				l.found[dir], l.paths[dir] = map[string]string{}, p.ImportPath
			}
			if _, ok := l.found[dir][name]; ok {
				l.twice[dir+" "+name] = true
			}
			l.found[dir][name] = file
		}
	}
	for _, file := range p.IgnoredGoFiles {
		path := filepath.Join(p.Dir, file)
		if !strings.HasSuffix(file, "_test.go") || !slices.ContainsFunc(benchmarksIn(path), takes) {
			continue
		}
		about := filepath.Join(dir, file)
		if line := constraintOf(path); line != "" {
			about += " (" + line + "; --tags sets build tags)"
		}
		l.ignored = append(l.ignored, about)
	}
}

// constraintOf is the line of a file that says when it is built, "" where none
// does.
func constraintOf(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); constraint.IsGoBuild(line) {
			return line
		}
		if strings.HasPrefix(line, "package ") {
			break
		}
	}
	return ""
}

// tagFlags are the flags of the go command for the build tags.
func (r *benched) tagFlags() []string {
	if r.Tags == "" {
		return nil
	}
	return []string{"-tags=" + r.Tags}
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
		a, errA := os.ReadFile(filepath.Join(r.s.sides.Dir(compare.Base), dir, name))
		b, errB := os.ReadFile(filepath.Join(r.s.sides.Dir(compare.Candidate), dir, name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			return filepath.Join(dir, name)
		}
	}
	return ""
}

// compile builds the test binary of a package, from the package's own folder:
// it may be of another module than the user's.
func (r *benched) compile(ctx context.Context, pkg string, arm compare.Arm, layout uint64, out string) error {
	args := slices.Concat([]string{"test", "-c", "-o", out, "-trimpath", "-buildvcs=false", "-ldflags=" + layoutFlags(layout)}, r.tagFlags(), []string{"."})
	_, err := process.Run(ctx, r.s.sides.Command(arm, filepath.Join(r.s.sides.Dir(arm), pkg), "go", args...), nil, buildLimit, nil)
	return err
}
