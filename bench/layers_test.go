package bench_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench/slow"
)

const module = "github.com/a628bb15/onhold/"

// layers lists the packages from the lowest layer to the highest. A package
// imports packages of layers before its own, and of its own layer those below it
// in its folder. A name that ends in /... stands for all packages below it that
// are not listed.
var layers = [][]string{
	{"bench/clock", "bench/internal/...", "bench/scratch", "bench/slow", "reports/compare/exact", "reports/escape", "reports/field", "reports/files/filestest", "reports/redact", "reports/units", "targets/orders"},
	{"bench/internal/stream", "reports/files", "reports/load", "reports/render/words"},
	{"reports/render/ci", "reports/render/table", "reports/result", "reports/theory", "reports/trace"},
	{"bench/host", "bench/internal/exchange", "bench/internal/request", "reports/conformance", "reports/model", "reports/search", "reports/series", "reports/render/canvas", "reports/render/sweep/...", "reports/render/sweep", "targets/backend", "targets/bare", "targets/grpc/orderspb", "targets/queue/broker"},
	{"bench", "bench/process", "reports/compare", "reports/render/finding", "targets/admission", "targets/backend/...", "targets/front"},
	{"bench/cmd/onhold/internal/duet/source", "bench/epoll", "bench/find", "bench/grpc", "bench/internal/alive", "reports/render/figure", "targets", "targets/backend/postgres/pgtest", "targets/..."},
	{"bench/benchtest", "bench/cmd/onhold/internal/...", "bench/cmd/onhold/internal/duet", "reports/render", "reports/render/..."},
	{"bench/cmd/onhold", "bench/cmd/onhold/internal/calibrate", "bench/cmd/onhold/internal/doctor", "bench/cmd/onhold/internal/patterns"},
}

// maxLayers keeps the table readable.
const maxLayers = 8

// reserved lists who alone may import what, tests aside.
var reserved = map[string][]string{
	"gonum.org/v1/gonum":                    {"reports/compare/exact", "reports/search", "reports/theory"},
	"gonum.org/v1/plot":                     {"reports/render/canvas", "reports/render/goldentest"},
	"github.com/jackc/pgx/v5":               {"targets/backend/postgres"},
	"testing":                               {"bench/benchtest", "bench/cmd/onhold/internal/commandtest", "reports/files/filestest", "reports/render/goldentest"},
	"flag":                                  {"bench/benchtest"},
	"github.com/urfave/cli/v3":              {"bench/cmd/onhold"},
	"github.com/vbauerster/mpb/v8":          {"bench/cmd/onhold"},
	"github.com/prometheus/procfs":          {"bench/host"},
	"github.com/prometheus/client_golang":   {"bench/cmd/onhold"},
	"github.com/HdrHistogram":               {"reports/result"},
	"github.com/panjf2000/gnet/v2":          {"targets/eventloop"},
	"google.golang.org/grpc":                {"bench/grpc", "targets/grpc", "targets/grpc/orderspb", "targets/backend/grpc"},
	"google.golang.org/protobuf":            {"bench/grpc", "targets/grpc", "targets/grpc/orderspb"},
	"github.com/bufbuild/protocompile":      {"bench/grpc"},
	"github.com/nats-io":                    {"bench/cmd/onhold/internal/fleet", "targets/queue/broker"},
	"github.com/rogpeppe/go-internal":       {},
	"pgregory.net/rapid":                    {},
	"github.com/chromedp":                   {},
	"github.com/a628bb15/onhold/bench/slow": {},
	"github.com/google/go-cmp":              {"reports/render/goldentest"},
	"github.com/a628bb15/onhold/targets":    {"bench/cmd/...", "targets/..."},
	"github.com/a628bb15/onhold/bench/cmd":  {"bench/cmd/..."},
}

func matches(pattern, pkg string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return strings.HasPrefix(pkg, prefix+"/")
	}
	return pattern == pkg
}

func layerOf(pkg string) int {
	best := -1
	for i, layer := range layers {
		for _, p := range layer {
			if p == pkg {
				return i
			}
			if matches(p, pkg) {
				best = i
			}
		}
	}
	return best
}

// What a package may import is written down once, here.
func TestLayers(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	seen := 0
	for dec.More() {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		seen++
		pkg := strings.TrimPrefix(p.ImportPath, module)
		own := layerOf(pkg)
		if own < 0 {
			t.Errorf("%s has no layer: enter it in the table", pkg)
			continue
		}
		for _, imp := range p.Imports {
			if of, ok := strings.CutPrefix(imp, module); ok && layerOf(of) >= own && !(layerOf(of) == own && strings.HasPrefix(of, pkg+"/")) {
				t.Errorf("%s imports %s, which is not below it", pkg, of)
			}
			for what, who := range reserved {
				if imp != what && !strings.HasPrefix(imp, what+"/") {
					continue
				}
				if !slices.ContainsFunc(who, func(w string) bool { return matches(w, pkg) }) && pkg != strings.TrimPrefix(what, module) {
					t.Errorf("%s imports %s, which is for %v only", pkg, imp, who)
				}
			}
		}
	}
	if seen < 8 {
		t.Errorf("only %d packages seen: is this the module?", seen)
	}
	if len(layers) > maxLayers {
		t.Errorf("there are %d layers, want at most %d", len(layers), maxLayers)
	}
}

// Every slow test is marked in one way, by which .ci/run finds it.
func TestSlowTestsAreMarked(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || filepath.Base(path) == "layers_test.go" || strings.HasPrefix(path, "../bench/slow/") {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(slow.Variable)) {
			t.Errorf("%s reads %s itself: call slow.Only in a test of its own, named %s…", path, slow.Variable, slow.Prefix)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
