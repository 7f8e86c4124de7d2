package main

import (
	"cmp"
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/patterns"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/peers"
	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/bare"
)

// helpWidth is the column at which the lines of a help text wrap.
const helpWidth = 100

// shortHelp lists the flags that --help shows of a subcommand, most used first;
// of a subcommand that is not in it, all.
var shortHelp = map[string][]string{
	"run": {
		"clients", "rate", "burst", "ramp", "duration", "repeats", "quick", "require",
		"method", "header", "body", "mix", "http", "stream", "timeout", "think-time",
		"backend", "workers", "out", "json",
	},
	"find": {
		"require", "rate", "clients", "at-least", "precision", "confidence", "budget",
		"method", "header", "body", "mix", "http", "stream", "timeout", "think-time", "backend-latency", "workers", "out", "json",
	},
	"serve": {"addr", "workers", "queue", "max-inflight", "backend", "backend-latency", "stream-server", "order-events", "event-interval", "inject-cpu", "inject-delay", "trace"},
	"duet": {
		"base", "bench", "build", "serve", "path", "rate", "tolerance", "gate", "pairs", "budget", "inconclusive", "out", "json",
	},
	"predict": {"clients", "rate", "burst", "workers", "queue", "service-time", "service-dist", "think-time", "max-rejected", "out", "json"},
}

//go:embed help
var helpFiles embed.FS

// descriptions are the texts in folder help, by subcommand. What a text takes from
// a table of the program is a function.
var descriptions = template.Must(template.New("help").Funcs(template.FuncMap{
	"styles":        func() string { return strings.Join(targets.Names(targets.Styles), ", ") },
	"defaultStyles": func() string { return strings.Join(targets.Names(targets.Inline(targets.HTTP)), " ") },
	"styleTable": func() (lines string) {
		for _, s := range targets.Styles {
			lines += fmt.Sprintf("  %-10s %s\n", s.Name, wrapped(s.About, 13))
		}
		return lines
	},
	"bare": func() string {
		return wrapped(bare.About+"; it serves any path, and counts at /bare/stats, /bare/arrivals and /bare/reset", 13)
	},
	"patterns": func() (lines string) {
		for _, e := range patterns.All {
			lines += fmt.Sprintf("  %-15s %s\n", e.Name, e.About)
		}
		return lines
	},
	"peers":       func() string { return strings.Join(peers.Names(), ", ") },
	"metrics":     func() string { return wrapped(strings.Join(result.MetricNames(), ", "), 2) },
	"comparisons": func() string { return strings.Join(compare.RequirementOps, " ") },
	"looks": func() string {
		return strings.Join(strings.Fields(strings.Trim(fmt.Sprint(compare.DefaultDesign().Looks), "[]")), ", ")
	},
}).ParseFS(helpFiles, "help/*.txt"))

// description is a text of folder help: that of a command has the command's name.
func description(name string) string {
	var b strings.Builder
	if err := descriptions.ExecuteTemplate(&b, name+".txt", nil); err != nil {
		panic(err) // each of them is executed whenever the command starts
	}
	return b.String()
}

// helpAllFlag is a flag of every subcommand.
const helpAllFlag = "help-all"

// errHelpShown ends a command whose help is printed.
var errHelpShown = fmt.Errorf("the help is shown")

func init() {
	cli.HelpPrinter = func(w io.Writer, _ string, data any) {
		if c, ok := data.(*cli.Command); ok {
			printHelp(w, c, false)
		}
	}
	cli.HelpFlag = &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show what most people need"}
}

// printHelp prints the help of a command: on one screen, or with every flag.
func printHelp(w io.Writer, c *cli.Command, all bool) {
	var b strings.Builder
	switch about, examples := aboutAndExamples(c); {
	case c.Root() == c:
		rootHelp(&b, c)
		if all {
			b.WriteString("\n" + description("exit"))
		}
	case all:
		fmt.Fprintf(&b, "%s: %s\n\n%s\n", usageLine(c), c.Usage, about)
		for _, category := range categories(c.Flags) {
			fmt.Fprintf(&b, "\n%s:\n", cmp.Or(category, "Other"))
			for _, f := range c.VisibleFlags() {
				if categoryOf(f) == category && f.Names()[0] != "help" {
					flagHelp(&b, f, true)
				}
			}
		}
		fmt.Fprintf(&b, "\n%s\n%s%s", variablesHelp(c), description("exit"), headed("\nExamples:\n", examples))
	default:
		fmt.Fprintf(&b, "%s: %s\n\n%s\n%s\n", usageLine(c), c.Usage, firstParagraph(about), headed("\nExamples:\n", examples[:min(len(examples), 3)]))
		b.WriteString("Flags:\n")
		shown := shownShort(c)
		for _, f := range shown {
			flagHelp(&b, f, false)
		}
		if len(shown) < len(c.VisibleFlags())-2 {
			fmt.Fprintf(&b, "\nonhold %s --help-all shows all %d flags, their variables and the exit codes.\n", c.Name, len(c.VisibleFlags()))
		} else {
			fmt.Fprintf(&b, "\nonhold %s --help-all shows more about them, their variables and the exit codes.\n", c.Name)
		}
	}
	io.WriteString(w, b.String())
}

