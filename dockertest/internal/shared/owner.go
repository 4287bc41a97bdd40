package shared

import (
	"context"
	"crypto/rand"
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

// LabelOwner names the file whose lock the process holds that a network or volume belongs to. Networks and volumes are
// not removed with the process that made them: the next one that makes some removes those of the dead.
const LabelOwner = "dev.caisson.dockertest.owner"

const ownerPrefix = "owner-"

var self struct {
	once sync.Once
	lock *flock.Lock // held until the process ends
	name string
	err  error
}

// Owner is this process's name as an owner. At its first use what dead processes left is removed.
func Owner(eng *container.Engine) (string, error) {
	self.once.Do(func() {
		dir, err := directory(eng)
		if err == nil {
			self.name = ownerPrefix + rand.Text()
			self.lock, err = flock.Try(filepath.Join(dir, self.name), flock.Exclusive)
		}
		if err == nil {
			err = sweep(eng, dir)
		}
		self.err = err
	})
	return self.name, self.err
}

// sweep removes what belongs to owners that have died, and then their files.
func sweep(eng *container.Engine, dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	networks, err := eng.Networks(ctx)
	if err != nil {
		return err
	}
	volumes, err := eng.Volumes(ctx)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ownerPrefix) || e.Name() == self.name {
			continue
		}
		name := filepath.Join(dir, e.Name())
		l, err := flock.Try(name, flock.Exclusive)
		if l == nil || err != nil {
			continue // it lives, or another process sweeps
		}
		left := removeOwned(ctx, eng, e.Name(), networks, volumes)
		if !left {
			err = os.Remove(name)
		}
		l.Unlock()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// removeOwned removes an owner's networks and volumes, and says whether some are left, as when a kept container uses them.
func removeOwned(ctx context.Context, eng *container.Engine, owner string, networks []container.NetworkInfo, volumes []container.Volume) (left bool) {
	for _, n := range networks {
		if n.Labels[LabelOwner] == owner {
			err := eng.RemoveNetwork(ctx, n.Name)
			left = left || err != nil && !errors.Is(err, container.ErrNotFound)
		}
	}
	for _, v := range volumes {
		if v.Labels[LabelOwner] == owner {
			err := eng.RemoveVolume(ctx, v.Name)
			left = left || err != nil && !errors.Is(err, container.ErrNotFound)
		}
	}
	return left
}

// Name is a unique one for what the test of that name makes.
func Name(test string) string {
	name := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, test)
	return name[:min(len(name), 40)] + "-" + strings.ToLower(rand.Text()[:8])
}
