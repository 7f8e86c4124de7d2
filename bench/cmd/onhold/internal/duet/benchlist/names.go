package benchlist

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// benchmarksIn lists the benchmarks that a test file declares, as far as it parses:
// that it does not build is reported later.
func benchmarksIn(path string) (names []string) {
	file, _ := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if file == nil {
		return nil
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv != nil {
			continue
		}
		rest, ok := strings.CutPrefix(f.Name.Name, "Benchmark")
		if first, _ := utf8.DecodeRuneInString(rest); ok && !unicode.IsLower(first) {
			names = append(names, f.Name.Name)
		}
	}
	return names
}

// buildLine is the build constraint of a file.
var buildLine = regexp.MustCompile(`(?m)^//go:build .*$`)

// constraintOf describes the build constraint of a file, "" where it has none.
func constraintOf(path string) string {
	text, _ := os.ReadFile(path) // what cannot be read has none
	if line := buildLine.Find(text); line != nil {
		return fmt.Sprintf(" (%s; set its build tags)", bytes.TrimSpace(line))
	}
	return ""
}

// TopLevel parses an expression as go test -bench does, and returns which names of
// benchmarks it matches, sub-benchmarks aside. Bars outside of brackets separate
// alternatives, and slashes the levels of each: A/x|B/y is A/x or B/y.
func TopLevel(expression string) (matches func(name string) bool, err error) {
	var tops []*regexp.Regexp
	level, from, round, square := 0, 0, 0, 0
	end := func(at int) {
		re, bad := regexp.Compile(expression[from:at])
		if bad != nil {
			err = errors.Join(err, bad)
		} else if level == 0 {
			tops = append(tops, re)
		}
		from = at + 1
	}
	for i := 0; i < len(expression); i++ {
		switch c := expression[i]; {
		case c == '\\':
			i++ // the next character is literal
		case c == '[':
			square++
		case c == ']':
			square = max(0, square-1)
		case square > 0:
		case c == '(':
			round++
		case c == ')':
			round--
		case round != 0:
		case c == '/':
			end(i)
			level++
		case c == '|':
			end(i)
			level = 0
		}
	}
	end(len(expression))
	return func(name string) bool {
		return slices.ContainsFunc(tops, func(re *regexp.Regexp) bool { return re.MatchString(name) })
	}, err
}
