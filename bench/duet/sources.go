package duet

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
)

// sources are the two sides in folders of their own, of equal length: where a
// program lies must not tell them apart.
type sources struct {
	repo            string // top of the user's work tree
	sub             string // where in it the user stands, "." for the top
	root            string // temporary folder of it all
	baseCommit      string
	candidateCommit string // of the work tree's HEAD, with + where it has changes
	candidateTree   string // tells the candidate's contents
	candidateName   string
	notes           []string // what of the work tree is not in the folders
}

const (
	baseFolder      = "source-b"
	candidateFolder = "source-c"
)

// layOut checks the base out of git and copies the candidate, as the work tree
// is: changes that are not committed are compared too. The base is the commit
// from which the candidate parted, for what others did since is not its own.
// Both are git work trees, for a build that asks git for a version must not meet
// two kinds of folders.
//
// What lies in the folder without is no part of the candidate: the record of
// this very comparison grows in it.
func layOut(ctx context.Context, dir, ref, without string) (s *sources, err error) {
	git := func(args ...string) (string, error) { return gitIn(ctx, dir, args...) }
	top, err := git("rev-parse", "--show-toplevel")
	if err != nil {
		return nil, &ConfigError{fmt.Errorf("%s is not in a git work tree: %w", dir, err)}
	}
	commit, err := git("rev-parse", "--verify", "--quiet", ref+"^{commit}")
	if err != nil {
		return nil, &ConfigError{fmt.Errorf("--base=%s: git knows no such commit here; where the clone is shallow, 'git fetch --unshallow' or 'git fetch origin %s' gets it", ref, ref)}
	}
	head, err := git("rev-parse", "HEAD")
	if err != nil {
		return nil, &ConfigError{err}
	}
	fork, err := git("merge-base", commit, "HEAD")
	if err != nil {
		return nil, &ConfigError{fmt.Errorf("--base=%s: has no commit in common with HEAD; where the clone is shallow, 'git fetch --unshallow' gets the history", ref)}
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return nil, err
	}
	sub, err := filepath.Rel(top, abs)
	if err != nil {
		return nil, err
	}
	s = &sources{repo: top, sub: sub, baseCommit: fork, candidateCommit: head, candidateName: "work tree"}
	if s.root, err = os.MkdirTemp("", "onhold-duet-"); err != nil {
		return nil, err
	}
	begun := s // which a return with an error sets to nil
	defer func() {
		if err != nil {
			begun.remove()
		}
	}()
	if _, err = git("worktree", "add", "--detach", "--quiet", filepath.Join(s.root, baseFolder), fork); err != nil {
		return nil, err
	}
	candidate := filepath.Join(s.root, candidateFolder)
	if _, err = git("worktree", "add", "--detach", "--no-checkout", "--quiet", candidate, head); err != nil {
		return nil, err
	}
	if s.candidateTree, err = copyTree(ctx, top, candidate, without); err != nil {
		return nil, fmt.Errorf("copying the candidate: %w", err)
	}
	// Named in full: in a hook, the environment names the user's work tree.
	own := "--git-dir=" + filepath.Join(candidate, ".git")
	if _, err = gitIn(ctx, candidate, own, "read-tree", "HEAD"); err != nil {
		return nil, err
	}
	_, _ = gitIn(ctx, candidate, own, "update-index", "-q", "--refresh") // it fails where there are changes
	for _, folder := range []string{baseFolder, candidateFolder} {
		if _, err := os.Stat(filepath.Join(s.root, folder, ".gitmodules")); err == nil {
			s.notes = append(s.notes, "the work tree has submodules, which are left out: their folders are empty on both sides")
			break
		}
	}
	look := []string{"status", "--porcelain"}
	if rel, err := within(top, without); err == nil && rel != "" {
		look = append(look, "--", ":(top)", ":(top,exclude)"+rel)
	}
	if status, err := git(look...); err == nil && status != "" {
		s.candidateCommit += "+"
		s.candidateName = "work tree, with changes"
	}
	return s, nil
}

// remove takes it all away, git's notes of the worktrees included. One that was
// being added when git was interrupted is locked, and may be no worktree yet.
func (s *sources) remove() {
	git := func(args ...string) string {
		out, _ := gitIn(context.Background(), s.repo, args...)
		return out
	}
	folders := []string{filepath.Join(s.root, baseFolder), filepath.Join(s.root, candidateFolder)}
	for _, folder := range folders {
		git("worktree", "remove", "--force", "--force", folder)
	}
	os.RemoveAll(s.root)
	// Pruning is for all worktrees that are gone, the user's too: not without need.
	if strings.Contains(git("worktree", "list", "--porcelain"), filepath.Base(s.root)) {
		for _, folder := range folders {
			git("worktree", "unlock", folder)
		}
		git("worktree", "prune")
	}
}

// dir is where an arm's source lies, at the place in it where the user stands.
func (s *sources) dir(arm compare.Arm) string {
	folder := baseFolder
	if arm == compare.Candidate {
		folder = candidateFolder
	}
	return filepath.Join(s.root, folder, s.sub)
}

func gitIn(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	// In a hook it names the user's index, which is not to be changed.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_INDEX_FILE=") })
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		if said := strings.TrimSpace(errOut.String()); said != "" {
			err = errors.New(said)
		}
		return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// copyTree copies what git knows of a work tree, and what is new in it and not
// ignored, and returns a hash of names and contents.
func copyTree(ctx context.Context, from, to, without string) (string, error) {
	list, err := exec.CommandContext(ctx, "git", "-C", from, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate").Output()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	without, err = within(from, without)
	if err != nil {
		return "", err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		if without != "" && strings.HasPrefix(name, without+"/") {
			continue
		}
		if err := copyFile(filepath.Join(from, name), filepath.Join(to, name), io.MultiWriter(sum)); err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "\x00%s\x00", name)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// within is path as git names it below top; "" where it lies elsewhere.
func within(top, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		abs = filepath.Join(dir, filepath.Base(abs))
	}
	rel, err := filepath.Rel(top, abs)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", nil // on another volume, or outside
	}
	return filepath.ToSlash(rel), nil
}

// copyFile copies a file or a link; one that was removed from the work tree, or
// is a folder (a submodule), is left out.
func copyFile(from, to string, sum io.Writer) error {
	info, err := os.Lstat(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil || info.IsDir() {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if info.Mode()&os.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		io.WriteString(sum, target)
		return os.Symlink(target, to)
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(io.MultiWriter(dst, sum), src)
	return errors.Join(err, dst.Close())
}
