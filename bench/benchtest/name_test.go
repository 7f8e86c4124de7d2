package benchtest

import (
	"context"
	"net/http"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a628bb15/onhold/bench"
)

func TestNamesAreSafe(t *testing.T) {
	for target, want := range map[*Target]string{
		new(URL("http://127.0.0.1:38123/")):                                          "127.0.0.1", // a port of today's
		new(URL("http://joe:secret@shop.example/api/orders?user_id=42")):             "shop.example_api_orders",
		new(URL("http://db-1/")):                                                     "db_1", // else read as GOMAXPROCS=1
		new(URL("http://[::1]:8080/a b")):                                            "__1_a_b",
		new(HTTP(bench.HTTP{Mix: []bench.Weighted{{URL: "http://a/b", Weight: 1}}})): "a_b",
		new(Handler(nil)):                                                            "handler",
		new(Fasthttp(nil)):                                                           "fasthttp",
		new(Handler(nil).Named("Bäcker#1 / 2")):                                      "Bäcker_1___2",
		new(Dial("queue-v2-10", nil)):                                                "queue-v2_10",
	} {
		if target.name != want {
			t.Errorf("%q, want %q", target.name, want)
		}
	}
}

// A target is a value: what is made of it leaves it as it was.
func TestTargetsAreValues(t *testing.T) {
	first := Handler(http.NotFoundHandler())
	second := first.Named("other").Path("/a").PID(os.Getpid())
	if first.name != "handler" || first.request.URL != "/" || first.pid != 0 {
		t.Errorf("%q, %q, %d", first.name, first.request.URL, first.pid)
	}
	h, err := second.Request(bench.HTTP{Mix: []bench.Weighted{{URL: "/a", Weight: 3}, {URL: "/b?c", Weight: 1}}}).at("http://127.0.0.1:80/")
	want := []bench.Weighted{{URL: "http://127.0.0.1:80/a", Weight: 3}, {URL: "http://127.0.0.1:80/b?c", Weight: 1}}
	if diff := cmp.Diff(want, h.Mix); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestTargetsThatCannotBe(t *testing.T) {
	none := bench.Dial(nil)
	dial := bench.Dial(func(context.Context) (bench.Conn, error) { return nil, nil })
	for want, target := range map[string]Target{
		"target: its name is empty": {},
		`target 8080: URL is 8080, want one that begins with http://, https:// or h2c://, or with ws:// or wss://`: URL("8080"),
		`target handler: url is "http://x/", want a path that begins with /, as the server is started here`:        Handler(nil).Path("http://x/"),
		`target handler: Method is "GE T", want one like GET, HEAD, POST or PUT`:                                   Handler(nil).Request(bench.HTTP{Method: "GE T"}),
		"target queue: Path and Request are for HTTP, and it has a driver of its own":                              Dial("queue", dial).Path("/"),
		"target queue: there is no address, no driver and no server to start":                                      Dial("queue", none),
		"target handler: pid is -1, want that of a process":                                                        Handler(nil).PID(-1),
	} {
		if err := target.check(); err == nil || err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
