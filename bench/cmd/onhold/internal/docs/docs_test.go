// Package docs runs the command lines of the README and of the help texts as a
// reader does, with the command as it is built.
package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/commandtest"
	"github.com/a628bb15/onhold/targets/backend/postgres/pgtest"
)

// The command's exit codes that a busy machine can cause.
const (
	exitInconclusive = 3
	exitInvalid      = 4
)

// program is the command.
var program string

func TestMain(m *testing.M) {
	os.Exit(commandtest.Built("../..", func(built string) int {
		program = built
		return pgtest.Tests{M: m}.Run()
	}))
}

// onhold runs the command to its end.
func onhold(t *testing.T, env []string, dir string, args ...string) (printed string, code int) {
	t.Helper()
	return commandtest.Run(t, command(t, env, dir, args...))
}

func command(t *testing.T, env []string, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = slices.Concat(os.Environ(), commandtest.Short, commandtest.QuickDuet(strings.Join(args, " ")), env)
	return cmd
}

// withServices runs a test of a command line with the environment that leads to
// what it needs, and skips it alone where that is not installed.
func withServices(t *testing.T, line string, test func(t *testing.T, env []string)) {
	t.Helper()
	if !strings.Contains(line, "--backend postgres") {
		test(t, nil)
		return
	}
	t.Run("postgres", func(t *testing.T) { test(t, pgtest.Shared(t).Env()) })
}

var outFlag = regexp.MustCompile(`-(?:-|onhold\.)out (?:"\$PWD/)?([^\s"]+)`)

// retried runs a command line again that ends with the exit code of an invalid
// run, or with a benchmark that is not valid: tests on the same machine can disturb
// stages as short as these. What is wrong stays so. An invalid run is accepted in the
// end where what it prints says that the machine was too busy.
func retried(t *testing.T, dir, line string, run func(try int) (printed string, code int)) (printed string, code int) {
	t.Helper()
	for try := 1; ; try++ {
		if m := outFlag.FindStringSubmatch(line); try > 1 && m != nil {
			os.RemoveAll(filepath.Join(dir, m[1]))
		}
		if printed, code = run(try); code != exitInvalid && !strings.Contains(printed, ": the stage is not valid: ") {
			return printed, code
		}
		if try == 3 {
			if busyWords.MatchString(printed) {
				code = 0
			}
			return printed, code
		}
		t.Log("not valid; again")
	}
}

var busyWords = regexp.MustCompile(`the machine (held up|disturbed) |the generator was late: p|of the CPU time it may use, above|of the generator was busy for|stopped the generator`)
