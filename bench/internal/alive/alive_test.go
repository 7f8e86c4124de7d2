package alive

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/bench"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	there := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer there.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	l.Close()
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Skip("there is no program that ends:", err)
	}
	for _, c := range []struct {
		name, url string
		pid       int
		want      string
	}{
		{"it is there", there.URL, 0, ""},
		{"and its process", there.URL, os.Getpid(), ""},
		{"nobody listens", nobody, 0, "takes no connections any more"},
		{"somebody else listens", there.URL, ended.Process.Pid, "has ended"},
	} {
		dial, err := bench.HTTP{URL: c.url}.Dial()
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := Check(t.Context(), dial, c.pid); err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
