//go:build linux

// Package runc starts processes in containers with libcontainer: the OCI runtime of the agent, as a library.
package runc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/specconv"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	_ "github.com/opencontainers/cgroups/devices" // else: cgroup manager is not configured to set device rules

	"github.com/caisson-dev/caisson/agent/internal/guard"
	"github.com/caisson-dev/caisson/agent/internal/process"
	"github.com/caisson-dev/caisson/agent/internal/seccomp"
)

// Runtime holds containers whose state is under one directory.
type Runtime struct {
	root     string
	rootless bool
	init     *os.File // the init's binary; nil: this one
	threads  chan func()
	filters  seccomp.Cache
	guard    guard.Guard
}

// starters is how many containers start at a time. One more than the cores of the smallest machine: a start waits
// for the kernel a third of its time.
const starters = 4

// New returns a runtime. rootless: this process is root of a user namespace, without rights on the host's cgroups. init
// is what package initbinary found.
func New(root string, rootless bool, init *os.File) *Runtime {
	r := &Runtime{root: root, rootless: rootless, init: init, threads: make(chan func())}
	for range starters {
		go r.starter()
	}
	return r
}

// starter forks containers' processes from a thread that lives as long as the agent: PR_SET_PDEATHSIG, by which they
// die with it, fires when the forking thread ends, not the process.
func (r *Runtime) starter() {
	runtime.LockOSThread()
	for f := range r.threads {
		// What this starts has a session keyring of its own. It would have the owner's otherwise, or that of another
		// container, since libcontainer makes none (NoNewKeyring). A kernel without keyrings, and a user who has too many,
		// go on with the last one.
		_, _ = unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) // no name: a new one
		f()
	}
}

func (r *Runtime) onThread(f func() error) error {
	err := make(chan error, 1)
	r.threads <- func() { err <- f() }
	return <-err
}

// Container is a libcontainer container.
type Container struct {
	ID string

	r    *Runtime
	lc   *libcontainer.Container
	spec *specs.Spec
	mu   sync.Mutex // libcontainer wants one start at a time

	first   atomic.Pointer[Process] // once it is started
	freezer atomic.Pointer[string]  // likewise
	cgroups []string                // likewise: the directories, of version 1
	unified string                  // likewise: that of version 2; or none
	release func()                  // from the guard; nil: it does not hold the container
}

// Create prepares a container from an OCI runtime specification. Its Linux.Seccomp is installed by our own gate.
func (r *Runtime) Create(id string, spec *specs.Spec) (*Container, error) {
	go r.guard.Prepare()
	plain := *spec
	linux := *spec.Linux
	linux.Seccomp = nil
	plain.Linux = &linux
	bare := r.rootless || linux.CgroupsPath == "" // what it can't have of cgroups is no error
	if bare {
		linux.Resources = nil
	}
	cfg, err := specconv.CreateLibcontainerConfig(&specconv.CreateOpts{
		CgroupName:      id,
		Spec:            &plain,
		RootlessCgroups: bare,
		NoNewKeyring:    true, // a process that joins under the filter may not call keyctl
	})
	if err != nil {
		return nil, fmt.Errorf("container specification: %w", err)
	}
	process.NoTunnels(cfg.Cgroups.Resources)
	lc, err := libcontainer.Create(r.root, id, cfg)
	if err != nil {
		return nil, err
	}
	return &Container{ID: id, r: r, lc: lc, spec: spec}, nil
}

// Destroy removes the container's cgroups and state. Its processes must have ended.
func (c *Container) Destroy() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.release != nil {
		c.release()
	}
	return c.lc.Destroy()
}

// Clean removes what a dead agent left of a container: processes, cgroups, state. cgroup is the path of the container's in
// each hierarchy.
func (r *Runtime) Clean(id, cgroup string) error {
	err := cleanOne(r.root, id)
	if r.rootless { // it could make none
		return err
	}
	return errors.Join(err, removeCgroup(cgroup))
}

func cleanOne(root, id string) error {
	lc, err := libcontainer.Load(root, id)
	if errors.Is(err, libcontainer.ErrNotExist) || errors.Is(err, os.ErrNotExist) {
		return os.RemoveAll(filepath.Join(root, id))
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(filepath.Join(root, id)))
	}
	return clean(lc)
}

// CleanAll cleans after all containers whose state is left. No agent but the caller's may live.
func (r *Runtime) CleanAll() error { return CleanAll(r.root) }

// CleanAll is Runtime.CleanAll for the directory of a runtime whose process is gone.
func CleanAll(root string) error {
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var errs []error
	for _, e := range entries {
		if err := cleanOne(root, e.Name()); err != nil {
			errs = append(errs, fmt.Errorf("clean up after container %s: %w", e.Name(), err))
		}
	}
	return errors.Join(errs...)
}
