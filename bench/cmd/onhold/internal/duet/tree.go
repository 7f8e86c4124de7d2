package duet

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
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

// tree is what git stores of a folder, by paths below its top.
type tree map[string]entry

// treeOf reads the tree of a commit, or of a tree.
func (g *repository) treeOf(ctx context.Context, treeish string) (tree, error) {
	out, err := g.raw(ctx, nil, "ls-tree", "-r", "-z", "--full-tree", treeish)
	if err != nil {
		return nil, err
	}
	t := tree{}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		about, path, ok := strings.Cut(line, "\t")
		if fields := strings.Fields(about); ok && len(fields) == 3 {
			t[path] = entry{fields[0], fields[2]}
		}
	}
	return t, nil
}

// pathsOf are the paths that any of the trees has, in order.
func pathsOf(trees ...tree) []string {
	var all []string
	for _, t := range trees {
		for path := range t {
			all = append(all, path)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// at is a repository of one's own in folder top that shares the objects of g,
// with HEAD at a commit and the same tags and branches, for a build that asks
// git. It has no hook and no filter, and no configuration of the user's reaches
// it.
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
	const config = "[core]\n\thooksPath = /dev/null\n\tattributesFile = /dev/null\n\texcludesFile = /dev/null\n\tfsmonitor = false\n\tautocrlf = false\n[gc]\n\tauto = 0\n"
	files := map[string][]byte{"packed-refs": refs, "HEAD": []byte(head + "\n"), "objects/info/alternates": []byte(g.objects + "\n")}
	if shallow, err := os.ReadFile(filepath.Join(g.common, "shallow")); err == nil {
		files["shallow"] = shallow
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o644)); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(filepath.Join(dir, "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(config)
	return own, errors.Join(err, f.Close())
}

// fill lays the files of a tree out, as git stores them, and leaves the index as
// the commit has it, so that git tells what is not committed.
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
// the objects of another repository, and returns the tree. Neither the user's
// index nor their objects are changed.
func (g *repository) snapshot(ctx context.Context, into *repository, without string) (string, error) {
	index := filepath.Join(into.gitDir, "index-of-the-user")
	if err := copyIndex(filepath.Join(g.gitDir, "index"), index); err != nil {
		return "", err
	}
	defer os.Remove(index)
	aside := *g
	aside.env = append(slices.Clone(g.env), "GIT_INDEX_FILE="+index, "GIT_OBJECT_DIRECTORY="+into.objects)
	add := []string{"add", "--all", "--", ":(top)"}
	rel, err := within(g.top, without)
	if err != nil {
		return "", err
	}
	if rel != "" {
		add = append(add, ":(top,exclude,literal)"+rel)
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
	same, err := aside.untouched(ctx, made)
	if err != nil || len(same) == 0 {
		return made, err
	}
	if _, err := aside.git(ctx, same, "update-index", "-z", "--index-info"); err != nil {
		return "", err
	}
	return aside.git(ctx, nil, "write-tree")
}

// untouched lists, for git's update-index, the files of a tree of the working
// tree that are byte for byte as HEAD has them, and that line ends or filters
// would nevertheless change when they are stored.
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
		if !ok || was.object == e.object || e.mode == gitLink || e.mode == symbolicLink || was.mode == gitLink || was.mode == symbolicLink {
			continue
		}
		b, err := os.ReadFile(filepath.Join(g.top, path))
		if err == nil && g.object(b) == was.object {
			list = fmt.Appendf(list, "%s %s\t%s\x00", e.mode, was.object, path)
		}
	}
	return list, nil
}

// hidden lists the files of the candidate's tree that lie in the working tree
// with other contents, which git does not look at, for it was told to take them
// for unchanged.
func (g *repository) hidden(ctx context.Context, candidate tree) (changed []string, err error) {
	out, err := g.raw(ctx, nil, "ls-files", "-v", "-z", "--full-name", ":(top)")
	if err != nil {
		return nil, err
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		tag, path, ok := strings.Cut(line, " ")
		e, stored := candidate[path]
		if !ok || !stored || e.mode == gitLink || e.mode == symbolicLink || tag != "S" && tag == strings.ToUpper(tag) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(g.top, path))
		if err == nil && g.object(b) != e.object && g.object(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))) != e.object {
			changed = append(changed, path)
		}
	}
	return changed, nil
}

// fetchMissing fetches what a partial clone lacks of a commit, by the user's git
// and its access to where the clone came from, into the objects of another
// repository: the user's are not changed.
func (g *repository) fetchMissing(ctx context.Context, into *repository, commit string) error {
	promisors, err := g.git(ctx, nil, "config", "--name-only", "--get-regexp", `^remote\..*\.promisor$`)
	if err != nil || promisors == "" {
		return ctx.Err() // a whole clone
	}
	key, _, _ := strings.Cut(promisors, "\n")
	remote := strings.TrimSuffix(strings.TrimPrefix(key, "remote."), ".promisor")
	aside := *g
	aside.env = append(slices.Clone(g.env), "GIT_OBJECT_DIRECTORY="+into.objects, "GIT_NO_LAZY_FETCH=1")
	const most = 100 // what a folder lacks shows once the folder is there
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
			return &ConfigError{fmt.Errorf("the clone is partial, and what it lacks of commit %s cannot be had from %s: %w", short(commit), remote, err)}
		}
	}
	return fmt.Errorf("the clone is partial, and still lacks objects of commit %s", short(commit))
}

