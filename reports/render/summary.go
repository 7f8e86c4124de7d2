package render

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/result"
)

// mostNotes bounds the notes of a summary, which is read on one screen.
const mostNotes = 8

// summaryFiles writes summary.md: the finding, the pictures, one table, what
// is not to be trusted, and how to repeat the run.
func summaryFiles(r *report) ([]file, error) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	title, _ := finding(r.sweeps)
	line("# %s\n", escape.Markdown(title))
	if stamp := stampOf(r.run, len(r.stages)); stamp != "" {
		line("**%s**\n", stamp)
	}
	for _, f := range r.made {
		if f.alt != "" {
			line("![%s](%s)\n", escape.Markdown(f.alt), f.name)
		}
	}
	if len(r.sweeps) > 0 {
		from := b.Len()
		r.table(line)
		line("\n%s\n", escape.Markdown(legend(b.String()[from:])))
	} else {
		line("No stage was finished.\n")
	}
	said := append([]string(nil), r.missing...)
	for i := range r.sweeps {
		for _, n := range notes(&r.sweeps[i]) {
			said = append(said, fmt.Sprintf("%s: %s", r.sweeps[i].ShortName(40), n))
		}
	}
	for i, s := range said {
		if i == mostNotes && len(said) > mostNotes+1 {
			line("- and %d more", len(said)-i)
			break
		}
		line("- %s", escape.Markdown(s))
	}
	if len(said) > 0 {
		line("")
	}
	line("## What was run\n\n%s", escape.Markdown(caption(r.run, r.sweeps)))
	for _, s := range []string{environment(r.run.Environment), strings.Join(r.run.Notes, "; "), period(r.run)} {
		if s != "" {
			line("%s", "\n"+escape.Markdown(s))
		}
	}
	if len(r.run.Command) > 0 {
		line("\n%s", escape.Fence("sh", shell(r.run.Command)))
	}
	return []file{{name: "summary.md", data: []byte(b.String())}}, nil
}

// table writes one table of all targets: one a target would fill the screen
// with headings.
func (r *report) table(line func(string, ...any)) {
	var all []sweep.Point
	loads := map[string]bool{}
	for _, w := range r.sweeps {
		all = append(all, w.Points...)
		loads[result.LevelUnit(w.Load, 2)] = true
	}
	columns := columnsOf(all)
	levels := "load"
	if len(loads) == 1 {
		levels = result.LevelUnit(r.sweeps[0].Load, 2)
	}
	head, rule := "| target | "+levels+" |", "|:--|--:|"
	for _, c := range columns {
		head += " " + strings.TrimSpace(c.head[0]+" "+c.head[1]) + " |"
		rule += "--:|"
	}
	line("%s\n%s", head, rule)
	for i := range r.sweeps {
		w := &r.sweeps[i]
		for _, p := range w.Points {
			row := []string{escape.Markdown(w.ShortName(40)), level(p)}
			if len(loads) > 1 {
				row[1] += " " + result.LevelUnit(w.Load, p.Level)
			}
			for _, c := range columns {
				row = append(row, c.cell(p))
			}
			line("| %s |", strings.Join(row, " | "))
		}
	}
}

func environment(e result.Environment) string {
	var parts []string
	for _, s := range []string{e.CPU, e.OS, e.Arch, e.Kernel, e.Go} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if e.Cores > 0 {
		parts = append(parts, fmt.Sprintf("%d cores", e.Cores))
	}
	if e.Memory > 0 {
		parts = append(parts, byteSize(e.Memory)+" of memory")
	}
	if e.Onhold != "" {
		parts = append(parts, "onhold "+e.Onhold)
	}
	return strings.Join(parts, ", ")
}

func period(run result.Run) string {
	if run.Started.IsZero() {
		return ""
	}
	s := "Started " + run.Started.UTC().Format(time.RFC3339)
	if d := run.Finished.Sub(run.Started); !run.Finished.IsZero() && d > 0 {
		s += ", took " + d.Round(time.Second).String()
	}
	return s + "."
}

var plainArg = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// shell writes a command as a shell takes it.
func shell(command []string) string {
	var words []string
	for _, w := range command {
		if !plainArg.MatchString(w) {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}
