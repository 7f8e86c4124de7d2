package duet

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/field"
)

var (
	quoted     = regexp.MustCompile(`(?s)\\.|'[^']*'|"(?:\\.|[^"\\])*"`)
	substitute = regexp.MustCompile("\\$\\([^()]*\\)|`[^`]*`")
	redirected = regexp.MustCompile(`[<>]&|&>`)
	several    = regexp.MustCompile(`[;|&\n]`)
	assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
)

// notPrograms are words that the shell runs itself, without a process.
var notPrograms = []string{"cd", "exec", "export", "set", "unset", "ulimit", "umask", "source", ".", ":", "if", "for", "while", "until", "case", "{", "!"}

// oneProgram checks that the shell's exec can replace the shell by the program of a
// command line. The process that was started is the one that is measured and
// stopped.
func oneProgram(name, line string) error {
	plain := quoted.ReplaceAllString(line, "_")
	for before := ""; before != plain; {
		before, plain = plain, substitute.ReplaceAllString(plain, "_")
	}
	plain = strings.TrimSpace(redirected.ReplaceAllString(plain, ">"))
	first, _, _ := strings.Cut(plain, " ")
	return field.First(
		field.Check(!assignment.MatchString(plain), name, line, fmt.Sprintf("a program, because the shell's exec runs it; set variables with env, as in 'env %s'", strings.TrimSpace(line))),
		field.Check(!strings.HasPrefix(plain, "(") && !slices.Contains(notPrograms, first) && !several.MatchString(plain), name, line,
			"one program with its arguments, because the shell's exec runs it; put preparations into the build command, or all of it into a script of the source that ends in exec, as in './serve.sh {out} {addr}'"),
	)
}

// plainPath needs no quotes in a shell, whatever quotes it stands in.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,-]+$`)

// plain checks that programs lie at paths that a command line may contain.
func plain(root string) error {
	if plainPath.MatchString(root) {
		return nil
	}
	return &ConfigError{Err: fmt.Errorf("the temporary folder is %s, want a path of letters, digits and any of _./:@%%+,- that a shell takes as it is: set TMPDIR to another folder, such as /tmp", root)}
}

// fill replaces placeholders of a command line by values, given in turn.
func fill(line string, wordsAndValues ...string) string {
	return strings.NewReplacer(wordsAndValues...).Replace(line)
}

// noVariables checks that a command line does not write a placeholder as a variable
// of the shell.
func noVariables(name, line string, words ...string) error {
	for _, word := range words {
		if strings.Contains(line, "$"+word) {
			return field.Check(false, name, line, fmt.Sprintf("%s in place of $%s, which is a variable of the shell", word, word))
		}
	}
	return nil
}
