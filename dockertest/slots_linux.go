package dockertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// acquire takes one of the machine's n slots for starting a container, which all test binaries of the user share: go
// test ./... runs as many binaries as there are processors, and each as many tests. A slot is a file's lock, so that
// the kernel frees those of a process that dies.
func acquire(ctx context.Context, n int) (release func(), err error) {
	dir := filepath.Join(os.TempDir(), "caisson-test-"+strconv.Itoa(os.Geteuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("slots for starts: %w", err)
	}
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		for i := range n {
			f, err := os.OpenFile(filepath.Join(dir, "start-"+strconv.Itoa(i)), os.O_CREATE|os.O_RDWR, 0o600)
			if err != nil {
				return nil, fmt.Errorf("slots for starts: %w", err)
			}
			err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
			if err == nil {
				return func() { _ = f.Close() }, nil // which unlocks it
			}
			_ = f.Close() // it was not written to
			if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
				return nil, fmt.Errorf("slots for starts: %w", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}
