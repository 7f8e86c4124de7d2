// Package source lays out the two sides of a comparison: the base from git and
// the candidate as the working tree is, each in a folder of its own. The user's
// repository is only read. Begin with [Lay].
//
// Git stores both sides as trees and writes both from there, with no hook, no
// filter and no configuration of the user's, so the same content gives the same
// files. Each side is a repository of its own, for builds that ask git. What a
// go.mod or go.work file names outside of the repository lies at the same relative
// place around each side.
package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/a628bb15/onhold/bench/scratch"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/field"
)

// Error is an error in what the user asked for.
type Error struct{ Err error }

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Sides are the base and the candidate, in folders whose names are equally long,
// so that the path of a program does not differ between them.
type Sides struct {
	Repo            string   // top of the user's working tree
	Sub             string   // where in it the user stands, "." for the top
	Root            string   // temporary folder of both sides
	BaseCommit      string   // in full
	CandidateCommit string   // of HEAD, with + where the working tree has changes
	CandidateTree   string   // digest of the candidate's contents
	CandidateName   string   // in words
	Differing       []string // paths that differ between the sides, from the top
	Notes           []string // remarks for the report

	place string            // of a side's top below the side's folder
	work  map[string]string // GOWORK by side folder, where it is not the user's

	scratch *scratch.Dir
}

const (
	baseFolder      = "source-b"
	candidateFolder = "source-c"

	scratchPrefix = "onhold-duet-"
	// maxDepth is how deep submodules may be nested.
	maxDepth = 10
)

// pair is a repository, the user's or a submodule, laid out for the base (0) and
// the candidate (1).
type pair struct {
	user    *repository
	path    string // from the top of the user's repository
	own     [2]*repository
	commits [2]string
	trees   [2]tree
}

// Lay lays out both sides of the repository around dir. The base is the commit of
// ref, or of a branch where HEAD forked from it. The candidate is the working tree
// as 'git add --all' would commit it: with changes and new files, without ignored
// ones and without the folder out, which holds the record of the comparison.
func Lay(ctx context.Context, dir, ref, out string) (s *Sides, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return nil, err
	}
	user, err := openRepository(ctx, abs)
	if err != nil {
		return nil, interruptedOr(ctx, fmt.Errorf("%s is not in a git working tree: %w", dir, err))
	}
	head, err := user.commit(ctx, "HEAD")
	if err != nil {
		return nil, interruptedOr(ctx, fmt.Errorf("the repository %s has no commit: commit something first", user.top))
	}
	base, note, err := user.baseOf(ctx, ref, head)
	if err != nil {
		return nil, err
	}
	sub, ok := within(user.top, abs)
	if !ok {
		return nil, &Error{fmt.Errorf("%s is outside of the working tree %s, which the environment names (GIT_WORK_TREE)", dir, user.top)}
	}
	s = &Sides{Repo: user.top, Sub: sub, BaseCommit: base, CandidateCommit: head, CandidateName: "working tree"}
	if note != "" {
		s.note("%s", note)
	}
	if s.scratch, err = scratch.New(scratchPrefix); err != nil {
		return nil, err
	}
	s.Root = s.scratch.Path
	defer func(begun *Sides) {
		if err != nil {
			begun.Remove()
		}
	}(s)
	top := &pair{user: user, commits: [2]string{base, head}}
	changed, err := s.lay(ctx, top, out, 0)
	if err != nil {
		return nil, fmt.Errorf("laying out the two sides: %w", err)
	}
	if changed {
		s.CandidateCommit += "+"
		s.CandidateName = "working tree, with changes"
	}
	if err := s.surround(ctx, top); err != nil {
		return nil, err
	}
	for _, arm := range []compare.Arm{compare.Base, compare.Candidate} {
		// A side may not have the user's folder; go reports that.
		if err := os.MkdirAll(s.Dir(arm), 0o755); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// interruptedOr is the reason why ctx ended, or else an [*Error].
func interruptedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &Error{err}
}

func (s *Sides) note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
}

// lay lays out a repository on both sides, and its submodules, and reports whether
// the candidate has uncommitted changes.
func (s *Sides) lay(ctx context.Context, p *pair, out string, depth int) (changed bool, err error) {
	for i, folder := range []string{baseFolder, candidateFolder} {
		if p.own[i], err = p.user.at(ctx, filepath.Join(s.Root, folder, p.path), p.commits[i]); err != nil {
			return false, err
		}
		if err := p.user.fetchMissing(ctx, p.own[i], p.commits[i]); err != nil {
			return false, err
		}
	}
	candidate, err := p.user.snapshot(ctx, p.own[1], out)
	if err != nil {
		return false, err
	}
	for i, treeish := range []string{p.commits[0], candidate} {
		if p.trees[i], err = p.own[i].treeOf(ctx, treeish); err != nil {
			return false, err
		}
		if err := p.own[i].fill(ctx, treeish); err != nil {
			return false, err
		}
	}
	committed, err := p.own[1].git(ctx, nil, "rev-parse", p.commits[1]+"^{tree}")
	if err != nil {
		return false, err
	}
	changed = committed != candidate
	hidden, err := p.user.hidden(ctx, p.trees[1])
	if err != nil {
		return false, err
	}
	if len(hidden) > 0 {
		s.note("changes of %s are not in the candidate, because git ignores them (assume-unchanged, skip-worktree); 'git update-index --no-assume-unchanged' or '--no-skip-worktree' includes them", List(hidden))
	}
	if err := s.unfilter(ctx, p); err != nil {
		return false, err
	}
	sum := sha256.New()
	io.WriteString(sum, s.CandidateTree)
	for _, path := range pathsOf(p.trees) {
		b, c := p.trees[0][path], p.trees[1][path]
		if b.mode == gitLink || c.mode == gitLink {
			inside, err := s.laySubmodule(ctx, p, path, b, c, depth)
			if err != nil {
				return false, err
			}
			changed = changed || inside
		} else if b != c {
			s.Differing = append(s.Differing, filepath.Join(p.path, path))
		}
		fmt.Fprintf(sum, "%s %s %s\x00", c.mode, c.object, filepath.Join(p.path, path))
	}
	s.CandidateTree = hex.EncodeToString(sum.Sum(nil))[:16]
	return changed, nil
}

