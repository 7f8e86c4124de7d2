package duet

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/compare"
)

// A word in braces is one word of the shell's, in whatever quotes it stands.
func TestFill(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("wants a Unix shell")
	}
	for _, path := range []string{"/tmp/plain-1.2/a", `/tmp/it's "a" $HOME \ ` + "`x`" + ` $(y);z*/a`} {
		for _, line := range []string{
			`{out}`, `"{out}"`, `'{out}'`, `"x"{out}`, `--file={out}`, `--file="{out}"`, `"--file={out}"`, `--file='{out}'`, `\"{out}`, `"\"{out}"`, `"it's {out}"`, `'"'{out}'"'`,
			`"$(printf %s "{out}")"`, `"$(printf %s '{out}' )"`, `"$(echo ')' >/dev/null; printf %s "{out}")"{out}`,
		} {
			filled := fill("printf '%s\\n' "+line, "{out}", path, "{addr}", "127.0.0.1:80")
			out, err := exec.Command("/bin/sh", "-c", filled).CombinedOutput()
			bare := strings.NewReplacer(`\"`, "\x00").Replace(line)
			bare = strings.NewReplacer(`'"'`, "\x00").Replace(bare)
			if i := strings.Index(bare, "$("); i >= 0 {
				bare = strings.Repeat("{out}", strings.Count(bare, "{out}"))
			}
			if !strings.Contains(bare, "it's") {
				bare = strings.ReplaceAll(bare, "'", "")
			}
			want := strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(bare, `"`, ""), "\x00", `"`), "{out}", path)
			if got := strings.TrimSuffix(string(out), "\n"); err != nil || got != want {
				t.Errorf("%s: %q, want %q (%v)\n%s", line, got, want, err, filled)
			}
		}
	}
	if got := fill("{out} -h {host} -p {port} -a {addr} {other} ${x}", "{out}", "/o", "{addr}", "h:1", "{host}", "h", "{port}", "1"); got != "/o -h h -p 1 -a h:1 {other} ${x}" {
		t.Error(got)
	}
}

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

// A build and a server get along with quotes, and with a temporary folder that
// requires them.
func TestQuotedPlaceholders(t *testing.T) {
	config := server(t, "1ms", "1ms")
	temp := filepath.Join(t.TempDir(), "it's a $folder")
	if err := os.Mkdir(temp, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", temp)
	config.MeasureIdentical = false
	e := config.Experiment.(*Serve)
	e.Build, e.Command = `cp "server.sh" "{out}"`, `"{out}" "{host}:{port}"`
	report, _, err := Run(t.Context(), config)
	if err != nil || report.Verdict != compare.Equal {
		t.Errorf("%+v, %v", report, err)
	}
}
