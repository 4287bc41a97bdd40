package container

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// WriteFile writes a file of the container, with the mode given. Directories on the way are made. A file or link at
// the name is replaced.
//
// Errors: those of CopyTo.
func (c *Container) WriteFile(ctx context.Context, name string, data []byte, mode fs.FileMode, opts CopyOptions) error {
	clean := path.Clean("/" + name)
	if clean == "/" || strings.HasSuffix(name, "/") {
		return api.Errorf(ErrInvalidArgument, "write file %q: the name is a directory's", name)
	}
	if opts.KeepOwner {
		return api.Errorf(ErrInvalidArgument, "write file %q: CopyOptions.KeepOwner: bytes have no owner: use Owner", name)
	}
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	h := &tar.Header{Typeflag: tar.TypeReg, Name: clean[1:], Mode: tarMode(mode), Size: int64(len(data)), ModTime: time.Now(), Format: tar.FormatPAX}
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

// ReadFile reads a file of the container; a link is followed, inside the container.
//
// Errors: those of CopyFrom; ErrInvalidArgument (not a regular file).
func (c *Container) ReadFile(ctx context.Context, name string) ([]byte, error) {
	body, info, err := c.CopyFrom(ctx, name, CopyFromOptions{Follow: true})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if !info.Mode.IsRegular() {
		return nil, api.Errorf(ErrInvalidArgument, "read file %q: it is no regular file (%s)", name, info.Mode)
	}
	tr := tar.NewReader(body)
	if _, err := tr.Next(); err != nil {
		return nil, err
	}
	return io.ReadAll(tr)
}

// CopyFS copies a file system into a directory of the container, which is made if it does not exist. Modes and times
// are kept; symbolic links too, where fsys implements fs.ReadLinkFS.
//
// Errors: those of CopyTo and of fsys.
func (c *Container) CopyFS(ctx context.Context, dir string, fsys fs.FS, opts CopyOptions) error {
	prefix := path.Clean("/" + dir)[1:]
	return c.copyTar(ctx, "/", opts, func(tw *tar.Writer) error {
		return fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if name == "." && prefix == "" {
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			return addFile(tw, fsys, name, path.Join(prefix, name), info)
		})
	})
}

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
	<-done // nothing of the caller's is read any more
	var re *readError
	if errors.As(err, &re) {
		return re.err
	}
	return err
}

// addFile writes a file of fsys under another name.
func addFile(tw *tar.Writer, fsys fs.FS, name, as string, info fs.FileInfo) error {
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		var err error
		if link, err = fs.ReadLink(fsys, name); err != nil {
			return err
		}
	}
	h, err := fileHeader(info, as, link)
	if h == nil || err != nil {
		return err
	}
	if err := tw.WriteHeader(h); err != nil || h.Typeflag != tar.TypeReg {
		return err
	}
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyN(tw, f, h.Size)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: it became shorter while it was copied", name)
	}
	return err
}

// fileHeader returns nil for what a copy leaves out: sockets, devices and pipes.
func fileHeader(info fs.FileInfo, name, link string) (*tar.Header, error) {
	h := &tar.Header{Name: name, Mode: tarMode(info.Mode()), ModTime: info.ModTime(), Format: tar.FormatPAX}
	h.Uid, h.Gid = ids(info)
	switch info.Mode().Type() {
	case 0:
		h.Typeflag, h.Size = tar.TypeReg, info.Size()
	case fs.ModeDir:
		h.Typeflag = tar.TypeDir
		h.Name += "/"
	case fs.ModeSymlink:
		h.Typeflag, h.Linkname = tar.TypeSymlink, link
	default:
		return nil, nil
	}
	return h, nil
}

func tarMode(m fs.FileMode) int64 {
	n := int64(m.Perm())
	for bit, v := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&bit != 0 {
			n |= v
		}
	}
	return n
}
