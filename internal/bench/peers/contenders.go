//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// applets of busybox that are used.
var applets = []string{"true", "sleep", "sh"}

// contenders are this library, and the peers that work; missing are the others. done removes what they have made.
func contenders(ctx context.Context, dir, busybox string) (all []contender, missing []string, done func() error, err error) {
	var undo []func() error
	done = func() (err error) {
		for _, f := range undo {
			err = errors.Join(err, f())
		}
		return err
	}
	rootfs := filepath.Join(dir, "rootfs")
	archive, err := userland(rootfs, busybox)
	if err != nil {
		return nil, nil, done, err
	}
	own, err := newCaisson(ctx, filepath.Join(dir, "store"), archive)
	if err != nil {
		return nil, nil, done, err
	}
	undo = append(undo, func() error { return own.store.Destroy(context.Background()) })
	all = append(all, own)
	for _, title := range []string{"runc", "crun", "bwrap", "podman", "docker"} {
		program, err := exec.LookPath(title)
		var c contender
		if err == nil {
			switch title {
			case "runc", "crun":
				c, err = newRunc(ctx, program, title, filepath.Join(dir, title), rootfs)
			case "bwrap":
				c = bwrap{program: program, rootfs: rootfs}
			default:
				d := docker{program, title}
				if err = d.begin(ctx, archive); err == nil {
					undo = append(undo, d.end)
				}
				c = d
			}
		}
		if err == nil {
			err = c.life(ctx)
		}
		if err != nil {
			missing = append(missing, fmt.Sprintf("%s: %v", title, err))
			continue
		}
		all = append(all, c)
	}
	return all, missing, done, nil
}

// userland makes a root file system of a busybox, as a directory and as a tar stream.
func userland(root, busybox string) ([]byte, error) {
	program, err := os.ReadFile(busybox)
	if err != nil {
		return nil, fmt.Errorf("%w (Debian: apt-get install busybox-static)", err)
	}
	bin := filepath.Join(root, "bin")
	for _, d := range []string{bin, filepath.Join(root, "proc"), filepath.Join(root, "dev"), filepath.Join(root, "sys")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(bin, "busybox"), program, 0o755); err != nil {
		return nil, err
	}
	for _, a := range applets {
		if err := os.Symlink("busybox", filepath.Join(bin, a)); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.AddFS(os.DirFS(root)); err != nil {
		return nil, err
	}
	return b.Bytes(), w.Close()
}
