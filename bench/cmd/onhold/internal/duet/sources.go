package duet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/bench/scratch"
	"github.com/a628bb15/onhold/reports/compare"
)

// sources are the two sides in folders of their own, of equal length: where a
// program lies must not tell them apart.
type sources struct {
	repo            string // top of the user's working tree
	sub             string // where in it the user stands, "." for the top
	root            string // temporary folder of it all
	place           string // of a side's top below the side's folder
	baseCommit      string
	candidateCommit string // of the working tree's HEAD, with + where it has changes
	candidateTree   string // tells the candidate's contents
	candidateName   string
	differing       []string          // paths that the two sides do not have alike, from the top
	work            map[string]string // GOWORK of a side's folder, where it is not the user's
	notes           []string          // what the sides are, and what of the working tree is not in them

	scratch *scratch.Dir
}

const (
	baseFolder      = "source-b"
	candidateFolder = "source-c"

	scratchPrefix = "onhold-duet-"
	// deepest is how deep submodules may lie in each other.
	deepest = 10
)

// laid is a repository, the user's or a submodule of it, laid out for the base
// (0) and the candidate (1).
type laid struct {
	user    *repository
	path    string // from the top of the user's
	own     [2]*repository
	commits [2]string
	trees   [2]tree
}

// layOut lays both sides out by the same means: git stores the base, and the
// candidate too, as a tree, and both are written from there, with no hook, no
// filter and no configuration of the user's. The candidate is the working tree
// as 'git add --all' would commit it: with changes and new files, without what
// git ignores. Either is a repository of its own, for a build that asks git. The
// user's repository is only read.
//
// What lies in the folder out is no part of the candidate: the record of this
// very comparison grows in it.
func layOut(ctx context.Context, dir, ref, out string) (s *sources, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return nil, err
	}
	user, err := openRepository(ctx, abs)
	if err != nil {
		return nil, stoppedOr(ctx, fmt.Errorf("%s is not in a git working tree: %w", dir, err))
	}
	head, err := user.git(ctx, nil, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
	if err != nil {
		return nil, stoppedOr(ctx, fmt.Errorf("the repository %s has no commit: HEAD is that of the candidate", user.top))
	}
	base, note, err := user.baseOf(ctx, ref, head)
	if err != nil {
		return nil, err
	}
	sub, err := filepath.Rel(user.top, abs)
	if err != nil || outside(sub) {
		return nil, &ConfigError{fmt.Errorf("%s lies outside of the working tree %s that the environment names", dir, user.top)}
	}
	s = &sources{repo: user.top, sub: sub, baseCommit: base, candidateCommit: head, candidateName: "working tree"}
	if note != "" {
		s.notes = append(s.notes, note)
	}
	if s.scratch, err = scratch.New(scratchPrefix); err != nil {
		return nil, err
	}
	s.root = s.scratch.Path
	begun := s // which a return with an error sets to nil
	defer func() {
		if err != nil {
			begun.remove()
		}
	}()
	top := &laid{user: user, commits: [2]string{base, head}}
	changed, err := s.lay(ctx, top, out, 0)
	if err != nil {
		return nil, fmt.Errorf("laying out the two sides: %w", err)
	}
	if changed {
		s.candidateCommit += "+"
		s.candidateName = "working tree, with changes"
	}
	if err := s.settle(ctx, top); err != nil {
		return nil, err
	}
	for _, arm := range []compare.Arm{compare.Base, compare.Candidate} {
		// A side without the folder has nothing in it, which is for go to say.
		if err := os.MkdirAll(s.dir(arm), 0o755); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// stoppedOr is why ctx ended, or else an error of what the user asked for.
func stoppedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &ConfigError{err}
}

// lay lays a repository out on both sides, and its submodules, and reports
// whether the candidate is not as it was committed.
func (s *sources) lay(ctx context.Context, l *laid, out string, depth int) (changed bool, err error) {
	for i, folder := range []string{baseFolder, candidateFolder} {
		if l.own[i], err = l.user.at(ctx, filepath.Join(s.root, folder, l.path), l.commits[i]); err != nil {
			return false, err
		}
		if err := l.user.fetchMissing(ctx, l.own[i], l.commits[i]); err != nil {
			return false, err
		}
	}
	candidate, err := l.user.snapshot(ctx, l.own[1], out)
	if err != nil {
		return false, err
	}
	for i, treeish := range []string{l.commits[0], candidate} {
		if l.trees[i], err = l.own[i].treeOf(ctx, treeish); err != nil {
			return false, err
		}
		if err := l.own[i].fill(ctx, treeish); err != nil {
			return false, err
		}
	}
	committed, err := l.own[1].git(ctx, nil, "rev-parse", l.commits[1]+"^{tree}")
	if err != nil {
		return false, err
	}
	changed = committed != candidate
	hidden, err := l.user.hidden(ctx, l.trees[1])
	if err != nil {
		return false, err
	}
	if len(hidden) > 0 {
		s.notes = append(s.notes, fmt.Sprintf("changes of %s are not in the candidate, for git was told not to look at them (assume-unchanged, skip-worktree): 'git update-index --no-assume-unchanged' or '--no-skip-worktree' has it look", some(hidden)))
	}
	notes, err := l.unfilter(ctx)
	if err != nil {
		return false, err
	}
	s.notes = append(s.notes, notes...)
	sum := sha256.New()
	fmt.Fprint(sum, s.candidateTree)
	for _, path := range pathsOf(l.trees[0], l.trees[1]) {
		b, c := l.trees[0][path], l.trees[1][path]
		if b.mode == gitLink || c.mode == gitLink {
			inside, err := s.layModule(ctx, l, path, b, c, depth)
			if err != nil {
				return false, err
			}
			changed = changed || inside
		} else if b != c {
			s.differing = append(s.differing, filepath.Join(l.path, path))
		}
		fmt.Fprintf(sum, "%s %s %s\x00", c.mode, c.object, filepath.Join(l.path, path))
	}
	s.candidateTree = hex.EncodeToString(sum.Sum(nil))[:16]
	return changed, nil
}

// layModule lays a submodule out. One that is not in the clone is empty on both
// sides.
func (s *sources) layModule(ctx context.Context, l *laid, path string, base, candidate entry, depth int) (changed bool, err error) {
	full := filepath.Join(l.path, path)
	empty := func(why string) (bool, error) {
		if base != candidate {
			s.differing = append(s.differing, full)
		}
		s.notes = append(s.notes, fmt.Sprintf("the submodule %s is empty on both sides: %s", full, why))
		return false, ctx.Err()
	}
	if depth == deepest || base.mode != gitLink || candidate.mode != gitLink {
		return empty("it is not one on both sides")
	}
	user, err := openRepository(ctx, filepath.Join(l.user.top, path))
	if err != nil || user.top != filepath.Join(l.user.top, path) {
		return empty("it is not checked out; 'git submodule update --init' does it")
	}
	head, err := user.git(ctx, nil, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
	if err != nil {
		return empty("it has no commit")
	}
	if _, err := user.git(ctx, nil, "rev-parse", "--verify", "--quiet", base.object+"^{commit}"); err != nil {
		return empty(fmt.Sprintf("the clone of it lacks the base's commit %s; 'git -C %s fetch' may get it", short(base.object), full))
	}
	return s.lay(ctx, &laid{user: user, path: full, commits: [2]string{base.object, head}}, "", depth+1)
}

// remove takes it all away.
func (s *sources) remove() {
	if s.scratch != nil {
		s.scratch.Remove()
	}
}

// folder is that of an arm's side below root.
func folder(arm compare.Arm) string {
	if arm == compare.Candidate {
		return candidateFolder
	}
	return baseFolder
}

// top is that of an arm's source.
func (s *sources) top(arm compare.Arm) string { return filepath.Join(s.root, folder(arm), s.place) }

// dir is where an arm's source lies, at the place in it where the user stands.
func (s *sources) dir(arm compare.Arm) string { return filepath.Join(s.top(arm), s.sub) }

// command is a program that runs in a folder of an arm's source, with what the
// environment says of the user's repository left out or set right: it is the
// same for both sides but for where they lie.
func (s *sources) command(arm compare.Arm, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = placeless(cmd.Environ())
	if work, ok := s.work[folder(arm)]; ok {
		cmd.Env = append(cmd.Env, "GOWORK="+work)
	}
	return cmd
}

// said is what a program says of a side's files, with the names that the user
// knows them by: the candidate's as they lie in the working tree, the base's
// behind its commit, as git has it.
func (s *sources) said(arm compare.Arm, text string) string {
	if s.root == "" {
		return text
	}
	if folder(arm) == candidateFolder {
		return strings.ReplaceAll(text, s.top(arm), s.repo)
	}
	top := s.top(arm)
	return strings.NewReplacer(top+string(filepath.Separator), short(s.baseCommit)+":", top, short(s.baseCommit)+":").Replace(text)
}

// goFiles lists the go.mod and go.work files of a side, whose folder is top, but
// for what go leaves out.
func goFiles(top string, named ...string) (found []string, err error) {
	err = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && path != top && (name == "vendor" || name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")):
			return fs.SkipDir
		case d.Type().IsRegular() && slices.Contains(named, name):
			found = append(found, path)
		}
		return nil
	})
	return found, errors.Join(err)
}
