//go:build linux

package runc

import (
	"os"
	"path/filepath"
)

// hold has the container end with the agent, before it executes anything of the image: its parent-death signal, by which it
// would, is gone when its first process changes its user or clears it.
func (c *Container) hold(first *Process) (err error) {
	file, text := killFile(c.Freezer(), c.ID)
	if file != nil {
		defer file.Close()
	}
	err = os.ErrClosed
	first.WithHandle(func(fd int) { c.release, err = c.r.guard.Hold(fd, file, text) })
	return err
}

// killFile is what to write where, so that also what is frozen ends: control groups of version 2 are killed whole, those of
// version 1 must be thawed. dir is the container's, or one that others are in, too, where the container has none of its own.
func killFile(dir, id string) (file *os.File, text string) {
	if dir == "" || filepath.Base(dir) != id {
		return nil, ""
	}
	for _, f := range []struct{ name, text string }{{"cgroup.kill", "1"}, {"freezer.state", "THAWED"}} {
		if file, err := os.OpenFile(filepath.Join(dir, f.name), os.O_WRONLY, 0); err == nil {
			return file, f.text
		}
	}
	return nil, ""
}
