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

// plainWord is what a shell takes as it is, in any quotes.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,-]+$`)

// fill puts values in the place of the words in braces of a command line, given
// in turn, each as part of one word of the shell's: within quotes as outside.
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
			n, state = 2, append(state, 0) // quotes begin afresh in it
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

// quotedIn is a value within quotes of a shell's, or outside of any.
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

// notVariables says where a command line writes a word in braces as a variable
// of the shell's.
func notVariables(line string, words ...string) error {
	for _, word := range words {
		if strings.Contains(line, "$"+word) {
			return fmt.Errorf("has $%s, which is a variable of the shell's: write %s", word, word)
		}
	}
	return nil
}