// laySubmodule lays out a submodule. One that is not in the clone is empty on both
// sides.
func (s *Sides) laySubmodule(ctx context.Context, p *pair, path string, base, candidate entry, depth int) (changed bool, err error) {
	full := filepath.Join(p.path, path)
	empty := func(why string) (bool, error) {
		if base != candidate {
			s.Differing = append(s.Differing, full)
		}
		s.note("the submodule %s is empty on both sides: %s", full, why)
		return false, ctx.Err()
	}
	if depth == maxDepth || base.mode != gitLink || candidate.mode != gitLink {
		return empty("it is not a submodule on both sides")
	}
	user, err := openRepository(ctx, filepath.Join(p.user.top, path))
	if err != nil || user.top != filepath.Join(p.user.top, path) {
		return empty("it is not checked out; run 'git submodule update --init'")
	}
	head, err := user.commit(ctx, "HEAD")
	if err != nil {
		return empty("it has no commit")
	}
	if _, err := user.commit(ctx, base.object); err != nil {
		return empty(fmt.Sprintf("its clone lacks the base's commit %s; 'git -C %s fetch' may get it", Short(base.object), full))
	}
	return s.lay(ctx, &pair{user: user, path: full, commits: [2]string{base.object, head}}, "", depth+1)
}

// Remove deletes both sides and all else below Root.
func (s *Sides) Remove() {
	if s.scratch != nil {
		s.scratch.Remove()
	}
}

// folder is that of an arm's side below Root.
func folder(arm compare.Arm) string {
	if arm == compare.Candidate {
		return candidateFolder
	}
	return baseFolder
}

// Top is the top folder of an arm's source.
func (s *Sides) Top(arm compare.Arm) string { return filepath.Join(s.Root, folder(arm), s.place) }

// Dir is the folder in an arm's source in which the user stands.
func (s *Sides) Dir(arm compare.Arm) string { return filepath.Join(s.Top(arm), s.Sub) }

// Command is a program that runs in a folder of an arm's source. Its environment
// does not name the user's repository, and is the same for both sides except for
// where they lie.
func (s *Sides) Command(arm compare.Arm, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = placeless(cmd.Environ())
	if work, ok := s.work[folder(arm)]; ok {
		cmd.Env = append(cmd.Env, "GOWORK="+work)
	}
	return cmd
}

// Named replaces the paths of a side's files in the output of a program: the
// candidate's by those in the working tree, the base's by COMMIT:PATH, as git
// writes it.
func (s *Sides) Named(arm compare.Arm, text string) string {
	switch top := s.Top(arm); {
	case s.Root == "":
		return text
	case folder(arm) == candidateFolder:
		return strings.ReplaceAll(text, top, s.Repo)
	default:
		return strings.NewReplacer(top+string(filepath.Separator), Short(s.BaseCommit)+":", top, Short(s.BaseCommit)+":").Replace(text)
	}
}

// Readable returns the differing files that a program which is the same on both
// sides could read, and the differing Go source, of which programs are built: a
// watch shows whether they read that too.
func (s *Sides) Readable() (files, source []string) {
	for _, path := range s.Differing {
		if strings.HasSuffix(path, ".go") {
			source = append(source, path)
		} else {
			files = append(files, path)
		}
	}
	return files, source
}

// Watch watches which of these files are opened on the candidate's side.
func (s *Sides) Watch(paths []string) (stop func() []string, err error) {
	if len(paths) == 0 {
		return func() []string { return nil }, nil
	}
	return watchOpens(s.Top(compare.Candidate), paths)
}

// baseError is an [*Error] of the base reference.
func baseError(ref, format string, args ...any) error {
	return &Error{field.Check(false, "Base", ref, fmt.Sprintf(format, args...))}
}

// List names the first three of many.
func List(all []string) string {
	const most = 3
	if len(all) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
	}
	return strings.Join(all, ", ")
}

// Short is a commit in the length that git prints.
func Short(commit string) string { return commit[:min(len(commit), 12)] }

// within is path relative to top; ok is false where it is not inside.
func within(top, path string) (rel string, ok bool) {
	rel, err := filepath.Rel(top, path)
	return rel, err == nil && filepath.IsLocal(rel)
}
