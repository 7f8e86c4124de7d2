// Package bed compares two commits of tiny repositories as a user does, with the
// command as it is built.
package bed

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
)

// The command's exit codes.
const (
	exitOK        = 0
	exitRegressed = 1
	exitInvalid   = 4
)

// program is the command.
var program string

func TestMain(m *testing.M) {
	os.Exit(commandtest.Built("../..", func(built string) int {
		program = built
		return m.Run()
	}))
}

// onhold runs the command to its end.
func onhold(t *testing.T, dir string, args ...string) (printed string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = slices.Concat(os.Environ(), commandtest.Short, commandtest.QuickDuet(strings.Join(args, " ")))
	return commandtest.Run(t, cmd)
}
