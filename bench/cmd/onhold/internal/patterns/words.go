package patterns

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// seconds tells a duration in a sentence, in seconds with one digit where it
// needs one.
func seconds(d time.Duration) string {
	s := d.Seconds()
	switch {
	case s < 0.0095:
		return fmt.Sprintf("%.2g ms", 1000*s)
	case s < 0.95:
		return fmt.Sprintf("%.0f ms", 1000*s)
	case math.Abs(s-math.Round(s)) < 0.05:
		return fmt.Sprintf("%.0f s", s)
	}
	return fmt.Sprintf("%.1f s", s)
}

// micro tells a short duration.
func micro(d time.Duration) string {
	switch us := float64(d) / 1e3; {
	case us < 1000:
		return fmt.Sprintf("%.0f µs", us)
	case us < 10_000:
		return fmt.Sprintf("%.1f ms", us/1e3)
	default:
		return fmt.Sprintf("%.0f ms", us/1e3)
	}
}

// thousands writes a count with separators.
func thousands(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// list joins words as a sentence has them.
func list(words []string) string {
	switch len(words) {
	case 0:
		return "none"
	case 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
