package render

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/units"
)

var (
	duration   = units.Duration
	byteSize   = units.Size
	number     = units.Number
	count      = units.Int[int64]
	percent    = units.Percent
	seldom     = units.RuleOfThree
	and        = units.List
	shorten    = words.Shorten
	percentile = units.Percentile
	counted    = units.Plural[int]
	sentence   = words.Sentence
	upperFirst = words.UpperFirst
	quantile   = sweep.Quantile
	atMost     = sweep.OrMore
	lastServed = sweep.LastServed
)

const textWidth = words.Width

func paragraph(b *strings.Builder, text, indent string) { b.WriteString(words.Paragraph(text, indent)) }

// finite is v, or 0 where it is not a number or infinite.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// thousands separates the digits of a whole number.
func thousands(digits string) string {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return digits
	}
	return units.Int(n)
}

// align writes rows with columns right-aligned, those of the indices in left
// left-aligned, two spaces apart, or one where that saves the width. Columns
// that do not fit even so are left out; it returns how many are written. A row
// of one cell is a line of its own, unless all are.
func align(b *strings.Builder, rows [][]string, left ...int) int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		if len(row) < len(widths) {
			continue
		}
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	n, between := len(widths), 2
	total := func() int {
		sum := -between
		for _, w := range widths[:n] {
			sum += w + between
		}
		return sum
	}
	if total() > textWidth {
		between = 1
	}
	for total() > textWidth && n > 1 {
		n--
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row[:min(n, len(row))] {
			if i > 0 {
				line.WriteString(strings.Repeat(" ", between))
			}
			room := strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell)))
			if slices.Contains(left, i) {
				line.WriteString(cell + room)
			} else {
				line.WriteString(room + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return n
}
