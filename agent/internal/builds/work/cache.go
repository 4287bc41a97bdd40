//go:build linux

package work

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/builds/files"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/flock"
)

// cacheName is the name of a cache mount's directory. Mounts that begin differently are different caches, as in BuildKit.
func cacheName(id, from, path string, uid, gid int, mode uint32) string {
	text := fmt.Sprintf("%q %q %q %d %d %o", id, from, path, uid, gid, mode)
	if from == "" && uid == 0 && gid == 0 && mode == 0o755 {
		text = id
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// cache finds the directory of a cache mount, which is the step's, or its and others', until it is over.
func (s *step) cache(ctx context.Context, m *Mount, one *specs.Mount) error {
	uid, gid := m.owner()
	from, path := "", ""
	if m.Source != nil {
		from, path = m.Source.key, m.Path
	}
	name := cacheName(m.ID, from, path, uid, gid, m.mode(0o755))
	lock, name, err := s.lockCache(ctx, m, name)
	if err != nil {
		return err
	}
	s.defers(func() error { lock.Unlock(); return nil })
	now := time.Now()
	_ = os.Chtimes(s.r.w.s.Images.CacheMountLock(name), now, now) // for PruneCache, which does without
	one.Source = filepath.Join(s.r.w.s.Images.CacheMounts(), name)
	if m.ReadOnly {
		readOnly(one)
	}
	return s.makeCache(ctx, m, one.Source)
}

func (s *step) lockCache(ctx context.Context, m *Mount, name string) (*flock.Lock, string, error) {
	file := s.r.w.s.Images.CacheMountLock
	switch m.Sharing {
	case "", "shared":
		lock, err := flock.Acquire(ctx, file(name), flock.Shared)
		return lock, name, err
	case "locked":
		lock, err := flock.Acquire(ctx, file(name), flock.Exclusive)
		return lock, name, err
	case "private":
		for i := 0; ; i++ {
			own := name
			if i > 0 {
				own = fmt.Sprintf("%s-%d", name, i)
			}
			lock, err := flock.Try(file(own), flock.Exclusive)
			if lock != nil || err != nil {
				return lock, own, err
			}
		}
	}
	return nil, "", api.Errorf(api.ErrInvalidArgument, "sharing %q: use shared, private or locked", m.Sharing)
}

// makeCache makes the directory if it is new: whole, and at once, since others may do so at the same time.
func (s *step) makeCache(ctx context.Context, m *Mount, dir string) error {
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	made, err := s.r.w.temp("cache")
	if err != nil {
		return err
	}
	defer removeAll(made) // it is gone, as a rule
	if m.Source != nil {
		root, err := os.Open(made)
		if err != nil {
			return err
		}
		defer root.Close()
		sel := files.Selection{Paths: []string{m.sourcePath()}, Literal: true}
		if err := files.Copy(ctx, root, m.Source.tree, sel, files.To{Dest: "/"}); err != nil {
			return err
		}
	}
	if err := m.give(made, 0o755); err != nil {
		return err
	}
	err = os.Rename(made, dir)
	if _, serr := os.Lstat(dir); err != nil && serr == nil {
		return nil // another step was faster
	}
	return err
}
