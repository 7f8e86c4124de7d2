package host

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/procfs"

	"github.com/a628bb15/onhold/reports/result"
)

// machineGroups are the control groups of this machine. Mounts are read once: a
// machine may have thousands, and they are read at the edges of a window.
var machineGroups = sync.OnceValue(func() *groups { return newGroups("/") })

func readQuota(pid int) Quota { return machineGroups().quota(pid) }

// groups finds and reads the control groups that bound CPU time: those of
// cgroup v2, of the v1 controller cpu, or of both where a machine has both.
type groups struct {
	root   string // of the file system: / but in tests
	fsys   procfs.FS
	mounts []*procfs.MountInfo // of cgroup file systems that may have quotas
}

func newGroups(root string) *groups {
	g := &groups{root: root}
	var err error
	if g.fsys, err = procfs.NewFS(filepath.Join(root, "proc")); err != nil {
		return g
	}
	mounts, err := g.fsys.GetMounts()
	if err != nil {
		return g
	}
	for _, m := range mounts {
		if _, cpu := m.SuperOptions["cpu"]; m.FSType == "cgroup2" || m.FSType == "cgroup" && cpu {
			g.mounts = append(g.mounts, m)
		}
	}
	return g
}

func (g *groups) quota(pid int) (q Quota) {
	if len(g.mounts) == 0 {
		return q
	}
	p, err := g.fsys.Proc(pid)
	if err != nil {
		return q
	}
	of, err := p.Cgroups()
	if err != nil {
		return q
	}
	for _, c := range of {
		kind := "cgroup"
		switch {
		case c.HierarchyID == 0:
			kind = "cgroup2"
		case !slices.Contains(c.Controllers, "cpu"):
			continue
		}
		for _, m := range g.mounts {
			if m.FSType == kind && g.within(m, c.Path, &q) {
				break // one hierarchy may be mounted at several places
			}
		}
	}
	return q
}

// within adds what the group at path and all around it say, up to the root of
// the mount; false where the mount does not show that group.
func (g *groups) within(m *procfs.MountInfo, path string, q *Quota) bool {
	rel, err := filepath.Rel(m.Root, path)
	if err != nil || !filepath.IsLocal(rel) {
		return false
	}
	top := filepath.Join(g.root, m.MountPoint)
	if info, err := os.Stat(filepath.Join(top, rel)); err != nil || !info.IsDir() {
		return false
	}
	for ; ; rel = filepath.Dir(rel) {
		dir := filepath.Join(top, rel)
		q.Throttled = q.Throttled.Plus(throttledOf(dir))
		if cpus := quotaOf(dir); cpus > 0 && (q.CPUs == 0 || cpus < q.CPUs) {
			q.CPUs, q.Group = cpus, filepath.Join(m.MountPoint, rel)
		}
		if rel == "." {
			return true
		}
	}
}

// throttledOf reads cpu.stat of one group: throttled_usec of v2, throttled_time
// in nanoseconds of v1.
func throttledOf(dir string) (t result.Throttled) {
	text, err := os.ReadFile(filepath.Join(dir, "cpu.stat"))
	if err != nil {
		return t
	}
	for line := range bytes.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 {
			continue
		}
		switch key {
		case "nr_throttled":
			t.Times = n
		case "throttled_usec":
			t.Time = time.Duration(n) * time.Microsecond
		case "throttled_time":
			t.Time = time.Duration(n)
		}
	}
	return t
}

// quotaOf is the quota of one group in CPUs: cpu.max of v2 is like "150000
// 100000" or "max 100000", of v1 each has its file, and -1 is none.
func quotaOf(dir string) float64 {
	if text, err := os.ReadFile(filepath.Join(dir, "cpu.max")); err == nil {
		quota, period, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
		return share(quota, period)
	}
	quota, err := os.ReadFile(filepath.Join(dir, "cpu.cfs_quota_us"))
	if err != nil {
		return 0
	}
	period, err := os.ReadFile(filepath.Join(dir, "cpu.cfs_period_us"))
	if err != nil {
		return 0
	}
	return share(strings.TrimSpace(string(quota)), strings.TrimSpace(string(period)))
}

func share(quota, period string) float64 {
	q, err1 := strconv.ParseInt(quota, 10, 64)
	p, err2 := strconv.ParseInt(period, 10, 64)
	if err1 != nil || err2 != nil || q <= 0 || p <= 0 {
		return 0
	}
	return float64(q) / float64(p)
}
