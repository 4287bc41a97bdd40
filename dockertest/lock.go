package dockertest

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/flock"
)

// lock takes the lock of one of the files, the first that is free, and waits until there is one.
func lock(ctx context.Context, files ...string) (unlock func(), err error) {
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		for _, name := range files {
			if l, err := flock.Try(name, flock.Exclusive); l != nil || err != nil {
				return unlocker(l), err
			}
		}
		select {
		case <-ctx.Done():
			return nil, api.Ended(ctx)
		case <-time.After(pause):
		}
	}
}

func unlocker(l *flock.Lock) func() {
	if l == nil {
		return nil
	}
	return l.Unlock
}
