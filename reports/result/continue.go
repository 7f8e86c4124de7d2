package result

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/a628bb15/onhold/reports/files"
)

// maxRun bounds run.json in bytes: a command line and settings, of which no
// system takes a tenth of that.
const maxRun = 16 << 20

// ReadRun reads what a run folder says of its run as a whole.
func ReadRun(dir string) (run Run, err error) {
	path := filepath.Join(dir, RunFile)
	b, err := files.Read(path, maxRun)
	if err != nil {
		return run, fmt.Errorf("run folder: %w", err)
	}
	if err := json.Unmarshal(b, &run); err != nil {
		return run, fmt.Errorf("%s: %w", path, err)
	}
	if run.Schema != Schema {
		return run, fmt.Errorf("%s: schema is %d, and this version of onhold reads %d: make the run again, or read it with the version that wrote it (%.100q)", path, run.Schema, Schema, run.Environment.Onhold)
	}
	return run, nil
}

// Continue opens a run folder to append further stages to it.
func Continue(dir string) (f *Folder, err error) {
	f = &Folder{Dir: dir}
	if f.Run, err = ReadRun(dir); err != nil {
		return nil, err
	}
	if f.stages, err = files.OpenLog(filepath.Join(dir, StagesFile), false); err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	return f, nil
}
