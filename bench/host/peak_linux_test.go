package host

import (
	"os"
	"testing"
)

func TestPeakRSS(t *testing.T) {
	before, err := PeakRSS(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const more = 32 << 20
	room := make([]byte, more)
	for i := 0; i < more; i += 4096 {
		room[i] = 1
	}
	if after, err := PeakRSS(os.Getpid()); err != nil || after < more || after < before {
		t.Errorf("after using %d bytes the peak is %d, %v; before it was %d", more, after, err, before)
	}
	if peak, err := PeakRSS(1 << 30); err == nil {
		t.Errorf("the peak of no process is %d", peak)
	}
}
