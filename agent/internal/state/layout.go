// Package state knows where an agent keeps things, and the locks that several agents of one store share.
package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/caisson-dev/caisson/internal/api"
)

// Layout is the directories of a store. Root keeps images and containers; RunRoot may be lost at a reboot.
type Layout struct {
	Root    string
	RunRoot string
	// ReadOnly are the directories of further stores, as containers/storage has them.
	ReadOnly []string
}

// Graph is the root of containers/storage.
func (l Layout) Graph() string { return filepath.Join(l.Root, "storage") }

// GraphRun is the run root of containers/storage.
func (l Layout) GraphRun() string { return filepath.Join(l.RunRoot, "storage") }

// Containers has a directory for each container.
func (l Layout) Containers() string { return filepath.Join(l.Root, "containers") }

// Volumes has a directory for each volume.
func (l Layout) Volumes() string { return filepath.Join(l.Root, "volumes") }

// Events is the log of what happened in the store.
func (l Layout) Events() string { return filepath.Join(l.Root, "events") }

// Locks has the files that agents flock.
func (l Layout) Locks() string { return filepath.Join(l.Root, "locks") }

// Temp has a directory for each agent's temporary files.
func (l Layout) Temp() string { return filepath.Join(l.Root, "tmp") }

// Cache keeps what only makes things faster: blob infos and the cache mounts of builds.
func (l Layout) Cache() string { return filepath.Join(l.Root, "cache") }

// Sound notes the layers that were found whole since the machine was started.
func (l Layout) Sound() string { return filepath.Join(l.Cache(), "sound") }

// Reserve is room on the disk that is given up when there is no other.
func (l Layout) Reserve() string { return filepath.Join(l.Root, "reserve") }

// Agents has a directory for each living agent, with its socket.
func (l Layout) Agents() string { return filepath.Join(l.RunRoot, "agents") }

// Runtime is libcontainer's state.
func (l Layout) Runtime() string { return filepath.Join(l.RunRoot, "runtime") }

// Make makes the directories. None lets another user of the machine through: a container may write a setuid program of
// root's, which would be root's for whoever executes it by its path on the host (CVE-2021-41091). Containers do not need
// the paths: root of the agent's user namespace makes their mounts, and they see what is mounted.
//
// Root and RunRoot themselves may be directories of the owner's that were there before, so their modes stay as they are.
func (l Layout) Make() error {
	for _, d := range []string{l.Root, l.RunRoot, l.Containers(), l.Volumes(), l.Locks(), l.Temp(), l.Cache(), l.Agents(), l.Runtime()} {
		err := os.MkdirAll(d, 0o700)
		if err == nil && d != l.Root && d != l.RunRoot {
			err = closed(d)
		}
		if err != nil {
			if errors.Is(err, fs.ErrPermission) {
				return api.Errorf(api.ErrPermission, "make the store: %w: choose a directory that user %s may write with StoreOptions.Root", err, ownerUID())
			}
			if errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTDIR) {
				return api.Errorf(api.ErrPermission, "make the store: %w: StoreOptions.Root must be a directory", err)
			}
			return fmt.Errorf("make the store: %w", err)
		}
	}
	return nil
}

// closed takes others' rights to a directory away, which one made by an older version has.
func closed(dir string) error {
	st, err := os.Stat(dir)
	if err != nil || st.Mode().Perm()&0o077 == 0 {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// ownerUID is the user as the host sees it, also in the agent's user namespace.
func ownerUID() string {
	if u := os.Getenv("_CONTAINERS_ROOTLESS_UID"); u != "" {
		return u
	}
	return fmt.Sprint(os.Getuid())
}
