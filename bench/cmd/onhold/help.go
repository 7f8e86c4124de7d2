package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"
)

// helpWidth is the column at which the lines of a help text wrap.
const helpWidth = 100

// shortHelp lists the flags that --help shows of a subcommand, most used first;
// of a subcommand that is not in it, all.
var shortHelp = map[string][]string{
	"run": {
		"clients", "rate", "burst", "ramp", "duration", "repeats", "quick", "require",
		"method", "header", "body", "mix", "timeout", "think-time",
		"backend", "workers", "out", "json",
	},
	"serve": {"addr", "workers", "queue", "max-inflight", "backend", "backend-latency", "inject-cpu", "inject-delay", "trace"},
	"duet": {
		"base", "bench", "build", "serve", "path", "rate", "tolerance", "gate", "pairs", "budget", "inconclusive", "out", "json",
	},
	"predict": {"clients", "rate", "burst", "workers", "queue", "service-time", "service-dist", "think-time", "max-rejected", "out", "json"},
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
			b.WriteString("\n" + exitCodesHelp())
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
		fmt.Fprintf(&b, "\n%s\n%s%s", variablesHelp(c), exitCodesHelp(), headed("\nExamples:\n", examples))
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
	i := strings.LastIndex(c.Description, "Example")
	if i < 0 {
		return c.Description, nil
	}
	for line := range strings.Lines(c.Description[i:]) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "onhold ") {
			examples = append(examples, line)
		}
	}
	return strings.TrimSpace(c.Description[:i]), examples
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
	b.WriteString("\nonhold COMMAND --help shows what most people need, --help-all every flag. Every flag can be set in\n" +
		"the environment: ONHOLD_RATE=100 for --rate 100. onhold completion bash (or zsh, fish) prints a\n" +
		"script that completes commands, flags and styles: source it in your shell's start file.\n")
}

// variablesHelp says that flags can be set in the environment, by the first that
// can be.
func variablesHelp(c *cli.Command) string {
	for _, f := range c.VisibleFlags() {
		if name := f.Names()[0]; len(sourcesOf(f).Chain) > 0 {
			return fmt.Sprintf("Every flag can be set in the environment: %s for --%s, and so on.\n", variableOf(name), name)
		}
	}
	return "None of these flags is read from the environment.\n"
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

// placeholderOf parts a flag's usage from the name of its value, which may stand
// at its beginning, within backquotes.
func placeholderOf(f cli.DocGenerationFlag) (value, usage string) {
	usage = f.GetUsage()
	if name, rest, ok := strings.Cut(strings.TrimPrefix(usage, "`"), "` "); ok && usage[0] == '`' {
		return name, rest
	}
	switch f.(type) {
	case *cli.BoolFlag:
		return "", usage
	case *cli.DurationFlag:
		return "DURATION", usage
	case *cli.IntFlag, *cli.Uint64Flag, *cli.FloatFlag:
		return "N", usage
	}
	return "TEXT", usage
}

// defaultOf is a flag's default; empty where it has none to speak of.
func defaultOf(f cli.DocGenerationFlag) string {
	switch f := f.(type) {
	case *cli.StringFlag:
		return f.Value
	case *cli.DurationFlag:
		if f.Value > 0 {
			return shortDuration(f.Value)
		}
	case *cli.IntFlag:
		if f.Value > 0 {
			return fmt.Sprint(f.Value)
		}
	case *cli.FloatFlag:
		if f.Value > 0 {
			return fmt.Sprint(f.Value)
		}
	case *cli.Uint64Flag:
		if f.Value > 0 && !f.HideDefault {
			return fmt.Sprint(f.Value)
		}
	}
	return ""
}

// shortDuration is 1m for 1m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	return strings.Replace(text, "h0m", "h", 1)
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
