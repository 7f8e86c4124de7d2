package render

import (
	"math"
	"strconv"
	"strings"

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
