//go:build linux

package process

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/opencontainers/runc/libcontainer"
	"golang.org/x/sys/unix"
)

// Kill ends a container of any agent's, of which libcontainer knows what its state says. One that does not run is no
// error.
func Kill(c *libcontainer.Container) error {
	err := c.Signal(unix.SIGKILL)
	if dir, err := Freezer(c); err == nil {
		Thaw(dir)
	}
	if !errors.Is(err, libcontainer.ErrNotRunning) {
		return err
	}
	p, err := first(c)
	if p == nil || err != nil {
		return err // it is reaped
	}
	defer p.Close()
	return p.Signal(unix.SIGKILL)
}

// End is Kill, and waits until the container's first process is over. If that was this process's child, nothing of it
// is left.
func End(c *libcontainer.Container, patience time.Duration) error {
	p, err := first(c)
	if err != nil {
		return err
	}
	if p == nil {
		return Kill(c) // what is left in its control group
	}
	defer p.Close()
	for deadline := time.Now().Add(patience); ; {
		err := Kill(c) // again: it may be about to freeze itself
		if p.Ended() {
			p.Reap()
			return nil
		}
		if err != nil || time.Now().After(deadline) {
			return err
		}
		p.awaitFor(2 * time.Millisecond)
	}
}

// awaitFor waits until the process is over, at most for so long.
func (p *Process) awaitFor(d time.Duration) {
	p.withHandle(func(fd int) {
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(d.Milliseconds()))
	})
}

// first returns a container's first process, reaped or not: nil if it is, or if its pid is another's now.
func first(c *libcontainer.Container) (*Process, error) {
	st, err := c.State()
	if err != nil {
		return nil, err
	}
	p, err := Open(st.InitProcessPid)
	if err != nil {
		return nil, nil
	}
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(st.InitProcessPid), "stat"))
	if err == nil {
		if start, _ := parse(b); start == st.InitProcessStartTime {
			return p, nil
		}
	}
	return nil, p.Close()
}

// Freezer returns the directory of the control group by which a container is frozen, or "" if it has none.
//
// The map that libcontainer hands out is its own, and Destroy deletes from it without a lock that others could take: ask
// before the container can be destroyed, and keep the answer.
func Freezer(c *libcontainer.Container) (string, error) {
	st, err := c.State()
	if err != nil {
		return "", err
	}
	if dir := st.CgroupPaths["freezer"]; dir != "" {
		return dir, nil
	}
	return st.CgroupPaths[""], nil // version 2
}

// Thaw lets the processes of a container go on that it has frozen itself, in control groups of its own. Those of version
// 1 do not die before that. What has no freezer, or is gone, needs none: those of version 2 have no freezer.state.
func Thaw(freezer string) {
	if freezer == "" {
		return
	}
	_ = filepath.WalkDir(freezer, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			if f, err := os.OpenFile(filepath.Join(path, "freezer.state"), os.O_WRONLY|os.O_TRUNC, 0); err == nil {
				_, _ = f.WriteString("THAWED")
				f.Close()
			}
		}
		return nil
	})
}
