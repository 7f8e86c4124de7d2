package duet

import (
	"testing"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/duet/source"
)

// layOutOf lays out a folder against a base, and removes it at the end.
func layOutOf(t *testing.T, dir, base string) *source.Sides {
	t.Helper()
	s, err := source.Lay(t.Context(), dir, base, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	return s
}

var repo, run, write = commandtest.Repo, commandtest.Git, commandtest.Write
