package result

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Continue opens a run folder to append further stages to it.
func Continue(dir string) (*Folder, error) {
	f := &Folder{Dir: dir}
	b, err := os.ReadFile(filepath.Join(dir, RunFile))
	if err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	if err := json.Unmarshal(b, &f.Run); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, RunFile), err)
	}
	if f.Run.Schema != Schema {
		return nil, fmt.Errorf("%s: schema is %d, this version of onhold reads %d", filepath.Join(dir, RunFile), f.Run.Schema, Schema)
	}
	if f.stages, err = os.OpenFile(filepath.Join(dir, StagesFile), os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	return f, nil
}
