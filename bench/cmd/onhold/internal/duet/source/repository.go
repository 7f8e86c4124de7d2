package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// repository is a git repository with one working tree, and how git is called for
// it.
type repository struct {
	top     string // of the working tree, without symbolic links
	gitDir  string
	common  string // of all working trees: refs, objects
	objects string
	format  string // of object names: sha1 or sha256
	env     []string
}

// gitPlace are the variables by which an environment, such as that of a hook,
// names the repository, index or objects of git, or how it reads paths.
var gitPlace = []string{
	"GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_INDEX_VERSION", "GIT_PREFIX", "GIT_NAMESPACE",
	"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_NO_REPLACE_OBJECTS",
	"GIT_REPLACE_REF_BASE", "GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS", "GIT_ATTR_SOURCE",
	"GIT_EXTERNAL_DIFF", "GIT_TEMPLATE_DIR", "GIT_DEFAULT_HASH",
}

func without(env []string, drop func(name string) bool) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return drop(name)
	})
}

// placeless is an environment in which git finds the repository by its folder. The
// user's configuration, such as access to private modules, stays.
func placeless(env []string) []string {
	return without(env, func(name string) bool { return slices.Contains(gitPlace, name) })
}

// bareGit is an environment in which only the repository itself configures git.
func bareGit() []string {
	env := without(os.Environ(), func(name string) bool {
		return strings.HasPrefix(name, "GIT_") && name != "GIT_EXEC_PATH"
	})
	return append(env, "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_ATTR_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
}

// neutral are settings with which git starts no program of the user's to look at a
// working tree, and writes nothing into its repository.
var neutral = []string{
	"-c", "core.hooksPath=" + os.DevNull, "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false", "-c", "core.splitIndex=false", "-c", "core.safecrlf=false", "-c", "advice.addEmbeddedRepo=false",
}

// openRepository finds the repository whose working tree contains dir, or else the
// one that the environment names.
func openRepository(ctx context.Context, dir string) (*repository, error) {
	g := &repository{top: dir, env: append(placeless(os.Environ()), "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")}
	ask := func() (string, error) {
		return g.git(ctx, nil, "rev-parse", "--path-format=absolute", "--show-toplevel", "--absolute-git-dir", "--git-common-dir", "--git-path", "objects", "--show-object-format=storage")
	}
	out, err := ask()
	if err != nil && os.Getenv("GIT_DIR") != "" {
		here := g.env
		g.env = append(slices.Clone(os.Environ()), "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
		named, bad := ask()
		g.env = here
		if bad == nil {
			out, err = named, nil
		}
	}
	if err != nil {
		if reason := errors.Unwrap(err); reason != nil {
			err = reason // without the command line
		}
		return nil, err
	}
	lines := strings.Split(out, "\n")
	if len(lines) != 5 {
		return nil, fmt.Errorf("git describes the repository as %q: its folder's name must not contain a line break", out)
	}
	g.top, g.gitDir, g.common, g.objects, g.format = lines[0], lines[1], lines[2], lines[3], lines[4]
	if g.top, err = filepath.EvalSymlinks(g.top); err != nil {
		return nil, err
	}
	g.env = append(g.env, "GIT_DIR="+g.gitDir, "GIT_WORK_TREE="+g.top)
	return g, nil
}

// git runs git at the top of the working tree and returns its output, without the
// white space around it.
func (g *repository) git(ctx context.Context, stdin []byte, args ...string) (string, error) {
	out, err := g.raw(ctx, stdin, args...)
	return strings.TrimSpace(string(out)), err
}

// raw is git with the output as it is.
func (g *repository) raw(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", slices.Concat(neutral, args)...)
	cmd.Dir, cmd.Env = g.top, g.env
	cmd.Stdin = bytes.NewReader(stdin)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if text := strings.TrimSpace(errOut.String()); text != "" {
			err = errors.New(text)
		}
		return nil, fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// fields is raw for output whose parts end in a zero byte.
func (g *repository) fields(ctx context.Context, stdin []byte, args ...string) ([]string, error) {
	out, err := g.raw(ctx, stdin, args...)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"), nil
}

// commit is the commit that a reference names.
func (g *repository) commit(ctx context.Context, ref string) (string, error) {
	return g.git(ctx, nil, "rev-parse", "--verify", "--quiet", ref+"^{commit}")
}

// baseOf finds the commit that a reference names as a base. For a branch that is
// where HEAD forked from it, because later commits of others are not HEAD's work;
// where HEAD has no commits of its own, and for a tag or commit, it is the commit
// itself. The note explains where it is not what git takes the name for.
func (g *repository) baseOf(ctx context.Context, ref, head string) (commit, note string, err error) {
	if strings.HasPrefix(ref, "-") {
		return "", "", baseError(ref, "a commit, a tag or a branch, such as main")
	}
	commit, err = g.commit(ctx, ref)
	if err != nil {
		if ctx.Err() != nil {
			return "", "", err
		}
		return "", "", baseError(ref, "a commit, a tag or a branch that git knows here; in a shallow clone, run 'git fetch --unshallow' or 'git fetch origin %s'", ref)
	}
	full, err := g.git(ctx, nil, "rev-parse", "--symbolic-full-name", ref)
	if err != nil || !strings.HasPrefix(full, "refs/heads/") && !strings.HasPrefix(full, "refs/remotes/") {
		return commit, "", nil
	}
	fork, err := g.git(ctx, nil, "merge-base", commit, "HEAD")
	switch {
	case ctx.Err() != nil:
		return "", "", context.Cause(ctx)
	case err != nil:
		return "", "", baseError(ref, "a branch with a commit in common with HEAD; in a shallow clone, run 'git fetch --unshallow', or name the commit %s to compare with the tip of the branch", Short(commit))
	case fork == commit:
		return commit, "", nil
	case fork == head:
		return commit, fmt.Sprintf("the base is the tip of %s, commit %s, which is ahead of HEAD, commit %s; to compare uncommitted changes only, use HEAD as the base", ref, Short(commit), Short(head)), nil
	}
	return fork, fmt.Sprintf("the base is commit %s, where HEAD forked from %s; to compare with the tip of the branch, use %s as the base", Short(fork), ref, Short(commit)), nil
}
