package benchtest

import (
	"regexp"
	"strings"
	"unicode"
)

// number is what readers of benchmark lines take for GOMAXPROCS.
var number = regexp.MustCompile(`-([0-9]+)$`)

// safe makes text into a part of a benchmark's name: letters, digits and a few
// signs that mean nothing there stay, anything else becomes an underscore, and
// it does not end in what looks like a GOMAXPROCS.
func safe(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, strings.TrimRight(text, "/ "))
	return number.ReplaceAllString(text, "_$1")
}
