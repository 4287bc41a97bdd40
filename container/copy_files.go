package container

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/container/internal/hostcopy"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/fstar"
)

// WriteFile writes a file of the container and gives it the mode. Directories on the way are made. A file or a link of
// that name is replaced.
//
// Errors: those of CopyTo.
func (c *Container) WriteFile(ctx context.Context, name string, data []byte, mode fs.FileMode, opts CopyOptions) error {
	clean := path.Clean("/" + name)
	if clean == "/" || strings.HasSuffix(name, "/") {
		return api.Errorf(ErrInvalidArgument, "write file %q: the name must not end with a slash", name)
	}
	if opts.KeepOwner {
		return api.Errorf(ErrInvalidArgument, "write file %q: CopyOptions.KeepOwner: bytes have no owner to keep: use Owner", name)
	}
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	h := &tar.Header{Typeflag: tar.TypeReg, Name: clean[1:], Mode: fstar.Mode(mode), Size: int64(len(data)), ModTime: time.Now(), Format: tar.FormatPAX}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	if _, err := tw.Write(data); err != nil {
		return err
	}
	if err := tw.Close(); err != nil {
		return err
	}
	return c.CopyTo(ctx, "/", &b, opts)
}

// ReadFile reads a file of the container. A link is followed, inside the container.
//
// Errors: those of CopyFrom; ErrInvalidArgument when it is not a regular file.
func (c *Container) ReadFile(ctx context.Context, name string) ([]byte, error) {
	body, info, err := c.CopyFrom(ctx, name, CopyFromOptions{Follow: true})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if !info.Mode.IsRegular() {
		return nil, api.Errorf(ErrInvalidArgument, "read file %q: it is not a regular file (%s)", name, info.Mode)
	}
	tr := tar.NewReader(body)
	if _, err := tr.Next(); err != nil {
		return nil, err
	}
	return io.ReadAll(tr)
}

// CopyFS copies a file system into a directory of the container, which is made if it does not exist. Modes and times are
// kept, and symbolic links too if fsys implements fs.ReadLinkFS.
//
// Errors: those of CopyTo and of fsys.
func (c *Container) CopyFS(ctx context.Context, dir string, fsys fs.FS, opts CopyOptions) error {
	prefix := path.Clean("/" + dir)[1:]
	return c.copyTar(ctx, "/", opts, func(tw *tar.Writer) error {
		return fstar.Tree(tw, fsys, ".", prefix, hostcopy.Owner) // whether the copies get these owners CopyOptions say
	})
}

// stuckRead is how long a copy that has ended waits for a Read of the caller's files.
const stuckRead = 100 * time.Millisecond

// copyTar copies what write writes.
func (c *Container) copyTar(ctx context.Context, dir string, opts CopyOptions, write func(*tar.Writer) error) error {
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		tw := tar.NewWriter(pw)
		err := write(tw)
		if err == nil {
			err = tw.Close()
		}
		pw.CloseWithError(err)
	}()
	err := c.CopyTo(ctx, dir, pr, opts)
	pr.CloseWithError(errors.New("the copy has ended"))
	select {
	case <-done: // nothing of the caller's is read any more
	case <-time.After(stuckRead): // but by a Read that may never return
	}
	var re *readError
	if errors.As(err, &re) {
		return re.err
	}
	return err
}
