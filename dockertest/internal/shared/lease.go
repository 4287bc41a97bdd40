package shared

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/flock"
)

// leases are held until the process ends.
var leases struct {
	sync.Mutex
	held map[string]*flock.Lock
}

func leaseFile(eng *container.Engine, kind, name string) (string, error) {
	dir, err := directory(eng)
	return filepath.Join(dir, "lease-"+kind+"-"+name), err
}

// Lease says that this process uses something, until it ends. Expire leaves it alone until then, and after that for the time
// idle.
func Lease(ctx context.Context, eng *container.Engine, kind, name string, idle time.Duration) error {
	path, err := leaseFile(eng, kind, name)
	if err != nil {
		return err
	}
	leases.Lock()
	defer leases.Unlock()
	if leases.held[path] == nil {
		l, err := flock.Acquire(ctx, path, flock.Shared)
		if err != nil {
			return err
		}
		if leases.held == nil {
			leases.held = map[string]*flock.Lock{}
		}
		leases.held[path] = l
	}
	return os.WriteFile(path, []byte(idle.String()), 0o600)
}

// Touch begins the idle time anew.
func Touch(eng *container.Engine, kind, name string) error {
	path, err := leaseFile(eng, kind, name)
	if err != nil {
		return err
	}
	now := time.Now()
	return os.Chtimes(path, now, now)
}

// Expire calls remove for what no process uses and whose idle time is over, while none can begin to use it. What remove fails for
// stays for the next Expire.
func Expire(eng *container.Engine, kind string, remove func(name string) error) error {
	dir, err := directory(eng)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	prefix := "lease-" + kind + "-"
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), prefix)
		path := filepath.Join(dir, e.Name())
		if !ok || !over(path) {
			continue
		}
		l, err := flock.Try(path, flock.Exclusive)
		if err != nil {
			return err
		}
		if l == nil {
			continue // it is used
		}
		if over(path) && remove(name) == nil {
			err = os.Remove(path)
		}
		l.Unlock()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// over says whether the idle time that a file has in it is over. That of a file without one has not begun.
func over(path string) bool {
	b, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	idle, err := time.ParseDuration(string(b))
	if err != nil {
		return false
	}
	st, err := os.Stat(path)
	return err == nil && time.Since(st.ModTime()) > idle
}