// firstParagraph is that of a description, with what it announces.
func firstParagraph(about string) string {
	first, rest, _ := strings.Cut(about, "\n\n")
	if strings.HasSuffix(first, ":") {
		next, _, _ := strings.Cut(rest, "\n\n")
		first += "\n\n" + next
	}
	return first
}

func usageLine(c *cli.Command) string {
	line := "onhold " + c.Name
	if c.ArgsUsage != "" {
		line += " " + c.ArgsUsage
	}
	return line
}

// aboutAndExamples are the two parts of a description.
func aboutAndExamples(c *cli.Command) (about string, examples []string) {
	about, rest, _ := strings.Cut(c.Description, "\n\nExamples:\n")
	for line := range strings.Lines(rest) {
		if line = strings.TrimSpace(line); line != "" {
			examples = append(examples, line)
		}
	}
	return about, examples
}

func headed(head string, lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return head + "  " + strings.Join(lines, "\n  ") + "\n"
}

// rootHelp shows the subcommands in their groups.
func rootHelp(b *strings.Builder, c *cli.Command) {
	about, examples := aboutAndExamples(c)
	fmt.Fprintf(b, "%s\n%s", about, headed("\n", examples))
	for _, group := range groups {
		fmt.Fprintf(b, "\n%s:\n", group.name)
		for _, sub := range c.Commands {
			if sub.Category == group.name {
				fmt.Fprintf(b, "  %-10s %s\n", sub.Name, sub.Usage)
			}
		}
	}
	b.WriteString("\n" + description("more"))
}

// variablesHelp says which flags can be set in the environment.
func variablesHelp(c *cli.Command) string {
	var first string
	var not []string
	for _, f := range c.VisibleFlags() {
		switch name := f.Names()[0]; {
		case name == "help" || name == helpAllFlag:
		case !hasVariable(c, name):
			not = append(not, "--"+name)
		case first == "":
			first = name
		}
	}
	if first == "" {
		return "None of these flags is read from the environment.\n"
	}
	but := ""
	if len(not) > 0 {
		but = " except " + strings.Join(not, " and ")
	}
	return wrapped(fmt.Sprintf("Every flag%s can be set in the environment: %s for --%s, and so on.", but, variableOf(first), first), 0) + "\n"
}

// shownShort are the flags that the short help shows.
func shownShort(c *cli.Command) (flags []cli.Flag) {
	names, some := shortHelp[c.Name]
	for _, f := range c.VisibleFlags() {
		if name := f.Names()[0]; name != "help" && name != helpAllFlag && (!some || slices.Contains(names, name)) {
			flags = append(flags, f)
		}
	}
	if some {
		slices.SortStableFunc(flags, func(a, b cli.Flag) int {
			return slices.Index(names, a.Names()[0]) - slices.Index(names, b.Names()[0])
		})
	}
	return flags
}

// categories are those of the flags, in their order.
func categories(flags []cli.Flag) (names []string) {
	for _, f := range flags {
		if name := categoryOf(f); !slices.Contains(names, name) && f.Names()[0] != "help" {
			names = append(names, name)
		}
	}
	return names
}

func categoryOf(f cli.Flag) string {
	if f, ok := f.(cli.CategorizableFlag); ok {
		return f.GetCategory()
	}
	return ""
}

// flagHelp shows a flag: with all that is said of it and its default, or in its
// first words.
func flagHelp(b *strings.Builder, f cli.Flag, all bool) {
	const column = 28
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return
	}
	value, usage := placeholderOf(doc)
	if !all {
		usage, _, _ = strings.Cut(usage, "; ")
		usage, _, _ = strings.Cut(usage, ". ")
	}
	if def := defaultOf(doc); def != "" {
		usage += " (default " + def + ")"
	}
	name := strings.TrimSpace("  --" + f.Names()[0] + " " + value)
	if len(name) > column-4 {
		fmt.Fprintf(b, "  %s\n%*s%s\n", name, column, "", wrapped(usage, column))
		return
	}
	fmt.Fprintf(b, "  %-*s%s\n", column-2, name, wrapped(usage, column))
}

// defaultOf is a flag's default; empty where it has none to speak of.
func defaultOf(f cli.DocGenerationFlag) string {
	value := strings.Trim(f.GetValue(), `"`) // the library quotes a text
	if nothing(value) || !f.IsDefaultVisible() {
		return ""
	}
	// A duration of 1m0s, as of 1h0m0s, is shown without its zeros.
	if strings.HasSuffix(value, "m0s") {
		value = strings.Replace(strings.TrimSuffix(value, "0s"), "h0m", "h", 1)
	}
	return value
}

// wrapped breaks a text that begins at a column into lines.
func wrapped(text string, column int) string {
	var b strings.Builder
	at := column
	for i, word := range strings.Fields(text) {
		switch n := len([]rune(word)); {
		case i > 0 && at+1+n > helpWidth:
			fmt.Fprintf(&b, "\n%*s%s", column, "", word)
			at = column + n
		case i > 0:
			b.WriteString(" " + word)
			at += 1 + n
		default:
			b.WriteString(word)
			at += n
		}
	}
	return b.String()
}
