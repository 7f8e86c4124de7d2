package verdict

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/escape"
	"github.com/a628bb15/onhold/reports/render/sweep"
)

// Annotate writes a comparison to w as GitHub workflow commands, one line for
// each verdict that a metric has. It fails where w does.
func Annotate(w io.Writer, r *compare.Report, options ...Option) error {
	_, err := io.WriteString(w, newComparison(r, options).annotations())
	return err
}

func annotationFiles(c *comparison) ([]sweep.File, error) {
	return []sweep.File{{Name: "annotations.txt", Data: []byte(c.annotations())}}, nil
}

func (c *comparison) annotations() string {
	var b strings.Builder
	line := func(kind, title string, lines ...string) {
		for i := range lines {
			lines[i] = escape.Line(lines[i])
		}
		fmt.Fprintf(&b, "::%s title=%s::%s\n", kind, escape.Property("onhold: "+title), escape.Data(strings.Join(lines, "\n")))
	}
	said := false // a line has the verdict of the comparison
	for _, v := range bySeverity {
		of := c.gated(v)
		switch {
		case v == compare.Invalid && c.overall() == v:
			line("error", v.String(), append([]string{c.headline()}, c.named(of)...)...)
			said = true
		case len(of) > 0:
			line(c.kind(v), v.String(), c.named(of)...)
			said = said || v == c.overall()
		}
	}
	if !said {
		line(c.kind(c.overall()), c.overall().String(), c.headline())
	}
	if c.Advisory {
		line("warning", "advisory", advice)
	}
	if len(c.differing()) > 0 {
		line("warning", "control failed", c.controlled())
	}
	worse := slices.DeleteFunc(c.informative(), func(f compare.Finding) bool {
		v := ofFinding(f)
		return v != compare.Regressed && v != compare.Unstable && v != compare.Minor
	})
	if len(worse) > 0 {
		line("notice", "worse, but does not decide", c.named(worse)...)
	}
	return b.String()
}

// kind is the level of the annotation of a verdict.
func (c *comparison) kind(v compare.Verdict) string {
	switch {
	case v == compare.Invalid || c.failed(v):
		return "error"
	case v == compare.Regressed || v == compare.Unstable || v == compare.Inconclusive || v == compare.Minor:
		return "warning"
	}
	return "notice"
}

// named are findings, a line for each, and how many more there are: GitHub shows ten
// annotations of a kind for each step, so one stands for all metrics of a verdict.
func (c *comparison) named(of []compare.Finding) []string {
	var out []string
	for i, f := range of {
		if i == mostNamed && len(of) > mostNamed+1 {
			out = append(out, fmt.Sprintf("and %d more", len(of)-i))
			break
		}
		out = append(out, c.short(f))
	}
	return out
}
