package host

// PeakRSS is the most memory, in bytes, that the process pid ever had resident
// since it began to run its program.
//
// Note: that is not the maximum that the kernel reports of a child that has
// ended (getrusage): it counts the memory that the child shared with its parent
// before it became another program.
func PeakRSS(pid int) (int64, error) {
	fsys, err := proc()
	if err != nil {
		return 0, err
	}
	p, err := fsys.Proc(pid)
	if err != nil {
		return 0, err
	}
	status, err := p.NewStatus()
	return int64(status.VmHWM), err
}
