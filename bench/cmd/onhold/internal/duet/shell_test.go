package duet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
)

func TestPlaceholders(t *testing.T) {
	serve := func(build, command string) error {
		return (&Serve{Build: build, Command: command}).Validate()
	}
	for command, want := range map[string]string{
		"{out}": "want a command that starts {out} and listens on {addr}, or on {host} and {port}", "x --addr {addr}": "want a command that starts {out}",
		"{out} --host {host}": "want a command that starts {out}", "{out} ${addr}": "want {addr} in place of ${addr}", "{out} --port {port}": "Plan.Load", `"{out}" --addr "{addr}"`: "Plan.Load",
	} {
		if err := serve("go build -o {out}", command); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", command, err, want)
		}
	}
	if err := serve("go build -o ${out}", "{out} {addr}"); err == nil || !strings.Contains(err.Error(), "Build is go build -o ${out}, want {out} in place of ${out}, which is a variable of the shell") {
		t.Error(err)
	}
}

// A build and a server get along with quotes. A temporary folder that requires them
// is an error.
func TestQuotedPlaceholders(t *testing.T) {
	config := server(t, "1ms", "1ms")
	config.MeasureIdentical = false
	e := config.Experiment.(*Serve)
	e.Build, e.Command = `cp "server.sh" '{out}'`, `"{out}" "{host}:{port}"`
	report, _, err := Run(t.Context(), config)
	if err != nil || report.Verdict != compare.Equal {
		t.Errorf("%+v, %v", report, err)
	}
	temp := filepath.Join(t.TempDir(), "it's a $folder")
	if err := os.Mkdir(temp, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", temp)
	config.Out = filepath.Join(t.TempDir(), "out")
	if _, _, err := Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "set TMPDIR to another folder") {
		t.Error(err)
	}
}
