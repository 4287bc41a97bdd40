// Package shared is what test binaries that use one store at the same time agree by: locks of builds, of templates and of
// reused containers, leases of templates, turns to start, and the owners of networks and volumes.
//
// It touches the directory dockertest of the store, and removes networks and volumes of owners that have died. It knows
// no test and no fixture.
package shared

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/flock"
)

// Lock takes the lock of that name, and waits until it is free.
func Lock(ctx context.Context, eng *container.Engine, name string) (unlock func(), err error) {
	dir, err := directory(eng)
	if err != nil {
		return nil, err
	}
	return first(ctx, filepath.Join(dir, name))
}

// Turn waits for one of the n places of containers that start.
func Turn(ctx context.Context, eng *container.Engine, n int) (leave func(), err error) {
	dir, err := directory(eng)
	if err != nil {
		return nil, err
	}
	places := make([]string, n)
	for i := range places {
		places[i] = filepath.Join(dir, fmt.Sprint("start-", i))
	}
	return first(ctx, places...)
}

// directory is in the store's.
func directory(eng *container.Engine) (string, error) {
	dir := filepath.Join(eng.Store().Root(), "dockertest")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("locks of tests: %w", err)
	}
	return dir, nil
}

// first takes the lock of one of the files, the first that is free, and waits until there is one.
func first(ctx context.Context, files ...string) (unlock func(), err error) {
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
