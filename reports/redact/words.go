package redact

import (
	"regexp"
	"strings"
)

// word is one of a shell command: where it stands, and what it is without its
// quotes.
type word struct {
	begin, end int
	text       string
}

// shellWords parts a command as a shell does, as far as quotes and backslashes
// go. A quote that is not closed takes all that follows.
func shellWords(command string) (out []word) {
	var text strings.Builder
	begin, quote := -1, byte(0)
	end := func(i int) {
		if begin >= 0 {
			out = append(out, word{begin, i, text.String()})
			text.Reset()
			begin = -1
		}
	}
	for i := 0; i < len(command); i++ {
		c := command[i]
		if quote == 0 && strings.IndexByte(" \t\r\n;&|()<>`", c) >= 0 {
			end(i)
			continue
		}
		if begin < 0 {
			begin = i
		}
		switch {
		case c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == '\\' && quote != '\'' && i+1 < len(command):
			i++
			text.WriteByte(command[i])
		default:
			text.WriteByte(c)
		}
	}
	end(len(command))
	return out
}

var (
	assignment = regexp.MustCompile(`^-{0,2}([A-Za-z_][\w.-]*)\+?=`)
	option     = regexp.MustCompile(`^--?([A-Za-z][\w-]*)$`)
	userOption = regexp.MustCompile(`^(-u|-U|--user|--proxy-user)$`) // curl -u joe:secret
)

// eachSecret calls f with the secrets in the words of a shell command: where
// they stand in it, and what they are without quotes. A regular expression does
// not see where one ends that is quoted in parts.
func eachSecret(command string, f func(begin, end int, secret string)) {
	words := shellWords(command)
	for i, w := range words {
		if m := assignment.FindStringSubmatch(w.text); m != nil {
			// A word whose name is quoted begins with the quote: it stays.
			at := strings.IndexByte(command[w.begin:w.end], '=')
			if secret := w.text[len(m[0]):]; at >= 0 && secret != "" && Secret(m[1]) {
				f(w.begin+at+1, w.end, secret)
			}
			continue
		}
		if i+1 == len(words) {
			continue
		}
		next := words[i+1]
		if m := option.FindStringSubmatch(w.text); m != nil && Secret(m[1]) || userOption.MatchString(w.text) && strings.Contains(next.text, ":") {
			if between := command[w.end:next.begin]; strings.Trim(between, " \t") == "" && next.text != "" && next.text != "=" && !strings.HasPrefix(next.text, "--") {
				f(next.begin, next.end, next.text)
			}
		}
	}
}

// inWords redacts the words of a shell command.
func inWords(command string) string {
	var out strings.Builder
	from := 0
	eachSecret(command, func(begin, end int, secret string) {
		shown := Mask
		if c := command[begin]; (c == '"' || c == '\'') && command[end-1] == c && end-begin > 1 {
			shown = masked(command[begin:end])
		} else if c := command[end-1]; strings.IndexByte(secret, ' ') < 0 && strings.IndexByte(".,:", c) >= 0 {
			shown += string(c) // of the sentence that it stands in
		}
		if before := command[from:begin]; strings.HasSuffix(before, "=") {
			if q := strings.LastIndexAny(before, " \t\r\n;&|()<>`"); q+1 < len(before) && (before[q+1] == '"' || before[q+1] == '\'') && command[end-1] == before[q+1] {
				shown = Mask + command[end-1:end] // "TOKEN=x"
			}
		}
		out.WriteString(command[from:begin] + shown)
		from = end
	})
	return out.String() + command[from:]
}
