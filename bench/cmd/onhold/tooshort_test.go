package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A stage that cannot show what is required of it is better not begun.
func TestWarningBeforeAStageThatIsTooShort(t *testing.T) {
	startsMany(t)
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	for _, c := range []struct{ line, want string }{
		{server.URL + " --rate 100 --require p99.9<5s", "p99.9 takes 10,000 requests, but " + server.URL + " at 100 arrivals per second (poisson) will have about 30 in 300ms: give --duration 1m41s or more"},
		{server.URL + " --rate 100 --require rejected<1%", ""},
		{server.URL + " --clients 1 --require p99.9<5s", ""}, // not known
		{"goroutine --clients 50 --require p99<5s", "p99 takes 1,000 requests, but goroutine at 50 clients will have about 750 in 300ms: give --duration 1s or more"},
	} {
		_, stderr, _ := onhold(t, t.TempDir(), append([]string{"run", "--duration", "300ms", "--warmup", "100ms", "--no-report"}, strings.Fields(c.line)...)...)
		if !strings.Contains(stderr, c.want) || c.want == "" && strings.Contains(stderr, "takes") {
			t.Errorf("%s: %s\nwant %s", c.line, stderr, c.want)
		}
	}
}
