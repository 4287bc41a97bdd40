package dockerapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Listen makes a unix socket that this user alone can connect to: its mode is 0600, and a peer of another user, other than
// root, is turned away. A socket of that name that nobody listens on is replaced. Close removes the file.
//
// Errors: fs.ErrExist when the path is taken by something that is not a socket, or by one that somebody listens on; those of
// the file system.
func Listen(path string) (net.Listener, error) {
	switch st, err := os.Lstat(path); {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return nil, err
	case st.Mode().Type() != os.ModeSocket:
		return nil, fmt.Errorf("listen on %s: it is not a socket: choose another path, or remove it: %w", path, os.ErrExist)
	default:
		if c, err := net.Dial("unix", path); err == nil {
			c.Close()
			return nil, fmt.Errorf("listen on %s: another process listens on it: end that, or choose another path: %w", path, os.ErrExist)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	// The socket is made under another name and has its mode before anybody can find it.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".dockerapi-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(made, 0o600), os.Link(made, path)); err != nil {
		l.Close()
		return nil, err
	}
	return &socket{l, path}, nil
}

// socket turns peers of other users away.
type socket struct {
	*net.UnixListener
	path string
}

// Accept implements net.Listener.
func (s *socket) Accept() (net.Conn, error) {
	for {
		c, err := s.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if trusted(c) {
			return c, nil
		}
		c.Close()
	}
}

// Addr implements net.Listener.
func (s *socket) Addr() net.Addr { return &net.UnixAddr{Name: s.path, Net: "unix"} }

// Close implements net.Listener.
func (s *socket) Close() error {
	err := s.UnixListener.Close()
	if err == nil {
		err = os.Remove(s.path)
	}
	return err
}

// grace is how long requests that are being answered have at the end of Serve. Streams that have no end of their own are
// cut then.
const grace = time.Second

// Serve serves a handler on a listener until ctx ends, and closes the listener. For TLS give it a listener of
// crypto/tls.
//
// Errors: those of accepting connections. The end of ctx is none.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: time.Minute, BaseContext: func(net.Listener) context.Context { return requests },
	}
	stop := context.AfterFunc(ctx, func() {
		end, done := context.WithTimeout(context.Background(), grace)
		defer done()
		_ = srv.Shutdown(end) // what is left is cut
		cancel()
		_ = srv.Close()
	})
	defer stop()
	err := srv.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
