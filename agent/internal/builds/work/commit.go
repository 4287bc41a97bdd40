//go:build linux

package work

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"go.podman.io/storage"
	"go.podman.io/storage/pkg/archive"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/builds/overlay"
	"github.com/caisson-dev/caisson/agent/internal/images/layer"
)

// CommitOptions say what becomes of a root.
type CommitOptions struct {
	// Epoch: no time in the layer is later. Zero: times are as they are.
	Epoch time.Time
	// On is the layer that the new one is to lie on. Nil is that of Begin. Another is for COPY --link.
	On *string
	// SkipEmpty makes no layer of a root that nothing was changed in. By default that is a layer without files.
	SkipEmpty bool
}

// Layer is a layer of the store. It is the present one where the store has an equal one.
type Layer = overlay.Layer

// Commit makes a layer of what was written in the root, which is closed by that, also when it fails.
//
// The directory on top is moved into the store. It is copied where it can't be: on another file system than the store, where
// fuse mounts layers, and where layers are composefs's.
func (r *Root) Commit(ctx context.Context, o CommitOptions) (l Layer, err error) {
	defer func() {
		if cerr := r.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			err = fmt.Errorf("commit the step: %w", err)
		}
	}()
	l, err = r.commit(ctx, o)
	if err == nil && l.Had {
		err = r.w.s.Images.Reusable(ctx, l.ID) // the disk may have lost something of it
	}
	return l, err
}

func (r *Root) commit(ctx context.Context, o CommitOptions) (l Layer, err error) {
	parent := r.parent
	if o.On != nil {
		parent = *o.On
	}
	if r.layer != "" {
		return r.commitByStore(ctx, parent, o)
	}
	if err := r.unmount(); err != nil {
		return l, err
	}
	if err := r.settle(); err != nil {
		return l, err
	}
	if o.SkipEmpty && isEmpty(r.upper()) {
		return Layer{ID: parent, Empty: true}, nil
	}
	layers := r.w.s.Images.Layers()
	l, err = overlay.Take(ctx, layers, r.upper(), parent, o.Epoch)
	if errors.Is(err, overlay.ErrElsewhere) {
		l, err = overlay.Copy(ctx, layers, []string{r.upper()}, parent, overlay.PackOptions{Epoch: o.Epoch})
	}
	return l, err
}

// isEmpty says whether a directory has nothing in it; one that can't be read has.
func isEmpty(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = f.Readdirnames(1)
	return errors.Is(err, io.EOF)
}

// settle removes directories that were copied up for the places of mounts alone.
func (r *Root) settle() error {
	paths := make([]string, 0, len(r.touched))
	for p := range r.touched {
		paths = append(paths, p)
	}
	slices.SortFunc(paths, func(a, b string) int { // the deepest first
		return cmp.Compare(strings.Count(b, "/"), strings.Count(a, "/"))
	})
	for _, p := range paths {
		was, at := r.touched[p], filepath.Join(r.upper(), p)
		var st, above unix.Stat_t
		if err := unix.Lstat(at, &st); errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
			continue
		} else if err != nil {
			return err
		}
		if st.Mode != was.Mode || st.Uid != was.Uid || st.Gid != was.Gid || st.Mtim != was.Mtim || overlay.IsOpaque(at) {
			continue
		}
		dir := filepath.Dir(at)
		if err := unix.Lstat(dir, &above); err != nil {
			return err
		}
		err := unix.Rmdir(at)
		if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.ENOTDIR) {
			continue
		}
		if err != nil {
			return err
		}
		if err := unix.UtimesNanoAt(unix.AT_FDCWD, dir, []unix.Timespec{above.Atim, above.Mtim}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	return nil
}

// commitByStore is Commit for a layer of the storage driver's.
func (r *Root) commitByStore(ctx context.Context, parent string, o CommitOptions) (l Layer, err error) {
	if err := r.unmount(); err != nil {
		return l, err
	}
	st := r.w.s.Images.Storage()
	driver, err := st.GraphDriver()
	if err != nil {
		return l, err
	}
	md, err := driver.Metadata(r.layer)
	if err != nil {
		return l, err
	}
	if o.SkipEmpty && isEmpty(md["UpperDir"]) {
		return Layer{ID: parent, Empty: true}, nil
	}
	if err := overlay.Touch(md["UpperDir"], o.Epoch); err != nil {
		return l, err
	}
	none := archive.Uncompressed
	rc, err := st.Diff("", r.layer, &storage.DiffOptions{Compression: &none})
	if err != nil {
		return l, err
	}
	src := &stream{ReadCloser: rc}
	defer src.Close()
	return overlay.Stage(ctx, r.w.s.Images.Layers(), src, parent)
}

// stream is a layer's tar that the storage driver makes. The driver's lock is held until it is closed, once.
type stream struct {
	io.ReadCloser
	once sync.Once
}

// Close gives the lock back.
func (s *stream) Close() (err error) {
	s.once.Do(func() { err = s.ReadCloser.Close() })
	return err
}

// Open returns it.
func (s *stream) Open() (io.ReadCloser, error) { return s, nil }

// Check reads it to its end.
func (s *stream) Check(in *bufio.Reader, _ layer.Unpacked, err error) error {
	if err == nil {
		_, err = io.Copy(io.Discard, in)
	}
	return err
}

// Squash makes one layer on base of all that lie on it, up to top.
func (w *Worker) Squash(ctx context.Context, base, top string, o CommitOptions) (Layer, error) {
	dirs, ok, err := w.s.lowers(top)
	if err == nil && !ok {
		err = errors.New("the store keeps layers in a form that can't be squashed")
	}
	if err != nil {
		return Layer{}, fmt.Errorf("squash: %w", err)
	}
	below, _, err := w.s.lowers(base)
	if err != nil {
		return Layer{}, fmt.Errorf("squash: %w", err)
	}
	root, err := w.Layer(ctx, base)
	if err != nil {
		return Layer{}, fmt.Errorf("squash: %w", err)
	}
	defer root.Close()
	at, err := os.OpenFile(root.dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Layer{}, fmt.Errorf("squash: %w", err)
	}
	defer at.Close()
	l, err := overlay.Copy(ctx, w.s.Images.Layers(), dirs[:len(dirs)-len(below)], base, overlay.PackOptions{Epoch: o.Epoch, Below: at})
	if err != nil {
		return l, fmt.Errorf("squash: %w", err)
	}
	return l, nil
}
