//go:build linux

package records

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/caisson-dev/caisson/internal/api"
)

// Lost says whether a container whose record is damaged is what a crash of the machine leaves of one that was not
// durable, or that was being made. Another's damage has another cause, and the container is kept until it is removed.
func (s *Store) Lost(id string) bool {
	st, err := s.State(id)
	switch {
	case errors.Is(err, api.ErrNotFound):
		return true
	case err != nil:
		return s.empty(id, recordFile) && s.empty(id, stateFile)
	}
	return s.empty(id, recordFile) && !st.Durable
}

func (s *Store) empty(id, name string) bool {
	st, err := os.Stat(s.Path(id, name))
	return err == nil && st.Size() == 0
}

// NameOf finds a container's name without its record: "" if it has none.
func (s *Store) NameOf(id string) string {
	entries, err := os.ReadDir(s.names)
	if err != nil {
		return ""
	}
	for _, e := range entries {
		if holder, err := os.Readlink(filepath.Join(s.names, e.Name())); err == nil && holder == id {
			return e.Name()
		}
	}
	return ""
}
