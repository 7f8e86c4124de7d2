package host

import (
	"fmt"
	"os"

	"github.com/a628bb15/onhold/reports/result"
)

// Quota is what the CPU quotas of control groups allow a process, and how often
// they have stopped it so far. A process is held by the quotas of its own group
// and of every group around that one; those outside of a container are not seen
// from within it.
type Quota struct {
	CPUs      float64          // CPU seconds per second of the smallest quota; 0 where there is none, or it is unknown
	Group     string           // the folder of the control group that has it; "" likewise
	Throttled result.Throttled // since the groups exist, summed over all of them and their CPUs
}

// ReadQuota reads the quotas of the process pid. What the system does not tell
// is zero.
func ReadQuota(pid int) Quota { return readQuota(pid) }

// SelfThrottled is by how much CPU quotas have stopped this process so far, or
// anything else in its control groups.
func SelfThrottled() result.Throttled { return ReadQuota(os.Getpid()).Throttled }

// String describes the quota, like "1.5 CPUs (control group /sys/fs/cgroup/ci)".
func (q Quota) String() string {
	if q.CPUs == 0 {
		return "none"
	}
	return fmt.Sprintf("%.4g CPUs (control group %s)", q.CPUs, q.Group)
}
