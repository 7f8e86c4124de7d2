package canvas

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

var pathStep = regexp.MustCompile(`([MLAZ])([^A-Z]*)`)

// shortPath writes the data of an SVG path with a tenth of a point, each place relative
// to the one before, and without places within a straight line along an axis. A path of
// other commands than move, line, arc and close stays as it is.
func shortPath(data string) string {
	type place struct{ x, y int } // tenths of a point
	var b strings.Builder
	var at place
	var run place // a line along an axis that is not written yet
	read := 0
	write := func(command string, values ...int) {
		b.WriteString(command)
		for i, v := range values {
			text := strconv.FormatFloat(float64(v)/10, 'f', -1, 64)
			if v > -10 && v < 10 {
				text = strings.Replace(text, "0.", ".", 1)
			}
			if i > 0 && v >= 0 {
				b.WriteByte(' ')
			}
			b.WriteString(text)
		}
	}
	flush := func() {
		switch {
		case run.x != 0:
			write("h", run.x)
		case run.y != 0:
			write("v", run.y)
		}
		run = place{}
	}
	for _, m := range pathStep.FindAllStringSubmatch(data, -1) {
		read += len(m[0])
		var v []int
		for _, field := range strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' || r == ' ' }) {
			f, err := strconv.ParseFloat(field, 64)
			if err != nil || math.Abs(f) > 1e8 {
				return data
			}
			v = append(v, int(math.Round(10*f)))
		}
		if len(v) != map[string]int{"M": 2, "L": 2, "A": 7}[m[1]] {
			return data
		}
		to := at
		if len(v) > 1 {
			to = place{v[len(v)-2], v[len(v)-1]}
		}
		by := place{to.x - at.x, to.y - at.y}
		if m[1] != "L" || by.x != 0 && (by.y != 0 || run.y != 0 || by.x*run.x < 0) || by.y != 0 && (run.x != 0 || by.y*run.y < 0) {
			flush()
		}
		switch {
		case m[1] == "M":
			write("M", to.x, to.y)
		case m[1] == "Z":
			write("z")
		case m[1] == "A":
			write("a", v[0], v[1], v[2], v[3], v[4], by.x, by.y)
		case by.x != 0 && by.y != 0:
			write("l", by.x, by.y)
		default:
			run = place{run.x + by.x, run.y + by.y}
		}
		at = to
	}
	flush()
	if read != len(data) {
		return data
	}
	return b.String()
}
