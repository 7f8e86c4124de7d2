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

// plainWord needs no quotes in a shell.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,-]+$`)

// fill replaces placeholders of a command line by values, given in turn, each quoted
// as part of one word of the shell, within quotes and outside.
func fill(line string, wordsAndValues ...string) string {
	var out strings.Builder
	state := []byte{0} // the quotes that are open: ', " or none; the last is the innermost
	for i := 0; i < len(line); {
		in := state[len(state)-1]
		if word, value := wordAt(line[i:], wordsAndValues); word != "" {
			out.WriteString(quotedIn(in, value))
			i += len(word)
			continue
		}
		n := 1
		switch c := line[i]; {
		case in == '\'':
			if c == in {
				state = state[:len(state)-1]
			}
		case c == '\\' && i+1 < len(line):
			n = 2
		case c == '"' && in == '"':
			state = state[:len(state)-1]
		case c == '"', c == '\'' && in == 0:
			state = append(state, c)
		case strings.HasPrefix(line[i:], "$("):
			n, state = 2, append(state, 0) // quotes inside are independent
		case c == ')' && in == 0 && len(state) > 1:
			state = state[:len(state)-1]
		}
		out.WriteString(line[i : i+n])
		i += n
	}
	return out.String()
}

func wordAt(line string, wordsAndValues []string) (word, value string) {
	for i := 0; i+1 < len(wordsAndValues); i += 2 {
		if strings.HasPrefix(line, wordsAndValues[i]) {
			return wordsAndValues[i], wordsAndValues[i+1]
		}
	}
	return "", ""
}

// quotedIn is a value within quotes of a shell, or outside of any.
func quotedIn(quotes byte, value string) string {
	switch {
	case plainWord.MatchString(value):
		return value
	case quotes == '\'':
		return strings.ReplaceAll(value, "'", `'\''`)
	case quotes == '"':
		return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(value)
	}
	return shellQuoted(value)
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

// shellQuoted is text as one word of a shell.
func shellQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
