package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// watchOpens watches which of some files, given by their paths below top, any
// process opens from now on, or lists with their folder. Unlike the log of package
// testing it sees reads before the log begins, by programs that a benchmark starts,
// and without package os. Stop ends the watch and returns the files. It fails where
// the system is out of watches.
func watchOpens(top string, paths []string) (stop func() []string, err error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	in := map[string][]string{} // the files of each folder
	for _, path := range paths {
		in[filepath.Dir(path)] = append(in[filepath.Dir(path)], path)
	}
	folders := map[int32]string{}
	for folder := range in {
		wd, err := unix.InotifyAddWatch(fd, filepath.Join(top, folder), unix.IN_OPEN|unix.IN_ONLYDIR)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
			continue // there is no such folder
		}
		if err != nil {
			unix.Close(fd)
			return nil, err
		}
		folders[int32(wd)] = folder
	}
	return sync.OnceValue(func() (read []string) {
		defer unix.Close(fd)
		buf := make([]byte, 64<<10)
		for {
			n, err := unix.Read(fd, buf)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil || n <= 0 {
				slices.Sort(read)
				return slices.Compact(read)
			}
			// An event is the number of the watch, the mask, a cookie, the length of
			// the name, and the name with zeros behind it.
			for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
				folder := folders[int32(binary.NativeEndian.Uint32(b))]
				mask, length := binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[12:])
				name, _, _ := bytes.Cut(b[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+int(length)], []byte{0})
				b = b[unix.SizeofInotifyEvent+int(length):]
				switch path := filepath.Join(folder, string(name)); {
				case mask&unix.IN_Q_OVERFLOW != 0: // events were lost
					read = append(read, paths...)
				case len(name) == 0 && mask&unix.IN_ISDIR != 0:
					read = append(read, in[folder]...)
				case slices.Contains(in[folder], path):
					read = append(read, path)
				}
			}
		}
	}), nil
}
