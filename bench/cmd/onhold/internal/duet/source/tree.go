package source

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// entry is a file as git stores it: its kind and its contents.
type entry struct{ mode, object string }

const (
	gitLink      = "160000" // the mode of a submodule's commit
	symbolicLink = "120000"
)

// file reports whether the entry is a regular file.
func (e entry) file() bool { return e.mode != gitLink && e.mode != symbolicLink }

// tree is what git stores of a folder, by paths below its top.
type tree map[string]entry

// treeOf reads the tree of a commit, or of a tree.
func (g *repository) treeOf(ctx context.Context, treeish string) (tree, error) {
	lines, err := g.fields(ctx, nil, "ls-tree", "-r", "-z", "--full-tree", treeish)
	t := tree{}
	for _, line := range lines {
		about, path, ok := strings.Cut(line, "\t")
		if fields := strings.Fields(about); ok && len(fields) == 3 {
			t[path] = entry{fields[0], fields[2]}
		}
	}
	return t, err
}

// pathsOf are the sorted paths of both trees.
func pathsOf(trees [2]tree) []string {
	all := maps.Clone(trees[0])
	maps.Copy(all, trees[1])
	return slices.Sorted(maps.Keys(all))
}

// at makes a separate repository in folder top that shares the objects of g, with
// HEAD at a commit and the same tags and branches. It has no hook and no filter, and
// the user's configuration does not apply to it.
func (g *repository) at(ctx context.Context, top, head string) (*repository, error) {
	if err := os.MkdirAll(top, 0o755); err != nil {
		return nil, err
	}
	dir := filepath.Join(top, ".git")
	own := &repository{top: top, gitDir: dir, common: dir, objects: filepath.Join(dir, "objects"), format: g.format, env: bareGit()}
	if _, err := own.git(ctx, nil, "init", "--quiet", "--template=", "--initial-branch=main", "--object-format="+g.format, top); err != nil {
		return nil, err
	}
	refs, err := g.raw(ctx, nil, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags", "refs/remotes")
	if err != nil {
		return nil, err
	}
	config, err := os.ReadFile(filepath.Join(dir, "config"))
	if err != nil {
		return nil, err
	}
	config = append(config, "[core]\n\thooksPath = /dev/null\n\tattributesFile = /dev/null\n\texcludesFile = /dev/null\n\tfsmonitor = false\n\tautocrlf = false\n[gc]\n\tauto = 0\n"...)
	files := map[string][]byte{"config": config, "packed-refs": refs, "HEAD": []byte(head + "\n"), "objects/info/alternates": []byte(g.objects + "\n")}
	if shallow, err := os.ReadFile(filepath.Join(g.common, "shallow")); err == nil {
		files["shallow"] = shallow
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o644)); err != nil {
			return nil, err
		}
	}
	return own, nil
}

// fill writes the files of a tree as git stores them, and leaves the index as in
// HEAD, so that git reports what is not committed.
func (g *repository) fill(ctx context.Context, treeish string) error {
	for _, args := range [][]string{{"read-tree", treeish}, {"checkout-index", "--all", "--force", "--index", "--quiet"}, {"read-tree", "HEAD"}} {
		if _, err := g.git(ctx, nil, args...); err != nil {
			return err
		}
	}
	_, _ = g.git(ctx, nil, "update-index", "-q", "--refresh") // it fails where there are changes
	return ctx.Err()
}

// snapshot stores the working tree as 'git add --all' and 'git commit' would, in
// the objects of another repository, and returns the tree. The user's index and
// objects are not changed.
func (g *repository) snapshot(ctx context.Context, into *repository, exclude string) (string, error) {
	index := filepath.Join(into.gitDir, "index-of-the-user")
	if err := copyIndex(filepath.Join(g.gitDir, "index"), index); err != nil {
		return "", err
	}
	defer os.Remove(index)
	aside := *g
	aside.env = append(slices.Clone(g.env), "GIT_INDEX_FILE="+index, "GIT_OBJECT_DIRECTORY="+into.objects)
	add := []string{"add", "--all", "--", ":(top)"}
	if exclude != "" {
		abs, err := filepath.Abs(exclude)
		if err != nil {
			return "", err
		}
		if dir, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
			abs = filepath.Join(dir, filepath.Base(abs))
		}
		rel, ok := within(g.top, abs)
		if _, err := aside.git(ctx, nil, "check-ignore", "-q", "--", abs); err == nil {
			ok = false // git add refuses to exclude what is ignored anyway
		}
		if ok {
			add = append(add, ":(top,exclude,literal)"+filepath.ToSlash(rel))
		}
	}
	if _, err := aside.git(ctx, nil, add...); err != nil {
		return "", err
	}
	made, err := aside.git(ctx, nil, "write-tree")
	if err != nil {
		return "", err
	}
	if committed, err := aside.git(ctx, nil, "rev-parse", "HEAD^{tree}"); err != nil || committed == made {
		return made, err
	}
	untouched, err := aside.untouched(ctx, made)
	if err != nil || len(untouched) == 0 {
		return made, err
	}
	if _, err := aside.git(ctx, untouched, "update-index", "-z", "--index-info"); err != nil {
		return "", err
	}
	return aside.git(ctx, nil, "write-tree")
}

