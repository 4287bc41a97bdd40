package transfer

import (
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"time"

	"github.com/caisson-dev/caisson/internal/flock"
)

// note is what a pull leaves in its lock file for those that waited for it.
type note struct {
	ID    string    `json:"id"`
	Begin time.Time `json:"begin"`
	End   time.Time `json:"end"`
}

func leaveNote(l *flock.Lock, n note) error {
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if err := l.File().Truncate(0); err != nil {
		return err
	}
	_, err = l.File().WriteAt(b, 0)
	return err
}

// waitTurn takes the lock of a reference. If it had to wait, id is what the process before it pulled meanwhile.
func (s *Service) waitTurn(ctx context.Context, key string) (lock *flock.Lock, id string, err error) {
	path := filepath.Join(s.images.Layout().Locks(), key)
	if lock, err = flock.Try(path, flock.Exclusive); err != nil || lock != nil {
		return lock, "", err
	}
	asked := time.Now()
	if lock, err = flock.Acquire(ctx, path, flock.Exclusive); err != nil {
		return nil, "", err
	}
	var n note
	b, err := io.ReadAll(io.NewSectionReader(lock.File(), 0, 4096))
	if err == nil && json.Unmarshal(b, &n) == nil && n.End.After(asked) {
		return lock, n.ID, nil
	}
	return lock, "", nil
}
