package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

// traceName is the file of a stage's trace, from the run folder, with slashes.
func traceName(style string, p bench.Plan) string {
	return path.Join(result.TracesFolder, fmt.Sprintf("%s-%s-%g-%d.trace", style, p.Load.Model(), p.Load.Level(), max(p.Repeat, 1)))
}

// traces makes the folder of the traces in the run folder.
func (s *session) traces() error {
	for _, t := range s.driven {
		st, ok := t.(*style)
		if !ok || !st.traced {
			continue
		}
		st.folder = s.folder.Dir
		if err := os.MkdirAll(filepath.Join(st.folder, result.TracesFolder), 0o755); err != nil {
			return fmt.Errorf("run folder: %w", err)
		}
	}
	return nil
}
