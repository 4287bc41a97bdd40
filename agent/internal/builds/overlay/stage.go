//go:build linux

package overlay

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/caisson-dev/caisson/agent/internal/images/layer"
)

// Copy is Take for a directory that can't be moved, and for several: it makes one layer on parent of the top directories of
// mounts, the topmost first. They stay as they are. Out and Split of o are not used.
func Copy(ctx context.Context, s *layer.Store, dirs []string, parent string, o PackOptions) (Layer, error) {
	return stage(ctx, s, &packing{ctx: ctx, dirs: dirs, o: o}, parent)
}

// Stage makes a layer on parent of a stream, which is a tar.
func Stage(ctx context.Context, s *layer.Store, src layer.Source, parent string) (Layer, error) {
	return stage(ctx, s, src, parent)
}

func stage(ctx context.Context, s *layer.Store, src layer.Source, parent string) (Layer, error) {
	out, err := s.Stage(ctx, src)
	if err != nil {
		return Layer{}, err
	}
	if parent == "" {
		mode := os.ModeDir | 0o755 // the storage driver's own is 0555
		if err := os.Chmod(out.Target, mode); err != nil {
			_ = s.Discard(out) // the first error says more
			return Layer{}, err
		}
		out.RootDirMode = &mode
	}
	return add(s, out, parent)
}

// packing is a layer that is packed while it is unpacked.
type packing struct {
	ctx  context.Context
	dirs []string
	o    PackOptions
	done chan error
}

// Open begins to pack.
func (p *packing) Open() (io.ReadCloser, error) {
	r, w := io.Pipe()
	p.done = make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				err := fmt.Errorf("pack a layer: panic: %v\n%s", r, debug.Stack())
				w.CloseWithError(err)
				p.done <- err
			}
		}()
		o := p.o
		o.Out, o.Split = w, nil
		_, err := Pack(p.ctx, p.dirs, o)
		w.CloseWithError(err)
		p.done <- err
	}()
	return r, nil
}

// Check waits for the end of the packing.
func (p *packing) Check(in *bufio.Reader, _ layer.Unpacked, err error) error {
	if err == nil {
		_, err = io.Copy(io.Discard, in)
	}
	if err == nil {
		err = <-p.done
	}
	return err
}
