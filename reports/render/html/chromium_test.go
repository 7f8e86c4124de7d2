package html_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/a628bb15/onhold/reports/load"
	"github.com/a628bb15/onhold/reports/render/capacity"
	"github.com/a628bb15/onhold/reports/render/difference"
	"github.com/a628bb15/onhold/reports/render/figure"
	"github.com/a628bb15/onhold/reports/render/html"
	"github.com/a628bb15/onhold/reports/render/page"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/render/words"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/search"
)

var (
	shots = flag.String("shots", "", "`folder` for pictures of each page, at several widths, light and dark")
	shown = flag.String("shown", "", "with -shots: a run `folder` that is drawn too")
)

// browser starts a Chromium, and returns what its pages complain about: messages of
// their consoles, exceptions, and requests for anything but the file itself.
func browser(t *testing.T) (context.Context, func() []string) {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if strings.Contains(os.Getenv("ONHOLD_REQUIRE"), "chromium") {
			t.Fatal("there is no Chromium, and ONHOLD_REQUIRE says that there must be")
		}
		t.Skip("there is no Chromium to open the page in: install the package chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, expired := context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(expired)
	var mu sync.Mutex
	var said []string
	err := chromedp.Listen(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventConsoleAPICalled:
			for _, arg := range e.Args {
				said = append(said, fmt.Sprintf("console %s: %s", e.Type, arg.Value))
			}
		case *runtime.EventExceptionThrown:
			said = append(said, fmt.Sprintf("exception: %s %v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
		case *log.EventEntryAdded:
			said = append(said, "log: "+e.Entry.Text)
		case *network.EventRequestWillBeSent:
			if url := e.Request.URL; !strings.HasSuffix(url, "/report.html") && !strings.HasPrefix(url, "data:") {
				said = append(said, "request: "+url)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	_, networkErr := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	_, logErr := chromedp.Call(ctx, log.Enable, cdp.Empty{})
	_, runtimeErr := chromedp.Call(ctx, runtime.Enable, cdp.Empty{})
	if err := errors.Join(networkErr, logErr, runtimeErr); err != nil {
		t.Fatal(err)
	}
	return ctx, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return said
	}
}

// made is the page of a report, with more figures than those of a run.
func made(t *testing.T, r *sweep.Report, more ...sweep.File) []sweep.File {
	t.Helper()
	r.DPI = 20 // the page shows the SVG files
	r.Made = more
	for _, figures := range []func(*sweep.Report) ([]sweep.File, error){figure.Steps, figure.Capacity, figure.Percentiles, figure.HeatMap, figure.OverTime, figure.Saturation} {
		made, err := figures(r)
		if _, none := err.(sweep.Nothing); err != nil && !none {
			t.Fatal(err)
		}
		r.Made = append(r.Made, made...)
	}
	made, err := html.Report(r, page.Tables(r.Sweeps))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// written is the address of a page.
func written(t *testing.T, files []sweep.File) string {
	t.Helper()
	paths, err := sweep.Save(t.TempDir(), files...)
	if err != nil {
		t.Fatal(err)
	}
	return "file://" + paths[0]
}

// searched is the page of a search of a server with 100 workers, a queue of 20 and 200 ms of
// service, under a long name.
func searched(t *testing.T) []sweep.File {
	t.Helper()
	record := &search.Record{Target: "http://127.0.0.1:8080/api/orders?user_id=42&expand=lines,prices,shipping&currency=EUR", Load: load.Load{Rate: 10}, Started: time.Unix(0, 0).UTC()}
	record.Config = search.Config{Low: 50, High: 2000, Limits: []search.Limit{{Name: "adjusted-p99<3s", Share: 0.01}, {Name: "rejected<1%", Share: 0.01}},
		Precision: 0.1, Confidence: 0.95, Budget: 10 * time.Minute}
	random := rand.New(rand.NewPCG(1, 2))
	var stages []*result.Stage
	s := search.New(record.Config)
	for v, ok := s.Next(); ok; v, ok = s.Next() {
		bad := min(0.9, 0.01*math.Pow(v.Level/420, 10))
		for range int(v.Length / time.Second) {
			b := search.Batch{N: int64(v.Level), Bad: make([]int64, 2), Near: make([]int64, 2)}
			for range b.N {
				if random.Float64() < bad {
					b.Bad[0], b.Bad[1] = b.Bad[0]+1, b.Bad[1]+1
				}
			}
			v.Batches = append(v.Batches, b)
		}
		v.Took = v.Length * 5 / 4
		v.Verdict = s.Add(v)
		record.Visits = append(record.Visits, v)
		made := sweeptest.Made{Target: "blocking", Load: "poisson", Level: int(v.Level), OK: v.Level * (1 - bad), Rejected: v.Level * bad, RejectedIn: time.Millisecond,
			Latency: 200 * time.Millisecond, Jitter: time.Duration(v.Level) * 100 * time.Microsecond, Workers: 100, Queue: 20, Repeat: len(stages) + 1}
		never := func(int) bool { return false }
		stages = append(stages, sweeptest.Sliced(made.Stage(), v.Length, never, never))
	}
	record.Answer = s.Answer()
	r := sweep.NewReport(sweeptest.Run(), stages)
	r.Search, r.Found = true, []string{capacity.Title(record), words.UpperFirst(capacity.Why(record))}
	r.Asked = capacity.Asked(record)
	more, err := capacity.Files(record, r.Sweeps[0].Points)
	if err != nil {
		t.Fatal(err)
	}
	return made(t, r, more...)
}

// twoRuns is the page of two runs of which the second is slower at some levels.
func twoRuns(t *testing.T) []sweep.File {
	t.Helper()
	var sides [2]difference.Side
	var all []*result.Stage
	for i := range sides {
		run := sweeptest.Run()
		run.Environment.Commit = []string{"7616788c0ffee", "94a114b0ffee5"}[i]
		sides[i] = difference.Side{Name: []string{"before", "after"}[i], Run: run}
		for _, s := range sweeptest.Default() {
			if i == 1 && s.TargetName() == "eventloop" || i == 0 && s.Level() == 2000 {
				continue
			}
			s = sweeptest.Sliced(s, 3*time.Second, func(k int) bool { return i == 1 && s.Level() == 500 && k%5 == 3 }, func(int) bool { return false })
			s.Latency = result.NewStage().Latency // as in the slices
			for n := range s.Slices {
				slower := new(result.Sparse)
				for d, times := range s.Slices[n].Latency.All() {
					for range times {
						slower.Record(d + time.Duration(i*s.Level()/300)*10*time.Millisecond)
					}
				}
				s.Slices[n].Latency = slower
				slower.AddTo(s.Latency)
			}
			s.Settings = s.Settings.With(result.KeyWorkers, []string{"200", "220"}[i])
			sides[i].Stages = append(sides[i].Stages, s)
		}
		all = append(all, sides[i].Stages...)
	}
	runs := difference.Of(sides[0], sides[1])
	if runs == nil {
		t.Fatal("nothing is in both")
	}
	more, err := runs.Files(20)
	if err != nil {
		t.Fatal(err)
	}
	r := sweep.NewReport(sides[1].Run, all)
	r.Found = runs.Found()
	return made(t, r, more...)
}

// A page takes 300 KB as a rule, and at most 2 MB however much was run.
func TestSize(t *testing.T) {
	t.Parallel()
	size := func(stages []*result.Stage) int {
		return len(made(t, sweep.NewReport(sweeptest.Run(), stages))[0].Data)
	}
	never := func(int) bool { return false }
	usual := sweeptest.Default()
	for i := range usual {
		usual[i] = sweeptest.Sliced(usual[i], 3*time.Second, never, never)
	}
	if n := size(usual); n > 300<<10 {
		t.Errorf("a page of three targets has %d bytes", n)
	}
	if testing.Short() {
		return
	}
	var many []*result.Stage
	for i := range 8 {
		for level := 10; level < 500; level += 10 {
			s := sweeptest.Free(fmt.Sprintf("http://127.0.0.1:8080/%d", i), level)
			s.OK = float64(level) / 2
			many = append(many, sweeptest.Sliced(s.Stage(), 3*time.Second, func(k int) bool { return k%3 == i%3 }, func(k int) bool { return k%2 == 0 }))
		}
	}
	if n := size(many); n > 2<<20 {
		t.Errorf("a page of 8 targets at 49 levels has %d bytes", n)
	}
}

func evaluate[T any](t *testing.T, ctx context.Context, script string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return v
}

// contentWidth is how wide the page is in a window of that width. On a busy machine its
// charts follow the window late, so it waits for them, within bounds.
func contentWidth(t *testing.T, ctx context.Context, window int64) (wide int64) {
	t.Helper()
	for range 100 {
		if wide = evaluate[int64](t, ctx, `document.documentElement.scrollWidth`); wide <= window {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return wide
}

// show opens the window in a size and a colour scheme.
func show(t *testing.T, ctx context.Context, width int64, dark bool) {
	t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err := errors.Join(err, chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Sleep(50*time.Millisecond))); err != nil {
		t.Fatal(err)
	}
}

// A page loads without a word and without a request, is one column at 360 pixels, and
// its requirement line can be moved by the mouse and by keys, which changes the answer.
func TestChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser")
	}
	partial := sweeptest.Run()
	partial.Partial = true
	hostile := sweeptest.URL()
	for _, s := range hostile {
		s.Settings = s.Settings.With(result.KeyTarget, "https://x/</script><script>console.log('no')</script><img src=x onerror=alert(1)>")
	}
	of := func(run result.Run, stages []*result.Stage) []sweep.File {
		return made(t, sweep.NewReport(run, stages))
	}
	pages := []struct {
		name  string
		files []sweep.File
		drags bool
	}{
		{"default", of(sweeptest.Run(), sweeptest.Default()), true},
		{"spoiled", of(partial, sweeptest.Spoiled()), true},
		{"over time", of(sweeptest.Run(), sweeptest.OverTime()), true},
		{"both loads", of(sweeptest.Run(), append(sweeptest.Default(), sweeptest.Open()...)), true},
		{"hostile name", of(sweeptest.Run(), hostile), true},
		{"one level", of(sweeptest.Run(), sweeptest.Stages(sweeptest.Pool(300))), false},
		{"nothing", of(partial, nil), false},
		{"search", searched(t), true},
		{"two runs", twoRuns(t), true},
	}
	if *shown != "" {
		run, stages, _, err := result.Open(*shown)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages[:1], pages[0])
		pages[1].name, pages[1].files = "shown", of(run, stages)
	}
	ctx, said := browser(t)
	for _, p := range pages {
		t.Run(p.name, func(t *testing.T) {
			before := len(said())
			show(t, ctx, 1280, false)
			if err := chromedp.Do(ctx, chromedp.Navigate(written(t, p.files)), chromedp.WaitReady("body")); err != nil {
				t.Fatal(err)
			}
			if p.name == "search" {
				if said, want := evaluate[string](t, ctx, `document.querySelector(".answer").textContent`), "p99 ≤ 3 s,"; !strings.Contains(said, want) {
					t.Errorf("the line does not begin at the requirement: %q, want %q", said, want)
				}
			}
			if p.drags {
				drags(t, ctx)
			}
			for _, dark := range []bool{false, true} {
				for _, width := range []int64{1600, 880, 360} {
					show(t, ctx, width, dark)
					if wide := contentWidth(t, ctx, width); wide > width {
						t.Errorf("%d pixels wide, the page scrolls sideways: its content has %d", width, wide)
					}
					shoot(t, ctx, fmt.Sprintf("%s-%d-%v", p.name, width, dark))
				}
			}
			if now := said(); len(now) > before {
				t.Errorf("the page says %q", now[before:])
			}
		})
	}
}

func drags(t *testing.T, ctx context.Context) {
	t.Helper()
	const answer = `document.querySelector(".answer").textContent`
	first := evaluate[string](t, ctx, answer)
	box := evaluate[map[string]float64](t, ctx, `(e => { e.scrollIntoView({block: "center"}); return e.getBoundingClientRect().toJSON() })(document.querySelector(".demand"))`)
	x, y := box["x"]+box["width"]/2, box["y"]+box["height"]/2
	if err := chromedp.Do(ctx, chromedp.DragAndDropXY(x, y, x, y-150)); err != nil {
		t.Fatal(err)
	}
	dragged := evaluate[string](t, ctx, answer)
	if dragged == first {
		t.Errorf("dragging the requirement does not change %q", first)
	}
	if err := chromedp.Do(ctx, chromedp.Focus(".demand"), chromedp.KeyEvent(kb.PageDown), chromedp.KeyEvent(kb.PageDown)); err != nil {
		t.Fatal(err)
	}
	if evaluate[string](t, ctx, answer) == dragged {
		t.Errorf("keys do not move the requirement: %q", dragged)
	}
	if err := chromedp.Do(ctx, chromedp.Focus(`.live [role=group]`), chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight)); err != nil {
		t.Fatal(err)
	}
	if read := evaluate[string](t, ctx, `document.querySelector(".read").textContent`); !strings.HasPrefix(read, "At ") {
		t.Errorf("arrow keys do not move the crosshair: %q", read)
	}
	if alert := evaluate[string](t, ctx, `document.getElementById("say").textContent`); alert == "" {
		t.Error("the crosshair's values are not announced")
	}
}

// shoot keeps a picture of the complete page, where the flag says where.
func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, strings.ReplaceAll(name, " ", "-")+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}
