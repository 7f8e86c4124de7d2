package main

import (
	"fmt"
	"strconv"
	"strings"
)

// parseLevels reads a comma-separated list of rising levels, each a whole
// number of at least 1, like 1,50,100.
func parseLevels(text string) ([]float64, error) {
	var levels []float64
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a level: want whole numbers of at least 1, separated by commas, like 1,50,100", part)
		}
		if len(levels) > 0 && float64(n) <= levels[len(levels)-1] {
			return nil, fmt.Errorf("%d comes after %g: levels must rise", n, levels[len(levels)-1])
		}
		levels = append(levels, float64(n))
	}
	return levels, nil
}
