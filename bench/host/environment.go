package host

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/a628bb15/onhold/reports/result"
)

// Environment describes this machine and this build.
func Environment() result.Environment {
	e := result.Environment{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU(), Go: runtime.Version(), Onhold: "(devel)",
	}
	e.Host, _ = os.Hostname()
	describe(&e)
	if build, ok := debug.ReadBuildInfo(); ok {
		if v := build.Main.Version; v != "" {
			e.Onhold = v
		}
		var dirty bool
		for _, s := range build.Settings {
			switch s.Key {
			case "vcs.revision":
				e.Commit = s.Value[:min(12, len(s.Value))]
			case "vcs.modified":
				dirty = s.Value == "true"
			}
		}
		if dirty && e.Commit != "" {
			e.Commit += "+changes"
		}
	}
	return e
}

// field trims what kernels pad their names with.
func field(s string) string { return strings.TrimSpace(strings.Trim(s, "\x00")) }
