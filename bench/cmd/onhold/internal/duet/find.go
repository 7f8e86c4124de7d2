package duet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/benchlist"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/source"
	"github.com/a628bb15/onhold/bench/process"
	"github.com/a628bb15/onhold/reports/compare"
)

// benchPackage is a package with benchmarks on both sides.
type benchPackage struct {
	dir      string          // folder below the side's
	name     string          // as reported
	declared []string        // benchmarks that both sides have
	twice    map[string]bool // benchmarks that a side declares twice, in the package and in x_test
	builder  *builder
}

func dirsOf(packages []*benchPackage) (dirs []string) {
	for _, p := range packages {
		dirs = append(dirs, p.dir)
	}
	return dirs
}

// find lists the packages in which both sides have such a benchmark. A benchmark
// that the candidate lacks makes the comparison not valid: it must not pass by
// being deleted. A note says where the test files differ, because then the
// benchmark itself may have changed.
func (r *benched) find(ctx context.Context) ([]*benchPackage, error) {
	q := benchlist.Query{Patterns: r.Packages, Tags: r.Tags, Bench: r.bench()}
	if len(q.Patterns) == 0 {
		q.Patterns = []string{"."}
	}
	base, err := benchlist.List(ctx, r.s.sides, compare.Base, q)
	if err != nil {
		return nil, err
	}
	candidate, err := benchlist.List(ctx, r.s.sides, compare.Candidate, q)
	if err != nil {
		return nil, err
	}
	if len(candidate.Errors) > 0 {
		about := candidate.Errors
		if len(candidate.Excluded) > 0 {
			about = append(about, "this build leaves out "+source.List(candidate.Excluded))
		}
		return nil, &ConfigError{Err: fmt.Errorf("packages %s: %s%s", strings.Join(q.Patterns, " "), strings.Join(about, "; "), r.modules(candidate))}
	}
	r.reportGone(base, candidate)
	if r.CandidateTests {
		if err := r.replaceTests(candidate); err != nil {
			return nil, err
		}
		if base, err = benchlist.List(ctx, r.s.sides, compare.Base, q); err != nil {
			return nil, err
		}
	}
	var found []*benchPackage
	var fresh []string
	for _, dir := range slices.Sorted(maps.Keys(candidate.Packages)) {
		b, c := base.Packages[dir], candidate.Packages[dir]
		if b == nil {
			b = &benchlist.Package{}
		}
		p := &benchPackage{dir: dir, name: c.Path, twice: maps.Clone(c.Twice)}
		maps.Copy(p.twice, b.Twice)
		var new []string
		for _, name := range slices.Sorted(maps.Keys(c.Benchmarks)) {
			if b.Benchmarks[name] != "" {
				p.declared = append(p.declared, name)
			} else {
				new = append(new, name)
			}
		}
		if len(new) > 0 {
			note := fmt.Sprintf("%s has benchmarks in the candidate only, so they are not compared: %s", dir, source.List(new))
			if !r.CandidateTests {
				note += "; the option candidate-tests measures them on the base too"
			}
			fresh = append(fresh, note)
		}
		if len(p.declared) > 0 {
			found = append(found, p)
			files := slices.Concat(slices.Collect(maps.Values(b.Benchmarks)), slices.Collect(maps.Values(c.Benchmarks)))
			if changed := r.changed(dir, files); changed != "" {
				r.s.notes = append(r.s.notes, fmt.Sprintf("%s differs between the sides: a change may come from the benchmark itself", changed))
			}
		}
	}
	r.s.notes = append(r.s.notes, fresh...)
	unmatched := benchlist.Unmatched(r.s.sides, q.Patterns, dirsOf(found))
	if len(found) == 0 {
		return nil, &ConfigError{Err: r.nothing(q, base, candidate, append(fresh, unmatched))}
	}
	qualify(found)
	for _, side := range []benchlist.Listing{base, candidate} {
		if about := side.Remarks(); about != "" {
			r.s.notes = append(r.s.notes, fmt.Sprintf("packages of the %s are left out, because go reports: %s", side.Arm, about))
		}
	}
	r.s.notes = append(r.s.notes, nonempty(unmatched)...)
	return found, nil
}

