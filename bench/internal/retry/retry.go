// Package retry decides how often stages are run again that the machine disturbed.
package retry

// Most is how many further attempts a stage has where nothing else is asked.
const Most = 2

// Budget is what is left of the further runs of stages. A machine that disturbs each
// attempt of a stage will disturb the next stage too: without a budget it would make a
// run several times as long, and no stage valid. The zero Budget is a full one.
type Budget struct{ spent int }

// Again reports whether a stage is run again after that attempt, which counts from 1.
// A stage has most further attempts, one fewer for each stage before it that stayed
// disturbed in all of its own, and one more again for each that did not.
func (b *Budget) Again(most, attempt int, disturbed bool) bool {
	switch {
	case disturbed && attempt <= most-b.spent:
		return true
	case disturbed:
		b.spent = min(b.spent+1, most)
	default:
		b.spent = max(b.spent-1, 0)
	}
	return false
}
