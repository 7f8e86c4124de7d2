package main

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/reports/field"
)

// The help of every subcommand fits its lines, that of run one screen, and all
// flags that the short help names are there.
func TestHelp(t *testing.T) {
	commands := []string{""}
	for _, group := range groups {
		for _, command := range group.commands {
			c := command()
			commands = append(commands, c.Name)
			for _, name := range shortHelp[c.Name] {
				if !hasFlag(c, name) && c.Name != "predict" && c.Name != "duet" {
					t.Errorf("the short help of %s names --%s, which is no flag of it", c.Name, name)
				}
			}
		}
	}
	for _, name := range commands {
		for _, flag := range []string{"--help", "--help-all"} {
			args := []string{"onhold", name, flag}
			if name == "" {
				args = []string{"onhold", flag}
			}
			var out, errOut bytes.Buffer
			if code := run(args, &out, &errOut); code != exitOK || errOut.Len() > 0 {
				t.Errorf("%q: exit code %d, %s", args, code, errOut.String())
			}
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			for _, line := range lines {
				if utf8.RuneCountInString(line) > helpWidth && !strings.HasPrefix(line, "  onhold ") {
					t.Errorf("%q: a line has more than %d characters: %s", args, helpWidth, line)
				}
			}
			if len(lines) > 45 && flag == "--help" {
				t.Errorf("%q: %d lines", args, len(lines))
			}
			if name == "run" && flag == "--help" && len(lines) > 40 {
				t.Errorf("%q: %d lines, want one screen", args, len(lines))
			}
		}
	}
}

func TestSuggestions(t *testing.T) {
	for wrong, want := range map[string]string{
		"c": "there is no flag -c; did you mean --clients?", "c50": "there is no flag -c; did you mean --clients?",
		"rps": "--rate?", "qps": "--rate?", "vus": "--clients?", "n": "--duration?", "H": "--header?", "m": "--method?",
		"t": "--threads or --timeout or --duration?", "levels": "--clients or --rate?", "length": "--duration?", "think": "--think-time?", "z": "--duration?",
		"duraton": "--duration?", "wamrup": "--warmup?", "url": "the address is an argument", "nonsense": "there is no flag --nonsense",
	} {
		if got := unknownFlag(runCommand(), wrong).Error(); !strings.HasSuffix(got, want) && !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", wrong, got, want)
		}
	}
	for wrong, want := range map[string]string{
		"--rps": "did you mean onhold run --rate?", "-c": "did you mean onhold run --clients?", "-d10s": "did you mean onhold run --duration?", "--clients": "onhold run --clients?",
		"-t": "onhold run --threads or --timeout or --duration?", "--url": "the address is an argument", "--tolerance": "onhold duet --tolerance?", "--cleints": "onhold run --clients?", "--nonsense": "--nonsense before a subcommand\n",
	} {
		if stderr, code := refused(t, wrong, "1"); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("before a subcommand, %s: exit code %d, %s, want %s", wrong, code, stderr, want)
		}
	}
	for wrong, want := range map[string]string{"rnu": "did you mean run?", "dute": "did you mean duet?", "attack": "did you mean run?", "qqqq": "want one of run, find, duet, "} {
		if stderr, code := refused(t, wrong); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s", wrong, code, stderr)
		}
	}
	// What is suggested is there.
	for wrong, names := range meant {
		found := names == "version"
		for name := range strings.FieldsSeq(names) {
			found = found || anyHas(name)
		}
		if !found {
			t.Errorf("for --%s no subcommand has any of %s", wrong, names)
		}
	}
}