// qualify adds the folder to the names of packages of the same import path, as
// modules of examples often have. All are called as in the candidate, because the
// module may have been renamed.
func qualify(packages []*benchPackage) {
	count := map[string]int{}
	for _, p := range packages {
		count[p.name]++
	}
	for _, p := range packages {
		if count[p.name] > 1 {
			p.name += "(" + filepath.ToSlash(p.dir) + ")"
		}
	}
}

// reportGone reports the benchmarks that the base has and the candidate has not.
func (r *benched) reportGone(base, candidate benchlist.Listing) {
	for dir, b := range base.Packages {
		for name := range b.Benchmarks {
			c := candidate.Packages[dir]
			if c == nil || c.Benchmarks[name] == "" {
				r.s.invalid = append(r.s.invalid, fmt.Sprintf("benchmark %s of %s is gone in the candidate", name, dir))
			}
		}
	}
	slices.Sort(r.s.invalid)
	for _, gone := range r.s.invalid {
		r.s.log("%s", gone)
	}
}

// replaceTests replaces the base's test files by the candidate's.
func (r *benched) replaceTests(candidate benchlist.Listing) error {
	var moved []string
	for _, dir := range slices.Sorted(maps.Keys(candidate.Packages)) {
		if files, _ := filepath.Glob(filepath.Join(r.s.sides.Dir(compare.Base), dir, "*.go")); len(files) == 0 {
			r.s.notes = append(r.s.notes, fmt.Sprintf("the base has no package in %s, so the candidate's tests are not measured there", dir))
			continue
		}
		changed, err := r.s.sides.ReplaceTests(dir)
		if err != nil {
			return err
		}
		moved = append(moved, changed...)
	}
	if len(moved) > 0 {
		r.s.notes = append(r.s.notes, fmt.Sprintf("the base is measured with the candidate's test files; %s differed", source.List(moved)))
	}
	return nil
}

// nothing is the error where there is nothing to compare, with what go reports.
func (r *benched) nothing(q benchlist.Query, base, candidate benchlist.Listing, notes []string) error {
	why := []string{fmt.Sprintf("no package of %s has benchmarks on both sides that match %s", strings.Join(q.Patterns, " "), q.Bench)}
	why = append(why, r.s.invalid...)
	for _, side := range []benchlist.Listing{base, candidate} {
		if about := side.Remarks(); about != "" {
			why = append(why, fmt.Sprintf("go reports for the %s: %s", side.Arm, about))
		}
		if len(side.Excluded) > 0 {
			why = append(why, fmt.Sprintf("this build of the %s leaves out %s", side.Arm, source.List(side.Excluded)))
		}
	}
	why = append(why, nonempty(notes...)...)
	return errors.New(strings.Join(why, "; ") + r.modules(candidate))
}

// modules names the candidate's modules, where the patterns matched no package.
func (r *benched) modules(candidate benchlist.Listing) string {
	if len(candidate.Packages) > 0 {
		return ""
	}
	return "; " + benchlist.Modules(r.s.sides)
}

// changed names the first of a package's test files that differs between the
// sides, "" where none does.
func (r *benched) changed(dir string, files []string) string {
	slices.Sort(files)
	for _, name := range slices.Compact(files) {
		a, errA := os.ReadFile(filepath.Join(r.s.sides.Dir(compare.Base), dir, name))
		b, errB := os.ReadFile(filepath.Join(r.s.sides.Dir(compare.Candidate), dir, name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			return filepath.Join(dir, name)
		}
	}
	return ""
}

// compile builds the test binary of a package, from the package's own folder, which
// may be in another module than the user's.
func (r *benched) compile(ctx context.Context, dir string, arm compare.Arm, layout uint64, out string) error {
	args := slices.Concat([]string{"test", "-c", "-o", out, "-trimpath", "-buildvcs=false", "-ldflags=" + layoutFlags(layout)}, benchlist.TagFlags(r.Tags), []string{"."})
	_, err := process.Run(ctx, r.s.sides.Command(arm, filepath.Join(r.s.sides.Dir(arm), dir), "go", args...), nil, buildLimit, nil)
	return err
}
