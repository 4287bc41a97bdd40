//go:build linux

package work

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.podman.io/storage"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/builds/files"
	"github.com/caisson-dev/caisson/agent/internal/builds/overlay"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/internal/api"
)

// Root is a root file system that steps write in.
type Root struct {
	w      *Worker
	parent string
	closer *closer

	dir     string   // of the root's own; empty for a layer of the storage driver's
	layer   string   // the storage driver's, which it mounts itself; empty: not so
	mounted string   // where the root is
	root    *os.File // open on it

	touched map[string]unix.Stat_t // directories of the layers below that were copied up for mounts alone, as they were
}

// Begin makes a root on top of a layer, or with nothing in it for the parent "": then / is root's with the mode 0755.
//
// Errors: api.ErrNotFound when there is no such layer.
func (w *Worker) Begin(ctx context.Context, parent string) (_ *Root, err error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	r := &Root{w: w, parent: parent, touched: map[string]unix.Stat_t{}}
	r.closer = w.onClose(r.drop)
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("a root for steps: %w", err), r.Close())
		}
	}()
	if parent != "" {
		if _, err := w.s.Images.Storage().Layer(parent); err != nil {
			return nil, api.Errorf(api.ErrNotFound, "layer %s: %w", names.Short(parent), err)
		}
	}
	done, err := r.mount()
	if err != nil {
		return nil, err
	}
	if !done {
		if err := r.mountByStore(); err != nil {
			return nil, err
		}
	}
	r.root, err = os.OpenFile(r.mounted, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// mount mounts the layers with a directory on top. done is false where that is the storage driver's work.
func (r *Root) mount() (done bool, err error) {
	lower, ok, err := r.w.s.lowers(r.parent)
	if err != nil || !ok || r.w.s.slow {
		return false, err
	}
	if r.dir, err = r.w.temp("root"); err != nil {
		return false, err
	}
	for _, name := range []string{"upper", "work", "merged", "empty"} {
		if err := os.Mkdir(filepath.Join(r.dir, name), 0o755); err != nil {
			return false, err
		}
	}
	if err := likeTop(r.upper(), lower); err != nil {
		return false, err
	}
	if len(lower) == 0 {
		lower = []string{filepath.Join(r.dir, "empty")}
	}
	m := &overlay.Mount{Lower: lower, Upper: r.upper(), Work: filepath.Join(r.dir, "work"), UserXattr: r.w.s.Host.Rootless}
	at := filepath.Join(r.dir, "merged")
	switch err := m.At(at); {
	case errors.Is(err, overlay.ErrUnsupported):
		return false, nil
	case err != nil:
		return false, err
	}
	r.mounted = at
	return true, nil
}

func (r *Root) upper() string { return filepath.Join(r.dir, "upper") }

// likeTop gives a directory that is to be the root the mode and the owner that it has in the layer below. The storage
// driver's 0555 stands for none, since it is in no archive: Docker's roots have 0755.
func likeTop(dir string, lower []string) error {
	if len(lower) == 0 {
		return os.Chmod(dir, 0o755)
	}
	var st unix.Stat_t
	if err := unix.Stat(lower[0], &st); err != nil {
		return err
	}
	if err := os.Chown(dir, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	mode := st.Mode & 0o7777
	if mode == 0o555 && st.Uid == 0 {
		mode = 0o755
	}
	return unix.Chmod(dir, mode)
}

// mountByStore has the storage driver make and mount a layer. It does where fuse mounts layers, and where layers are
// composefs's; the driver's collection of layers in no image takes what is left after a SIGKILL.
func (r *Root) mountByStore() error {
	st := r.w.s.Images.Storage()
	l, err := st.CreateLayer("", r.parent, nil, "", true, nil)
	if err != nil {
		return err
	}
	r.layer = l.ID
	r.mounted, err = st.Mount(l.ID, "")
	return err
}

// Close drops the root with what is in it, unless Commit was called.
func (r *Root) Close() error { return r.w.closeOne(r.closer) }

func (r *Root) drop() error {
	errs := []error{r.unmount()}
	if r.layer != "" {
		err := r.w.s.Images.Storage().DeleteLayer(r.layer)
		if !errors.Is(err, storage.ErrLayerUnknown) {
			errs = append(errs, err)
		}
	}
	if r.dir != "" {
		errs = append(errs, removeAll(r.dir))
	}
	return errors.Join(errs...)
}

func (r *Root) unmount() error {
	if r.root != nil {
		r.root.Close()
		r.root = nil
	}
	switch {
	case r.mounted == "":
		return nil
	case r.layer != "":
		r.mounted = ""
		_, err := r.w.s.Images.Storage().Unmount(r.layer, true)
		return err
	}
	at := r.mounted
	r.mounted = ""
	return overlay.Unmount(at)
}

// Copy is COPY, and ADD.
//
// Errors: those of files.Copy.
func (r *Root) Copy(ctx context.Context, c Copy) error {
	return files.Copy(ctx, r.root, c.Source.tree, c.selection(), files.To{
		Dest: c.Dest, Dir: c.Dir, Owner: c.Owner, Mode: c.Mode, Unpack: c.Unpack, UserNS: r.w.s.Host.Rootless, OneID: r.w.s.Host.OneID,
	})
}

// Mkdir makes a directory with all that is missing above it, mode 0755, for a user by name or number; "" is root, and so is
// a name that the image does not have. made is
// false when it was there.
func (r *Root) Mkdir(ctx context.Context, dir, user string) (made bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, context.Cause(ctx)
	}
	var owner *files.Owner
	if user != "" {
		o, err := files.FindOwner(r.root, user)
		var unknown *files.UnknownError
		switch {
		case err == nil:
			owner = &o
		case !errors.As(err, &unknown): // what a user makes that the image does not have is root's, as in BuildKit
			return false, err
		}
	}
	return files.Mkdir(r.root, dir, owner)
}
