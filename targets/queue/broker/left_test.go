package broker

import (
	"context"
	"os"
	"testing"
)

// A broker that is interrupted while it starts leaves no folder.
func TestInterruptedStartLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := Start(ctx, Config{}); err == nil {
		s.Shutdown(context.Background())
		t.Skip("it started before it heard")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
