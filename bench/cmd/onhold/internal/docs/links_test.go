package docs

import (
	"cmp"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link     = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)\s]*)?\)`)
	inCode   = regexp.MustCompile("`([^`\n]+)`")
	repoPath = regexp.MustCompile(`^(bench|targets|reports)(/[\w.-]+)*/?$`)
	testName = regexp.MustCompile(`^(Test|Benchmark|Fuzz)[A-Z]\w+$`)
)

// What the documents name is there: files, folders, tests.
func TestDocsNameWhatIsThere(t *testing.T) {
	t.Parallel()
	const root = "../../../../.."
	list, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skip("not in a git checkout:", err)
	}
	var tests strings.Builder
	var docs []string
	for name := range strings.Lines(string(list)) {
		name = strings.TrimSpace(name)
		switch {
		case strings.HasSuffix(name, "_test.go"):
			text, err := os.ReadFile(filepath.Join(root, name))
			if err != nil {
				continue // deleted, and not yet committed
			}
			tests.Write(text)
		case strings.HasSuffix(name, ".md") && !strings.HasPrefix(name, "reports/example/") && !strings.Contains(name, "/testdata/"):
			docs = append(docs, name)
		}
	}
	if len(docs) < 5 {
		t.Fatalf("only %d documents found", len(docs))
	}
	for _, name := range docs {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			}
		}
		for _, m := range inCode.FindAllStringSubmatch(string(text), -1) {
			code := strings.TrimSuffix(m[1], "/…")
			if repoPath.MatchString(code) && !strings.HasPrefix(code, "reports/out") {
				if _, err := os.Stat(filepath.Join(root, code)); err != nil {
					t.Errorf("%s names %s, which is not there", name, code)
				}
			}
			if first, _, _ := strings.Cut(code, "/"); testName.MatchString(first) && !strings.Contains(tests.String(), "func "+first+"(") {
				t.Errorf("%s names %s, and there is no such test", name, first)
			}
		}
	}
}

var (
	fenced   = regexp.MustCompile("(?s)```.*?```")
	picture  = regexp.MustCompile(`!\[[^\]]*\]\([^)]*\)`)
	anchor   = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	noText   = regexp.MustCompile(`(?m)^(\||#).*$|<!--.*?-->`)
	newText  = regexp.MustCompile(`\n\s*\n|\n\s*- |\n\d+\. `)
	sentence = regexp.MustCompile(`[.:;!?]\s+`)
)

// Many readers read in a second language: no sentence is longer than 25 words.
func TestSentencesAreShort(t *testing.T) {
	const most = 25
	err := filepath.WalkDir("../../../../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == "example" || d.Name() == "out" || d.Name() == "testdata" || d.Name() == ".git") {
			return cmp.Or(err, fs.SkipDir)
		}
		if !strings.HasSuffix(path, ".md") {
			return nil
		}
		read, err := os.ReadFile(path)
		text := picture.ReplaceAllString(fenced.ReplaceAllString(string(read), "\n\n"), "")
		text = inCode.ReplaceAllString(anchor.ReplaceAllString(noText.ReplaceAllString(text, "\n"), "$1"), "x")
		for _, paragraph := range newText.Split(text, -1) {
			for _, s := range sentence.Split(paragraph, -1) {
				if n := len(strings.Fields(s)); n > most {
					t.Errorf("%s has a sentence of %d words, at most %d are wanted: %s", path, n, most, strings.Join(strings.Fields(s), " "))
				}
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// The first document a stranger opens stays short.
func TestReadmeIsShort(t *testing.T) {
	text, err := os.ReadFile("../../../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines > 200 || len(text) > 12<<10 {
		t.Errorf("README.md has %d lines and %d bytes, at most 200 and %d are wanted: move the rest into the README.md of its folder", lines, len(text), 12<<10)
	}
}
