package peers

import (
	"testing"
	"time"

	"github.com/a628bb15/onhold/targets/bare"
)

func TestPingPong(t *testing.T) {
	s, err := bare.Start(bare.Config{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown(t.Context())
	hist, err := PingPong(t.Context(), s.Addr(), "/", 100*time.Millisecond, nil)
	if err != nil || hist.N() < 2 || hist.Quantile(0.5) <= 0 {
		t.Fatalf("%v, %v", hist, err)
	}
	if hist, err := PingPong(t.Context(), "127.0.0.1:1", "/", time.Second, nil); err == nil {
		t.Errorf("where nobody listens it made %d round trips", hist.N())
	}
}

func BenchmarkPingPong(b *testing.B) {
	s, err := bare.Start(bare.Config{Addr: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Shutdown(b.Context())
	for b.Loop() {
		hist, err := PingPong(b.Context(), s.Addr(), "/", time.Second, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(hist.Quantile(0.5)), "p50-ns")
	}
}
