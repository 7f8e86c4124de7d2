package peers

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
)

// asked sends requests one after the other over one connection.
func asked(t *testing.T, url string, n int, each time.Duration) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	for range n {
		time.Sleep(each)
		resp, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// Requests are counted with the instants at which they came, handshakes are not.
func TestLoggedArrivals(t *testing.T) {
	for _, p := range []protocol{protoPlain, protoTLS} {
		s, err := logged(p)(t.Context(), &runner{})
		if err != nil {
			t.Fatal(err)
		}
		asked(t, s.url, 20, time.Millisecond)
		counted(t, s, 20)
	}
}

// askedOver2 does so over HTTP/2.
func askedOver2(t *testing.T, url string, n int) {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	for range n {
		resp, err := (&http.Client{Transport: transport}).Get(url)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
			t.Errorf("%+v", resp)
		}
	}
}

// Over HTTP/2, the requests and the calls of gRPC are counted in the same way.
func TestLoggedStreams(t *testing.T) {
	s, err := logged(protoHTTP2)(t.Context(), &runner{})
	if err != nil {
		t.Fatal(err)
	}
	askedOver2(t, s.url, 20)
	counted(t, s, 20)
	if s, err = logged(protoGRPC)(t.Context(), &runner{}); err != nil {
		t.Fatal(err)
	}
	cc, err := grpc.NewClient(s.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	for range 5000 { // more than the first window of a connection holds
		if err := cc.Invoke(t.Context(), "/peers.Echo/Call", new(emptypb.Empty), new(emptypb.Empty)); err != nil {
			t.Fatal(err)
		}
	}
	cc.Close()
	counted(t, s, 5000)
}

// counted is that a server has counted so many requests. It ends.
func counted(t *testing.T, s *server, n int64) {
	t.Helper()
	var m Measurement
	if err := s.count(t.Context(), &contest{task: closedTask(1, 0)}, &m); m.Requests != n || err != nil {
		t.Errorf("%d requests, %v, want %d", m.Requests, err, n)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// nginx counts the requests over TLS, and not those that ask how many there were.
func TestNginxCounts(t *testing.T) {
	if programPath("nginx") == "" {
		t.Skip("nginx is not installed")
	}
	for _, p := range []protocol{protoTLS, protoHTTP2} {
		s, err := nginx(p)(t.Context(), &runner{})
		if err != nil {
			t.Fatal(err)
		}
		if p == protoTLS {
			asked(t, s.url, 5, 0)
		} else {
			askedOver2(t, s.url, 5)
		}
		counted(t, s, 5)
	}
}

// Runs that were made in parts make one report.
func TestEarlierRuns(t *testing.T) {
	first := fixed().Sections[0].Cases[0].runs
	var lines []string
	for _, m := range first {
		m.Case = "64 clients, replies at once"
		line, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	path := filepath.Join(t.TempDir(), "runs.jsonl")
	of := func(text string, from ...string) (*Report, error) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Run(t.Context(), Config{Exe: "onhold", Pairs: 1, Duration: 3 * time.Second, From: from})
	}
	report, err := of(strings.Join(lines, "\n"), path, path)
	if err != nil {
		t.Fatal(err)
	}
	k := report.Sections[0].Cases[0]
	if len(report.Sections) != 1 || len(k.runs) != 2*len(first) || len(k.pairs) != 1 || report.Failed != 2 || k.runs[len(k.runs)-1].Pair != 14 {
		t.Errorf("%d sections, %d runs in %d pairs, %d failed", len(report.Sections), len(k.runs), len(k.pairs), report.Failed)
	}
	if n := len(k.pairRatios(k.pairs[0], clientCPU)); n != 12 {
		t.Errorf("%d pairs, want 12", n)
	}
	for _, bad := range []string{"{", `{"pair":0}`, `{"section":"tls","case":"none","pair":1,"name":"wrk"}`} {
		if r, err := of(bad, path); err == nil {
			t.Errorf("%q: %v", bad, r)
		}
	}
	if _, err := of("", path+"x"); err == nil {
		t.Error("a file that is not there is read")
	}
}