// object is the name that git gives to a file's contents.
func (g *repository) object(contents []byte) string {
	var h hash.Hash = sha1.New()
	if g.format == "sha256" {
		h = sha256.New()
	}
	fmt.Fprintf(h, "blob %d\x00", len(contents))
	h.Write(contents)
	return hex.EncodeToString(h.Sum(nil))
}

// copyIndex copies an index with the time of its last change, by which git
// knows what may have been changed unseen. A repository may have none yet.
func copyIndex(from, to string) error {
	info, err := os.Stat(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(to, b, 0o600), os.Chtimes(to, info.ModTime(), info.ModTime()))
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
	if err != nil || outside(rel) {
		return "", nil // on another volume, or outside
	}
	return filepath.ToSlash(rel), nil
}

// outside reports whether a relative path leads out of where it begins.
func outside(rel string) bool {
	return rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// filtered lists the paths that a filter of git's keeps in another form than
// they have in a working tree, by the filter's name.
func (g *repository) filtered(ctx context.Context, paths []string) (map[string]string, error) {
	out, err := g.raw(ctx, []byte(strings.Join(paths, "\x00")+"\x00"), "check-attr", "-z", "--stdin", "filter")
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	fields := strings.Split(string(out), "\x00")
	for i := 0; i+2 < len(fields); i += 3 {
		if v := fields[i+2]; v != "unspecified" && v != "unset" && v != "set" {
			found[fields[i]] = v
		}
	}
	return found, nil
}

// unfilter puts the contents of what a filter keeps into both sides, without
// running the filter: what is the same on both is what the working tree has,
// and of Git LFS the contents are known by their digest. What remains has on
// both sides the form that git stores, which the notes say.
func (l *laid) unfilter(ctx context.Context) (notes []string, err error) {
	paths := pathsOf(l.trees[0], l.trees[1])
	if len(paths) == 0 {
		return nil, nil
	}
	filtered, err := l.user.filtered(ctx, paths)
	if err != nil {
		return nil, err
	}
	var done, stored []string
	for _, path := range paths {
		filter, ok := filtered[path]
		if !ok {
			continue
		}
		var contents [2][]byte
		known := true
		for i := range l.trees {
			if _, ok := l.trees[i][path]; !ok {
				continue
			}
			if l.trees[0][path] == l.trees[1][path] {
				contents[i], err = os.ReadFile(filepath.Join(l.user.top, path))
			} else {
				contents[i], err = l.largeFile(i, path)
			}
			known = known && err == nil
		}
		if !known {
			stored = append(stored, fmt.Sprintf("%s (%s)", path, filter))
			continue
		}
		for i, own := range l.own {
			if e, ok := l.trees[i][path]; ok {
				mode := os.FileMode(0o644)
				if e.mode == "100755" {
					mode = 0o755
				}
				if err := os.WriteFile(filepath.Join(own.top, path), contents[i], mode); err != nil {
					return nil, err
				}
			}
		}
		done = append(done, path)
	}
	// For git, they are as they were.
	for i, own := range l.own {
		have := slices.DeleteFunc(slices.Clone(done), func(path string) bool { _, ok := l.trees[i][path]; return !ok })
		if len(have) > 0 {
			_, _ = own.git(ctx, []byte(strings.Join(have, "\x00")+"\x00"), "update-index", "-z", "--assume-unchanged", "--stdin")
		}
	}
	if len(stored) > 0 {
		notes = append(notes, fmt.Sprintf("git keeps %s through a filter, and the contents of one side are not here: both sides have the form that git stores. For Git LFS, 'git lfs fetch origin %s' gets them", some(stored), short(l.commits[0])))
	}
	return notes, nil
}

// some names the first few of many.
func some(all []string) string {
	const most = 3
	if len(all) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
	}
	return strings.Join(all, ", ")
}

// largeFile reads the contents that a pointer of Git LFS on a side stands for,
// from the clone's store.
func (l *laid) largeFile(side int, path string) ([]byte, error) {
	pointer, err := os.ReadFile(filepath.Join(l.own[side].top, path))
	if err != nil {
		return nil, err
	}
	const most = 1024 // bytes of a pointer, as its specification has it
	_, rest, ok := bytes.Cut(pointer, []byte("\noid sha256:"))
	if !ok || len(pointer) > most || !bytes.HasPrefix(pointer, []byte("version https://")) || len(rest) < 64 {
		return nil, errors.New("no pointer")
	}
	id := string(rest[:64])
	if strings.Trim(id, "0123456789abcdef") != "" {
		return nil, errors.New("no pointer")
	}
	return os.ReadFile(filepath.Join(l.user.common, "lfs", "objects", id[:2], id[2:4], id))
}
