package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/client"
)

// CopyOptions tune copies into a container.
type CopyOptions struct {
	// Owner is the owner of the copies: name, uid, name:group or uid:gid, by /etc/passwd and /etc/group of the container.
	// Default: root.
	Owner string `json:"owner,omitempty"`
	// KeepOwner keeps the ids that the files have in the tar stream or on the host, and ignores Owner.
	KeepOwner bool `json:"keepOwner,omitempty"`
	// ReadOnlyRoot copies into the root file system of a container that does not run also when Options.ReadOnly forbids
	// the container to write to it. Default: that is ErrPermission, as in Docker.
	ReadOnlyRoot bool `json:"readOnlyRoot,omitempty"`
}

// CopyTo unpacks a tar stream, which is not compressed, into a directory of the container, which must exist. The
// container may run or not. A file below a mount goes to the volume or the directory of the host that is mounted.
//
// Names and links are followed inside the container only, whatever the container does meanwhile. A file replaces a file,
// but a file never replaces a directory, nor a directory a file. Files in the directory that are not in the stream stay.
// Devices are left out where the user may not make them. After an error, what was unpacked before stays.
//
// Errors: ErrNotFound when the container or the directory is not there; ErrInvalidArgument when dir is not a directory,
// the stream is not valid, or the container does not have Owner; ErrPermission when the directory is read-only;
// ErrUnsupported when this user's containers can't have the owner; those of the reader.
func (c *Container) CopyTo(ctx context.Context, dir string, tar io.Reader, opts CopyOptions) error {
	conn, err := c.c.Upgrade(ctx, api.ContainerCopyTo.Of(c.id), api.PathRequest[CopyOptions]{Path: dir, Options: opts})
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	done := make(chan error, 1)
	go func() { done <- c.result(ctx, conn) }()
	sent := make(chan error, 1)
	go func() { sent <- sendInput(api.NewFrameWriter(conn), tar) }()
	select {
	case err = <-done: // before all was sent: it failed
	case err = <-sent:
		var re *readError
		if !errors.As(err, &re) {
			err = <-done // the agent's is the reason why it could not be sent
		}
	}
	if ctx.Err() != nil {
		return api.Ended(ctx)
	}
	return err
}

// readError is an error of the caller's reader.
type readError struct{ err error }

func (e *readError) Error() string { return fmt.Sprintf("read what is to be copied: %v", e.err) }
func (e *readError) Unwrap() error { return e.err }

// sendInput sends the whole stream as frames.
func sendInput(fw *api.FrameWriter, r io.Reader) error {
	buf := make([]byte, 256<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if werr := fw.Frame(api.Stdin, buf[:n]); werr != nil {
				return werr
			}
		}
		if errors.Is(err, io.EOF) {
			return fw.Frame(api.CloseInput, nil)
		}
		if err != nil {
			return &readError{err}
		}
	}
}

// result reads the last frame.
func (c *Container) result(ctx context.Context, r io.Reader) error {
	fr := api.NewFrameReader(r)
	for {
		kind, p, err := fr.Next()
		switch {
		case err != nil:
			return broken(ctx, c.c, err)
		case kind == api.Exit:
			return nil
		case kind == api.Failure:
			return failure(p)
		}
	}
}

// broken says why a stream from the agent ended before its last frame.
func broken(ctx context.Context, c *client.Client, err error) error {
	if why := c.Why(ctx); why != nil {
		return why
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) { // reset: with input that it had not read
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("stream from the agent: %w", err)
}

// FileInfo describes a file of a container.
type FileInfo struct {
	Name       string      `json:"name"` // the last element of the path
	Size       int64       `json:"size"`
	Mode       fs.FileMode `json:"mode"`
	ModTime    time.Time   `json:"modTime"`
	UID        int         `json:"uid"` // in the container
	GID        int         `json:"gid"`
	LinkTarget string      `json:"linkTarget,omitempty"` // of a symbolic link
}

// CopyFromOptions tune copies out of a container.
type CopyFromOptions struct {
	// Follow copies what a symbolic link at the path leads to. Links below the path are copied as links.
	Follow bool `json:"follow,omitempty"`
	// KeepOwner makes Download give the copies the ids that the files have in the container, like docker cp -a. This
	// needs root. Set-user-id bits are left out in any case. Default: the copies belong to the caller. The stream of
	// CopyFrom always has the ids.
	KeepOwner bool `json:"-"`
}

// CopyFrom returns a file or a tree of the container as a tar stream, and the description of the path. The names in the
// stream begin with the last element of the path, or with "." for the root and for a path that ends in "/.". The container may run or not. Extended
// attributes are kept, and sockets left out. A path that ends in a slash or in "/." follows a link. The caller closes
// the stream. The stream ends with io.EOF only if it is complete.
//
// Errors: ErrNotFound when the container or the path is not there; ErrInvalidArgument when the path is not valid.
func (c *Container) CopyFrom(ctx context.Context, path string, opts CopyFromOptions) (io.ReadCloser, *FileInfo, error) {
	body, err := c.c.Body(ctx, api.ContainerCopyFrom.Of(c.id), api.PathRequest[CopyFromOptions]{Path: path, Options: opts})
	if err != nil {
		return nil, nil, err
	}
	r := &frameBody{ctx: ctx, c: c.c, body: body, fr: api.NewFrameReader(body)}
	kind, p, err := r.fr.Next()
	var info FileInfo
	switch {
	case err != nil:
		err = broken(ctx, c.c, err)
	case kind == api.Failure:
		err = failure(p)
	case kind == api.Started:
		err = json.Unmarshal(p, &info)
	default:
		err = errors.New("stream from the agent: it begins with the wrong frame")
	}
	if err != nil {
		body.Close()
		return nil, nil, err
	}
	return r, &info, nil
}

// StatPath describes a file of the container. For a link it describes the link, unless the path ends in a slash.
//
// Errors: ErrNotFound when the container or the path is not there; ErrInvalidArgument when the path is not valid.
func (c *Container) StatPath(ctx context.Context, path string) (*FileInfo, error) {
	return c.stat(ctx, path, CopyFromOptions{})
}

func (c *Container) stat(ctx context.Context, path string, opts CopyFromOptions) (*FileInfo, error) {
	var info FileInfo
	if err := c.c.Do(ctx, api.ContainerStat.Of(c.id), api.PathRequest[CopyFromOptions]{Path: path, Options: opts}, &info); err != nil {
		return nil, err
	}
	return &info, nil
}

// frameBody is the data of a response in frames, which tell a whole stream from a broken one.
type frameBody struct {
	ctx  context.Context // the request's, to say why it broke
	c    *client.Client
	body io.ReadCloser
	fr   *api.FrameReader
	rest []byte
	err  error
}

func (r *frameBody) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		kind, data, err := r.fr.Next()
		switch {
		case err != nil:
			r.err = broken(r.ctx, r.c, err)
		case kind == api.Stdout:
			r.rest = data
		case kind == api.Exit:
			r.err = io.EOF
		case kind == api.Failure:
			r.err = failure(data)
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *frameBody) Close() error { return r.body.Close() }
