//go:build linux

package ocirun

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/runc/libcontainer"

	"github.com/caisson-dev/caisson/agent/internal/process"
)

// KillAll kills the processes of all steps whose state is below dir, which has a directory for each build. It returns
// how many steps there were.
func KillAll(dir string) int {
	n := 0
	_ = each(dir, func(c *libcontainer.Container) error { // a step that ended meanwhile is as good
		n++
		return process.Kill(c)
	})
	return n
}

// DestroyAll is KillAll for builds whose process is gone: it removes cgroups and state too.
func DestroyAll(dir string) error {
	return each(dir, func(c *libcontainer.Container) error {
		_ = process.End(c, endTimeout) // libcontainer refuses to destroy what runs
		return c.Destroy()
	})
}

// each calls f for every container below dir/*/.
func each(dir string, f func(*libcontainer.Container) error) error {
	roots, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range roots {
		root := filepath.Join(dir, r.Name())
		ids, err := os.ReadDir(root)
		if err != nil {
			continue // gone meanwhile
		}
		for _, id := range ids {
			c, err := libcontainer.Load(root, id.Name())
			if err != nil {
				continue // half made: its maker is gone, or will see to it
			}
			errs = append(errs, f(c))
		}
	}
	return errors.Join(errs...)
}

// KillBuild is KillAll for one build, whose state is in root.
func KillBuild(root string) {
	ids, err := os.ReadDir(root)
	if err != nil {
		return // no step has run yet
	}
	for _, id := range ids {
		if c, err := libcontainer.Load(root, id.Name()); err == nil {
			_ = process.Kill(c) // it may have ended
		}
	}
}
