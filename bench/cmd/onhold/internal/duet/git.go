package duet

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

// repository is a git repository by way of one of its working trees, and how
// git is asked about it.
type repository struct {
	top     string // of the working tree, without symbolic links
	gitDir  string
	common  string // of all its working trees: refs, objects
	objects string
	format  string // of object names: sha1 or sha256
	env     []string
}

// gitPlace are the variables by which an environment, such as that of a hook,
// says which repository, index or objects git works on, or how it reads paths.
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

// placeless is an environment in which git finds the repository by the folder
// that it runs in. What the user has configured, such as access to private
// modules, stays.
func placeless(env []string) []string {
	return without(env, func(name string) bool { return slices.Contains(gitPlace, name) })
}

// bareGit is an environment in which nothing but the repository itself says
// what git does.
func bareGit() []string {
	env := without(os.Environ(), func(name string) bool {
		return strings.HasPrefix(name, "GIT_") && name != "GIT_EXEC_PATH"
	})
	return append(env, "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_ATTR_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
}

// neutral are settings with which git starts no program of the user's to look
// at a working tree, and writes nothing into its repository.
var neutral = []string{
	"-c", "core.hooksPath=" + os.DevNull, "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false", "-c", "core.splitIndex=false", "-c", "core.safecrlf=false", "-c", "advice.addEmbeddedRepo=false",
}

// open finds the repository in whose working tree dir lies. Where an
// environment names a repository and there is none around the folder, that one
// is it.
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
		return nil, err
	}
	for i, to := range []*string{&g.top, &g.gitDir, &g.common, &g.objects, &g.format} {
		lines := strings.Split(out, "\n")
		if len(lines) != 5 {
			return nil, fmt.Errorf("git describes the repository as %q: its folder's name must not hold a line break", out)
		}
		*to = lines[i]
	}
	if g.top, err = filepath.EvalSymlinks(g.top); err != nil {
		return nil, err
	}
	g.env = append(g.env, "GIT_DIR="+g.gitDir, "GIT_WORK_TREE="+g.top)
	return g, nil
}

// git runs git at the top of the working tree and returns what it prints,
// without the white space around it.
func (g *repository) git(ctx context.Context, stdin []byte, args ...string) (string, error) {
	out, err := g.raw(ctx, stdin, args...)
	return strings.TrimSpace(string(out)), err
}

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
		if said := strings.TrimSpace(errOut.String()); said != "" {
			err = errors.New(said)
		}
		return nil, fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// baseOf finds the commit that a reference names as a base. Of a branch that is
// where HEAD parted from it, for what others did since is not HEAD's doing;
// where HEAD has nothing of its own, and for what is no branch, it is the commit
// itself. Note says so where it is not what the name means to git.
func (g *repository) baseOf(ctx context.Context, ref, head string) (commit, note string, err error) {
	if strings.HasPrefix(ref, "-") {
		return "", "", &ConfigError{fmt.Errorf("--base=%s: want a commit, a tag or a branch, such as main", ref)}
	}
	commit, err = g.git(ctx, nil, "rev-parse", "--verify", "--quiet", ref+"^{commit}")
	if err != nil {
		if ctx.Err() != nil {
			return "", "", err
		}
		return "", "", &ConfigError{fmt.Errorf("--base=%s: git knows no such commit here; where the clone is shallow, 'git fetch --unshallow' or 'git fetch origin %s' gets it", ref, ref)}
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
		return "", "", &ConfigError{fmt.Errorf("--base=%s: has no commit in common with HEAD; where the clone is shallow, 'git fetch --unshallow' gets the history; --base=%s compares with the tip of the branch", ref, short(commit))}
	case fork == commit:
		return commit, "", nil
	case fork == head:
		return commit, fmt.Sprintf("the base is %s itself, commit %s: HEAD, commit %s, is an ancestor of it. --base HEAD compares uncommitted changes alone", ref, short(commit), short(head)), nil
	}
	return fork, fmt.Sprintf("the base is commit %s, where HEAD parted from %s. --base %s compares with the tip of the branch", short(fork), ref, short(commit)), nil
}

// short is a commit as git's messages have it, long enough to be typed.
func short(commit string) string { return commit[:min(len(commit), 12)] }