// untouched lists, in the input format of git update-index, the files of a tree
// that are in the working tree byte for byte as in HEAD, and that line endings or
// filters would change when they are stored.
func (g *repository) untouched(ctx context.Context, made string) (list []byte, err error) {
	now, err := g.treeOf(ctx, made)
	if err != nil {
		return nil, err
	}
	head, err := g.treeOf(ctx, "HEAD")
	if err != nil {
		return nil, err
	}
	for path, e := range now {
		was, ok := head[path]
		if !ok || was.object == e.object || !e.file() || !was.file() {
			continue
		}
		b, err := os.ReadFile(filepath.Join(g.top, path))
		if err == nil && g.object(b) == was.object {
			list = fmt.Appendf(list, "%s %s\t%s\x00", e.mode, was.object, path)
		}
	}
	return list, nil
}

// hidden lists the files of the candidate's tree that differ in the working tree
// and that git does not look at, as configured by the user.
func (g *repository) hidden(ctx context.Context, candidate tree) (changed []string, err error) {
	lines, err := g.fields(ctx, nil, "ls-files", "-v", "-z", "--full-name", ":(top)")
	for _, line := range lines {
		tag, path, ok := strings.Cut(line, " ")
		e, stored := candidate[path]
		if !ok || !stored || !e.file() || tag != "S" && tag == strings.ToUpper(tag) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(g.top, path))
		if err == nil && g.object(b) != e.object && g.object(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))) != e.object {
			changed = append(changed, path)
		}
	}
	return changed, err
}

// fetchMissing fetches what a partial clone lacks of a commit into the objects of
// another repository, by the user's git and its access to the remote. The user's
// objects are not changed.
func (g *repository) fetchMissing(ctx context.Context, into *repository, commit string) error {
	promisors, err := g.git(ctx, nil, "config", "--name-only", "--get-regexp", `^remote\..*\.promisor$`)
	if err != nil || promisors == "" {
		return ctx.Err() // a complete clone
	}
	key, _, _ := strings.Cut(promisors, "\n")
	remote := strings.TrimSuffix(strings.TrimPrefix(key, "remote."), ".promisor")
	aside := *g
	aside.env = append(slices.Clone(g.env), "GIT_OBJECT_DIRECTORY="+into.objects, "GIT_NO_LAZY_FETCH=1")
	const most = 100 // the contents of a missing folder are known once the folder is there
	for range most {
		out, err := aside.git(ctx, nil, "rev-list", "--objects", "--no-walk", "--missing=print", commit)
		if err != nil {
			return err
		}
		var ids []byte
		for line := range strings.Lines(out) {
			if id, ok := strings.CutPrefix(line, "?"); ok {
				ids = append(ids, id...)
			}
		}
		if len(ids) == 0 {
			return nil
		}
		if _, err := aside.git(ctx, append(bytes.TrimSpace(ids), '\n'), "-c", "fetch.negotiationAlgorithm=noop", "-c", "fetch.writeCommitGraph=false", "fetch", remote, "--quiet", "--no-tags", "--no-auto-gc", "--no-write-fetch-head", "--recurse-submodules=no", "--filter=blob:none", "--stdin"); err != nil {
			return &Error{fmt.Errorf("the clone is partial, and fetching what it lacks of commit %s from %s failed: %w", Short(commit), remote, err)}
		}
	}
	return fmt.Errorf("the clone is partial, and still lacks objects of commit %s", Short(commit))
}

// object is git's name for the contents of a file.
func (g *repository) object(contents []byte) string {
	var h hash.Hash = sha1.New()
	if g.format == "sha256" {
		h = sha256.New()
	}
	fmt.Fprintf(h, "blob %d\x00", len(contents))
	h.Write(contents)
	return hex.EncodeToString(h.Sum(nil))
}

// copyIndex copies an index and its modification time, by which git detects files
// that changed within the same instant. A repository may have no index yet.
func copyIndex(from, to string) error {
	info, err := os.Stat(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(to, b, 0o600), os.Chtimes(to, info.ModTime(), info.ModTime()))
}
