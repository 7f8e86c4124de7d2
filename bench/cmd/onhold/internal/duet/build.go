package duet

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/a628bb15/onhold/reports/compare"
)

// batch is the most pairs that are built ahead. Their programs are in the temporary
// folder until they have run.
const batch = 8

// program is one build of an arm.
type program struct {
	path string
	hash string // of its contents
}

// builder builds the arms of pairs with one command.
type builder struct {
	s    *session
	name string // distinguishes the programs of several builders
	// make builds the program of a side at path out, with the linker's seed.
	make func(ctx context.Context, arm compare.Arm, layout uint64, out string) error

	probed bool                    // whether layouts make a difference is known
	fixed  map[compare.Arm]program // of base and candidate, where they make none: one build of each
}

// side is what an arm is built from: the control is built from the base.
func side(arm compare.Arm) compare.Arm {
	if arm == compare.Control {
		return compare.Base
	}
	return arm
}

// path is the program of a pair's arm when it runs. Its length is the same for all
// arms, and the letter of an arm is drawn.
func (b *builder) path(p pairPlan, arm compare.Arm) string {
	return filepath.Join(b.s.sides.Root, fmt.Sprintf("bin%04d%s", p.number, b.name), string(rune('a'+p.place[arm])))
}

// all builds the arms of all the pairs, as many at a time as there are CPUs.
func (b *builder) all(ctx context.Context, pairs []pairPlan) error {
	if !b.probed {
		if err := b.probe(ctx, pairs[0]); err != nil {
			return err
		}
	}
	if b.fixed != nil {
		return nil // take links the programs into place
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	for _, p := range pairs {
		for _, arm := range p.arms {
			group.Go(func() error { return b.one(ctx, arm, p.layout[arm], b.path(p, arm)) })
		}
	}
	return group.Wait()
}

// probe builds both sides, and the base also with another layout. Where that makes
// no difference to the program, one build of each side is enough.
func (b *builder) probe(ctx context.Context, p pairPlan) error {
	dir := filepath.Join(b.s.sides.Root, "built")
	var programs [3]program
	for i, try := range []struct {
		arm    compare.Arm
		layout uint64
	}{{compare.Base, 1}, {compare.Base, 2}, {compare.Candidate, 1}} {
		path := filepath.Join(dir, "probe"+b.name+strconv.Itoa(i))
		var err error
		if programs[i], err = b.hashed(ctx, try.arm, try.layout, path); err != nil {
			return err
		}
	}
	b.probed = true
	if programs[0].hash == programs[1].hash {
		b.fixed = map[compare.Arm]program{compare.Base: programs[0], compare.Candidate: programs[2]}
		b.s.notes = append(b.s.notes, "the build ignores the code layout, so it was not varied: a difference of a few percent may come from the layout and not from the source")
	} else {
		for _, p := range programs {
			os.Remove(p.path)
		}
	}
	return nil
}

func (b *builder) one(ctx context.Context, arm compare.Arm, layout uint64, out string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	if err := b.make(ctx, side(arm), layout, out); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("building the %s: %s", arm, b.s.sides.Named(arm, err.Error()))
	}
	if _, err := os.Stat(out); err != nil {
		return fmt.Errorf("building the %s: the command succeeded and left no program at %s: it must write one to {out}", arm, out)
	}
	return nil
}

// take returns the programs of a pair.
func (b *builder) take(p pairPlan) (map[compare.Arm]program, error) {
	out := map[compare.Arm]program{}
	for _, arm := range p.arms {
		path := b.path(p, arm)
		if b.fixed != nil {
			os.Remove(path) // of a pair that is started again
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Link(b.fixed[side(arm)].path, path)); err != nil {
				return nil, err
			}
		}
		hash, err := hashOf(path)
		if err != nil {
			return nil, err
		}
		out[arm] = program{path, hash}
	}
	return out, nil
}

// drop removes the programs of a complete pair.
func (b *builder) drop(p pairPlan) { os.RemoveAll(filepath.Dir(b.path(p, compare.Base))) }

func (b *builder) canonicalDir() string {
	return filepath.Join(b.s.sides.Root, "canonical"+b.name)
}

// canonical builds both sides with nothing drawn, and returns the candidate's
// program, and whether the base's is the same.
func (b *builder) canonical(ctx context.Context) (program, bool, error) {
	var programs [2]program
	var errs [2]error
	var group sync.WaitGroup
	for i, arm := range []compare.Arm{compare.Base, compare.Candidate} {
		path := filepath.Join(b.canonicalDir(), string(rune('a'+i)))
		group.Go(func() { programs[i], errs[i] = b.hashed(ctx, arm, canonicalLayout, path) })
	}
	group.Wait()
	// Where both fail, the base's error says more: nothing in it has changed.
	return programs[1], programs[0].hash == programs[1].hash, cmp.Or(errs[0], errs[1])
}

// hashed builds a program of an arm at a path.
func (b *builder) hashed(ctx context.Context, arm compare.Arm, layout uint64, path string) (program, error) {
	if err := b.one(ctx, arm, layout, path); err != nil {
		return program{}, err
	}
	hash, err := hashOf(path)
	return program{path, hash}, err
}

// hashOf is a short hash of a file's contents. Reading the file also brings it
// into the page cache, for all arms alike.
func hashOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// canonicalLayout is the layout of a build in which nothing is drawn, as for the
// check for identical programs.
const canonicalLayout = 0

// layoutFlags are the linker flags of a layout. Linking without debug information
// takes half the time. A canonical build depends on its source only.
func layoutFlags(seed uint64) string {
	if seed == canonicalLayout {
		return "-s -w -buildid="
	}
	return fmt.Sprintf("-s -w -randlayout=%d", seed)
}
