package host

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/a628bb15/onhold/reports/result"
)

// tree writes files below a folder, and links proc/self to the process.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "proc", "7"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("7", filepath.Join(root, "proc", "self")); err != nil {
		t.Fatal(err)
	}
	return root
}

const (
	mountV2     = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
	mountCPU    = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
	mountMemory = "33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	mountHybrid = "34 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	mountOther  = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
)

func TestQuota(t *testing.T) {
	none := "usage_usec 5\nuser_usec 3\nsystem_usec 2\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  Quota
	}{
		{"v2", map[string]string{
			"proc/7/mountinfo": mountOther + mountV2, "proc/7/cgroup": "0::/ci\n",
			"sys/fs/cgroup/cpu.stat": none, "sys/fs/cgroup/ci/cpu.max": "150000 100000\n",
			"sys/fs/cgroup/ci/cpu.stat": none + "nr_periods 90\nnr_throttled 8\nthrottled_usec 7000\nnr_bursts 0\n",
		}, Quota{1.5, "/sys/fs/cgroup/ci", result.Throttled{Times: 8, Time: 7 * time.Millisecond}}},
		{"v2 without a quota", map[string]string{
			"proc/7/mountinfo": mountV2, "proc/7/cgroup": "0::/ci\n", "sys/fs/cgroup/ci/cpu.max": "max 100000\n",
			"sys/fs/cgroup/ci/cpu.stat": none + "nr_throttled 0\nthrottled_usec 0\n",
		}, Quota{}},
		{"v2, root of a container", map[string]string{
			"proc/7/mountinfo": mountV2, "proc/7/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "20000 100000\n",
			"sys/fs/cgroup/cpu.stat": "nr_throttled 3\nthrottled_usec 40\n",
		}, Quota{0.2, "/sys/fs/cgroup", result.Throttled{Times: 3, Time: 40 * time.Microsecond}}},
		// The parents' quotas hold as well, and the smallest is the one that counts.
		{"v2, nested", map[string]string{
			"proc/7/mountinfo": mountV2, "proc/7/cgroup": "0::/a/b/c\n",
			"sys/fs/cgroup/a/cpu.max": "50000 100000\n", "sys/fs/cgroup/a/cpu.stat": "nr_throttled 5\nthrottled_usec 500\n",
			"sys/fs/cgroup/a/b/cpu.max": "max 100000\n", "sys/fs/cgroup/a/b/cpu.stat": "nr_throttled 0\nthrottled_usec 0\n",
			"sys/fs/cgroup/a/b/c/cpu.max": "200000 100000\n", "sys/fs/cgroup/a/b/c/cpu.stat": "nr_throttled 2\nthrottled_usec 10\n",
		}, Quota{0.5, "/sys/fs/cgroup/a", result.Throttled{Times: 7, Time: 510 * time.Microsecond}}},
		{"v1", map[string]string{
			"proc/7/mountinfo": mountMemory + mountCPU, "proc/7/cgroup": "5:memory:/ci\n4:cpu,cpuacct:/ci\n",
			"sys/fs/cgroup/cpu,cpuacct/ci/cpu.cfs_quota_us": "25000\n", "sys/fs/cgroup/cpu,cpuacct/ci/cpu.cfs_period_us": "50000\n",
			"sys/fs/cgroup/cpu,cpuacct/ci/cpu.stat": "nr_periods 9\nnr_throttled 4\nthrottled_time 1500\n", "sys/fs/cgroup/memory/ci/cpu.stat": "nr_throttled 99\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
		}, Quota{0.5, "/sys/fs/cgroup/cpu,cpuacct/ci", result.Throttled{Times: 4, Time: 1500}}},
		// A container that keeps the names of the machine, and sees its own folder only.
		{"v1, a mount of a part", map[string]string{
			"proc/7/mountinfo": "32 31 0:29 /docker/4e /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n", "proc/7/cgroup": "4:cpu:/docker/4e\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "30000", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000", "sys/fs/cgroup/cpu/cpu.stat": "nr_throttled 6\nthrottled_time 60\n",
		}, Quota{0.3, "/sys/fs/cgroup/cpu", result.Throttled{Times: 6, Time: 60}}},
		{"hybrid", map[string]string{
			"proc/7/mountinfo": mountHybrid + mountCPU, "proc/7/cgroup": "4:cpu,cpuacct:/ci\n1:name=systemd:/ci\n0::/ci\n",
			"sys/fs/cgroup/cpu,cpuacct/ci/cpu.cfs_quota_us": "25000\n", "sys/fs/cgroup/cpu,cpuacct/ci/cpu.cfs_period_us": "100000\n",
			"sys/fs/cgroup/cpu,cpuacct/ci/cpu.stat": "nr_throttled 4\nthrottled_time 1500\n", "sys/fs/cgroup/unified/ci/cpu.stat": none,
		}, Quota{0.25, "/sys/fs/cgroup/cpu,cpuacct/ci", result.Throttled{Times: 4, Time: 1500}}},
		{"mounted twice", map[string]string{
			"proc/7/mountinfo": mountV2 + "35 23 0:28 / /mnt/groups rw - cgroup2 cgroup2 rw\n", "proc/7/cgroup": "0::/ci\n",
			"sys/fs/cgroup/ci/cpu.stat": "nr_throttled 4\nthrottled_usec 1\n", "mnt/groups/ci/cpu.stat": "nr_throttled 4\nthrottled_usec 1\n",
		}, Quota{0, "", result.Throttled{Times: 4, Time: time.Microsecond}}},
		{"the first mount does not show it", map[string]string{
			"proc/7/mountinfo": "35 23 0:28 /other /mnt/groups rw - cgroup2 cgroup2 rw\n" + mountV2, "proc/7/cgroup": "0::/ci\n",
			"sys/fs/cgroup/ci/cpu.stat": "nr_throttled 4\nthrottled_usec 1\n",
		}, Quota{0, "", result.Throttled{Times: 4, Time: time.Microsecond}}},
		{"outside of what is seen", map[string]string{
			"proc/7/mountinfo": mountV2, "proc/7/cgroup": "0::/../other\n", "sys/fs/other/cpu.stat": "nr_throttled 4\n", "sys/fs/cgroup/cpu.stat": "nr_throttled 9\n",
		}, Quota{}},
		{"a group that is gone", map[string]string{
			"proc/7/mountinfo": mountV2, "proc/7/cgroup": "0::/ci (deleted)\n", "sys/fs/cgroup/cpu.stat": "nr_throttled 9\n",
		}, Quota{}},
		{"nonsense", map[string]string{
			"proc/7/mountinfo": mountV2, "proc/7/cgroup": "0::/ci\n", "sys/fs/cgroup/ci/cpu.max": "\x00", "sys/fs/cgroup/ci/cpu.stat": "nr_throttled many\nthrottled_usec -4\n\nnr_throttled",
		}, Quota{}},
		{"no control groups", map[string]string{"proc/7/mountinfo": mountOther, "proc/7/cgroup": ""}, Quota{}},
		{"no list of control groups", map[string]string{"proc/7/mountinfo": mountV2}, Quota{}},
		{"no mounts", map[string]string{"proc/7/cgroup": "0::/ci\n"}, Quota{}},
		{"no /proc", nil, Quota{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, newGroups(tree(t, c.files)).quota(7)); diff != "" {
				t.Errorf("quota (-want +got):\n%s", diff)
			}
			if q := newGroups(tree(t, c.files)).quota(8); q != (Quota{}) {
				t.Errorf("of a process that is not there: %+v", q)
			}
		})
	}
}