// The error of a field names its flag, where the command has it.
func TestFieldsAreFlags(t *testing.T) {
	for path, flag := range map[string]string{
		"ThinkTime": "think-time", "Load.RampUp": "ramp-up", "MaxLag": "max-lag", "Sim.Latency": "backend-latency", "GRPCLimit": "grpc-limit",
		"Load.Ramp.From": "ramp", "TargetPID": "target-pid", "Queued.Streams.Store": "broker-store", "Workers": "workers", "Stream.Events": "order-events",
	} {
		if got := flagOf(path); got != flag {
			t.Errorf("%s is --%s, want --%s", path, got, flag)
		}
		if got, want := fieldMessage(runCommand(), &field.Error{Field: path, Value: 7, Want: "less"}), "--"+flag+"=7: want less"; got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	e := &field.Error{Field: "Streams.Dir", Value: "x", Want: "a folder"}
	if got := fieldMessage(runCommand(), e); got != e.Error() {
		t.Errorf("of no flag: %q", got)
	}
	if code := exitCodeOf(errors.Join(e)); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	for path, flag := range fieldFlags {
		if !anyHas(flag) {
			t.Errorf("%s is said to be --%s, which is no flag", path, flag)
		}
	}
}

// Each kind of flag says which one is wrong, its value, and what is allowed.
func TestValuesThatAreNone(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"run --duration abc", "--duration=abc: want a duration, such as 500ms, 3s or 2m"},
		{"run --duration=", `--duration="": want a duration, such as 500ms, 3s or 2m`},
		{"run --duration", "--duration: want a duration, such as 500ms, 3s or 2m"},
		{"run --repeats x", "--repeats=x: want a whole number from 0 to 1000000000"},
		{"run --repeats 99999999999999999999", "--repeats=99999999999999999999: want a whole number from 0 to 1000000000"},
		{"run --seed -1", "--seed=-1: want a whole number of 0 or more"},
		{"run --backend-cv x", "--backend-cv=x: want a number, such as 0.5"},
		{"run --json=perhaps", "--json=perhaps: want true or false, or no value"},
		{"run --out a --out b", "--out is given twice"},
		{"completion tcsh", `there is no completion for "tcsh"; want one of bash, zsh, fish, pwsh`},
		{"completion", "want a shell, one of bash, zsh, fish, pwsh"},
	} {
		if stderr, code := refused(t, strings.Fields(test.args)...); code != exitUsage || !strings.Contains(stderr, test.want+"\n") && !strings.Contains(stderr, test.want+",") {
			t.Errorf("%s: exit code %d, %s", test.args, code, stderr)
		}
	}
	t.Setenv("ONHOLD_DURATION", "abc")
	if stderr, code := refused(t, "run", "--quick"); code != exitUsage || !strings.Contains(stderr, "onhold: ONHOLD_DURATION=abc: want a duration, such as") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// refused runs a command line that nothing is printed for.
func refused(t *testing.T, args ...string) (stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	code = run(append([]string{"onhold"}, args...), &out, &errOut)
	if out.Len() > 0 {
		t.Errorf("%q prints %s", args, out.String())
	}
	return errOut.String(), code
}

func hasFlag(c *cli.Command, name string) bool {
	for _, f := range c.Flags {
		if f.Names()[0] == name {
			return true
		}
	}
	return false
}

// anyHas reports whether any subcommand has the flag.
func anyHas(flag string) bool {
	for _, group := range groups {
		for _, command := range group.commands {
			if hasFlag(command(), flag) {
				return true
			}
		}
	}
	return false
}

// A variable is read by every command that has its flag, so it is a switch to all of
// them or to none.
func TestVariablesMeanOneThing(t *testing.T) {
	kinds := map[string]string{}
	for _, group := range groups {
		for _, command := range group.commands {
			c := command()
			for _, flag := range c.Flags {
				kind := "value"
				if _, ok := flag.(*cli.BoolFlag); ok {
					kind = "switch"
				}
				if name := variableOf(flag.Names()[0]); hasVariable(c, flag.Names()[0]) {
					if before := kinds[name]; before != "" && before != kind {
						t.Errorf("%s is a %s to %s, and a %s to others", name, kind, c.Name, before)
					}
					kinds[name] = kind
				}
			}
		}
	}
	if len(kinds) == 0 {
		t.Error("no flag is read from the environment")
	}
}

// Commands that begin in one second do not share a folder.
func TestFreshFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, want := range []string{"now", "now-2", "now-3"} {
		if got := freshFolder("now"); got != filepath.Join(defaultOut, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
