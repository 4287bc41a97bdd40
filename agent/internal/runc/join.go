//go:build linux

package runc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/moby/sys/capability"
	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/calls"
	"github.com/caisson-dev/caisson/agent/internal/process"
	seccompgate "github.com/caisson-dev/caisson/agent/internal/seccomp/gate"
)

// joins says whether a list of system calls starts another process in the container. Where the control groups are all of
// version 2, libcontainer does: it goes other ways when the container's own takes no process.
func (c *Container) joins(p *specs.Process, stdio IO) bool {
	return stdio.Console == nil && joinable(c.spec.Process, p, c.spec.Linux) && (c.r.rootless || !cgroups.IsCgroup2UnifiedMode())
}

// cannotJoin says of a join that failed whether libcontainer may still succeed: nothing was started, since this host has no
// programs in memory (vm.memfd_noexec), or its kernel or a filter of the agent's own no clone3.
func cannotJoin(err error) bool {
	var e *calls.Error
	return errors.Is(err, calls.ErrCannot) || errors.As(err, &e) && e.Step.Name == "fork"
}

// setsGroups says whether the processes of this user namespace may set supplementary groups, which it does not change.
var setsGroups = sync.OnceValue(func() bool {
	b, err := os.ReadFile("/proc/self/setgroups")
	return err != nil || string(bytes.TrimSpace(b)) != "deny"
})

// join starts a process in the container by a list of system calls.
func (c *Container) join(p *specs.Process, stdio IO) (*Process, error) {
	last, err := capability.LastCap()
	if err != nil {
		return nil, err
	}
	j := joining{groups: setsGroups(), last: last, umask: c.spec.Process.User.Umask}
	j.namespaces, _ = joinNamespaces(c.spec.Linux.Namespaces) // joins has asked
	if c.spec.Linux.Seccomp != nil {
		program, err := c.r.filters.Compile(c.spec.Linux.Seccomp, runtime.GOARCH)
		if err != nil {
			return nil, err
		}
		if j.flags, j.filter, err = seccompgate.Decode(program); err != nil {
			return nil, err
		}
	}
	streams, done, err := stdio.files()
	if err != nil {
		return nil, err
	}
	defer done()
	if j.chown, err = others(streams, p.User.UID); err != nil {
		return nil, err
	}
	more, err := c.joinFiles()
	defer closeAll(more)
	if err != nil {
		return nil, err
	}
	j.cgroups, j.unified = len(c.cgroups), c.unified != ""
	l := joinList(c.spec.Process, p, j)
	var started *Process
	err = c.r.onThread(func() error {
		return withoutStrays(func() (err error) {
			started, err = begin(l, streams, more)
			return err
		})
	})
	return started, joinError(p, err)
}

// begin starts what the list says, and has its handle before it executes anything of the container.
func begin(l *calls.List, streams [3]*os.File, more []*os.File) (*Process, error) {
	s, err := l.Start(streams, more...)
	if err != nil {
		return nil, err
	}
	child, err := os.FindProcess(s.Pid)
	if err != nil {
		s.GiveUp()
		return nil, err
	}
	p, err := process.Open(s.Pid)
	if err != nil {
		s.GiveUp()
		_, _ = child.Wait()
		return nil, err
	}
	if err := s.Go(); err != nil {
		_ = child.Kill() // it may have ended
		_, _ = child.Wait()
		p.Close()
		return nil, err
	}
	return &Process{p, child.Wait}, nil
}

// joinFiles are the handle of the container's first process, the files that take who writes "0" to them into its control
// groups of version 1, and the directory of the one of version 2. A thread that goes there by itself, and alone, does not wait for all others of the machine, as one that
// is put there does.
func (c *Container) joinFiles() (files []*os.File, err error) {
	c.first.Load().WithHandle(func(fd int) {
		if fd, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			files = append(files, os.NewFile(uintptr(fd), "first process"))
		}
	})
	if len(files) == 0 {
		return nil, errors.Join(errors.New("the container's first process has ended"), err)
	}
	for _, dir := range c.cgroups {
		f, err := os.OpenFile(filepath.Join(dir, "tasks"), os.O_WRONLY, 0)
		if err != nil {
			return files, err
		}
		files = append(files, f)
	}
	if c.unified != "" {
		f, err := os.OpenFile(c.unified, unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return files, err
		}
		files = append(files, f)
	}
	return files, nil
}

// keepCgroups notes the directories of the container's control groups while nobody can destroy them.
func (c *Container) keepCgroups() error {
	if c.r.rootless {
		return nil
	}
	st, err := c.lc.State()
	if err != nil {
		return err
	}
	for controller, dir := range st.CgroupPaths {
		if controller == "" {
			c.unified = dir
		} else if dir != "" && !slices.Contains(c.cgroups, dir) {
			c.cgroups = append(c.cgroups, dir)
		}
	}
	slices.Sort(c.cgroups)
	return nil
}

// files are the three streams, /dev/null for those that are not given.
func (s IO) files() (files [3]*os.File, done func(), err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return files, nil, err
	}
	for i, f := range []*os.File{s.Stdin, s.Stdout, s.Stderr} {
		if files[i] = f; f == nil {
			files[i] = null
		}
	}
	return files, func() { null.Close() }, nil
}

// others are the streams that are not the user's. /dev/null is everybody's.
func others(files [3]*os.File, uid uint32) (fds []int, err error) {
	for i, f := range files {
		var st unix.Stat_t
		if err := unix.Fstat(int(f.Fd()), &st); err != nil {
			return nil, &os.PathError{Op: "fstat", Path: f.Name(), Err: err}
		}
		null := st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 3)
		if st.Uid != uid && !null {
			fds = append(fds, i)
		}
	}
	return fds, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// joinError says in libcontainer's words which part of the specification can't be had, and startError in ours.
func joinError(p *specs.Process, err error) error {
	var e *calls.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Step.Name {
	case "chdir":
		return startError(fmt.Errorf("chdir to cwd (%q) set in config.json failed: %w", p.Cwd, e.Errno))
	case "getcwd":
		return fmt.Errorf("working directory %s: it is outside of the container", p.Cwd)
	case "execve":
		if places := places(p.Args[0], p.Env); places[0] != p.Args[0] && slices.Contains([]error{unix.ENOENT, unix.ENOTDIR, unix.EACCES}, error(e.Errno)) {
			return startError(fmt.Errorf("exec: %q: executable file not found in $PATH", p.Args[0]))
		}
		return startError(fmt.Errorf("exec: %q: %w", p.Args[0], e.Errno))
	}
	return err
}
