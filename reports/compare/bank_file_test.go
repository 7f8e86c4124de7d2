package compare_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

// The bank holds launches that were measured live, in comparisons of a server
// with itself: what [TestBankFalseAlarms] and [TestBankPower] play with. It is
// lines of stages, as a run folder has them, one for each launch, with the
// slices merged and all left out that is not asked for.
const bankFile = "testdata/bank.jsonl.gz"

var bankFrom = flag.String("bank-from", "", "run folders of onhold duet, full paths with commas in between, of which TestBankPack makes "+bankFile)

// Settings of a launch in the bank, beside those of package result.
const (
	keySession = "session" // which comparison it is of
	keyServe   = "serve"   // how its server was started
)

// keptKeys are the settings of a slice that its launch has in the bank too: which
// it is, and what its figures depend on.
var keptKeys = []string{
	result.KeyTarget, result.KeyLoad, result.KeyLevel, result.KeyPair, result.KeyArm,
	result.KeyWait, result.KeyBackend, result.KeyBackendLatency, result.KeyBackendDist, result.KeyBackendStall,
}

// packBank writes the launches of run folders.
func packBank(w io.Writer, dirs []string) (launches int, err error) {
	zip, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return 0, err
	}
	for _, dir := range dirs {
		run, stages, warnings, err := result.Open(dir)
		if err != nil {
			return 0, err
		}
		if len(warnings) > 0 {
			return 0, fmt.Errorf("%s: %s", dir, strings.Join(warnings, "; "))
		}
		packed, err := packed(run, stages)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", dir, err)
		}
		for _, s := range packed {
			line, err := json.Marshal(s)
			if err != nil {
				return 0, err
			}
			if _, err := zip.Write(append(line, '\n')); err != nil {
				return 0, err
			}
		}
		launches += len(packed)
	}
	return launches, zip.Close()
}

// packed are the launches of a comparison, pair by pair.
func packed(run result.Run, stages []*result.Stage) (out []*result.Stage, err error) {
	type launch struct {
		pair int
		arm  string
	}
	slicesOf := map[launch][]*result.Stage{}
	var order []launch
	for _, s := range stages {
		l := launch{s.Settings.Int(result.KeyPair), s.Settings.Get(result.KeyArm)}
		switch {
		case s.Settings.Get(result.KeyDiscarded) != "":
			continue
		case l.pair == 0 || l.arm == "":
			return nil, errors.New("a stage is of no pair: this is not the folder of a comparison")
		case !s.Valid():
			return nil, fmt.Errorf("a stage of pair %d is not valid: %s", l.pair, strings.Join(s.Invalid, "; "))
		case slicesOf[l] == nil:
			order = append(order, l)
		}
		slicesOf[l] = append(slicesOf[l], s)
	}
	slices.SortStableFunc(order, func(a, b launch) int { return a.pair - b.pair })
	for _, l := range order {
		s, from := result.NewStage(), result.Merge(slicesOf[l])
		s.Length, s.Counts, s.Latency = from.Length, from.Counts, from.Latency
		s.Target.CPU, s.Target.Allocs = from.Target.CPU, from.Target.Allocs
		s.Settings = result.Settings{{Key: keySession, Value: run.ID}, {Key: keyServe, Value: run.Settings.Get(keyServe)}}
		for _, key := range keptKeys {
			if v := from.Settings.Get(key); v != "" {
				s.Settings = s.Settings.With(key, v)
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// eachLaunch reads a bank, one launch at a time: histograms are large.
func eachLaunch(path string, launch func(*result.Stage)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	zip, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	r := result.NewReader(zip)
	for r.Scan() {
		s, err := r.Stage()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		launch(s)
	}
	return r.Err()
}

// TestBankPack packs run folders and reads them again. With -bank-from they are
// real ones, and become the bank.
func TestBankPack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bank.jsonl.gz")
	dirs := strings.Split(*bankFrom, ",")
	if *bankFrom == "" {
		dirs = []string{madeFolder(t, "one", 3), madeFolder(t, "two", 2)}
	} else {
		path = bankFile
	}
	var zip bytes.Buffer
	n, err := packBank(&zip, dirs)
	if err != nil {
		t.Fatal(err)
	}
	size := zip.Len()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, zip.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d launches in %d bytes", n, size)
	// The figures are those that the comparisons themselves went by.
	var want, got []compare.Sample
	for _, dir := range dirs {
		_, stages, _, err := result.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		samples, invalid := compare.FromStages(stages, "")
		if len(invalid) > 0 {
			t.Fatal(invalid)
		}
		slices.SortStableFunc(samples, func(a, b compare.Sample) int { return a.Pair - b.Pair })
		want = append(want, samples...)
	}
	if err := eachLaunch(path, func(s *result.Stage) {
		samples, _ := compare.FromStages([]*result.Stage{s}, "")
		got = append(got, samples...)
	}); err != nil {
		t.Fatal(err)
	}
	if n == 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("the figures of %d launches are not those of the folders:\n%v\n%v", n, got, want)
	}
	const most = 2 << 20
	if size > most {
		t.Errorf("the bank has %d bytes, and is to have %d at most: leave a folder out", size, most)
	}
}

// madeFolder is a folder as a comparison leaves it: three arms a pair, two
// slices each, and slices that were run again.
func madeFolder(t *testing.T, id string, pairs int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), id)
	folder, err := result.Create(dir, result.Run{ID: id, Settings: result.Settings{{Key: keyServe, Value: "{out} --addr {addr}"}}})
	if err != nil {
		t.Fatal(err)
	}
	r := source(id)
	for pair := range pairs {
		for _, why := range []string{"the clock was set", ""} {
			if pair > 0 && why != "" {
				continue
			}
			for slice := range 6 {
				arm := []compare.Arm{compare.Base, compare.Candidate, compare.Control, compare.Control, compare.Candidate, compare.Base}[slice]
				s := madeSlice(r, strconv.Itoa(pair+1), arm)
				if why != "" {
					s.Settings = s.Settings.With(result.KeyDiscarded, why)
				}
				if err := folder.Append(s); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := folder.Finish(time.Now(), true); err != nil {
		t.Fatal(err)
	}
	return dir
}

func madeSlice(r *rand.Rand, pair string, arm compare.Arm) *result.Stage {
	s := result.NewStage()
	s.Settings = result.Settings{
		{Key: result.KeyTarget, Value: "server"}, {Key: result.KeyLoad, Value: "constant"}, {Key: result.KeyLevel, Value: "1000"},
		{Key: result.KeyArm, Value: string(arm)}, {Key: result.KeyPair, Value: pair}, {Key: result.KeyWait, Value: "20ms"},
	}
	s.Length = time.Second
	const requests = 1000
	for range requests {
		took := 20*time.Millisecond + time.Duration(2e6*r.ExpFloat64())
		for _, h := range []*result.Hist{s.Latency, s.Uncorrected, s.Lag} {
			h.Record(took)
		}
	}
	s.Counts[result.OK], s.Counts[result.Rejected] = requests, int64(r.IntN(20))
	for range s.Counts[result.Rejected] {
		s.Rejected.Record(time.Millisecond)
		s.Lag.Record(time.Microsecond)
	}
	s.Target.CPU = time.Duration(1e8 * (1 + 0.02*r.NormFloat64()))
	return s
}

func bankMissing(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("%v: it is made by go test ./reports/compare -run TestBankPack -bank-from DIR,DIR", err)
	}
	return err.Error()
}
