package duet

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	quoted     = regexp.MustCompile(`(?s)\\.|'[^']*'|"(?:\\.|[^"\\])*"`)
	substitute = regexp.MustCompile("\\$\\([^()]*\\)|`[^`]*`")
	redirected = regexp.MustCompile(`[<>]&|&>`)
	several    = regexp.MustCompile(`[;|&\n]`)
	assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
)

// notPrograms are what a shell does itself, so that no process comes of it.
var notPrograms = []string{"cd", "exec", "export", "set", "unset", "ulimit", "umask", "source", ".", ":", "if", "for", "while", "until", "case", "{", "!"}

// oneProgram says why a shell's exec would not become the program that a command
// line starts. The shell has to make way for it: the process that was started is
// the one that is measured, and asked to end.
func oneProgram(line string) error {
	plain := quoted.ReplaceAllString(line, "_")
	for before := ""; before != plain; {
		before, plain = plain, substitute.ReplaceAllString(plain, "_")
	}
	plain = strings.TrimSpace(redirected.ReplaceAllString(plain, ">"))
	first, _, _ := strings.Cut(plain, " ")
	switch {
	case assignment.MatchString(plain):
		return fmt.Errorf("is run by the shell's exec, which takes no variables: put env before it, as in 'env %s'", strings.TrimSpace(line))
	case strings.HasPrefix(plain, "(") || slices.Contains(notPrograms, first) || several.MatchString(plain):
		return fmt.Errorf("is run by the shell's exec, and so must be one program with its arguments: put what comes before it into --build, or all of it into a script of the source that ends in exec, as in './serve.sh {out} {addr}'")
	}
	return nil
}
