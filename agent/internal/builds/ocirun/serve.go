//go:build linux

package ocirun

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/runc/libcontainer"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/unixsock"
)

// SocketName is beside the directories of the builds. internal/hook repeats it.
const SocketName = "sock"

// Server does the short verbs in the agent's process. buildah starts the runtime for each of them, several times a
// step and while a step runs ten times a second; the early hook of those processes asks here and ends, before most of
// the binary is initialised. Without an answer they do the verb themselves.
type Server struct {
	dir string
	log *slog.Logger

	mu     sync.Mutex
	l      net.Listener
	closed bool
}

// NewServer returns a server for the runtimes whose builds have their state below dir.
func NewServer(dir string, log *slog.Logger) *Server { return &Server{dir: dir, log: log} }

// Start begins to serve.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	l, err := unixsock.Listen(filepath.Join(s.dir, SocketName))
	if err != nil {
		return err
	}
	s.l = l
	go s.accept(l)
	return nil
}

// Close ends the service.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.l == nil {
		return nil
	}
	return s.l.Close()
}

func (s *Server) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				s.log.Warn("serve the runtime of builds", "error", err)
			}
			return
		}
		go func() {
			defer c.Close()
			if err := s.answer(c); err != nil {
				s.log.Debug("answer the runtime of builds", "error", err) // it is gone, or does the verb itself
			}
		}()
	}
}

// requestTimeout bounds the wait for a request, which is sent at once.
const requestTimeout = 30 * time.Second

// answer takes a command line, each argument with a zero byte behind it, and gives an exit code of one byte and what is
// to be printed: on standard output if the code is 0, else on standard error.
func (s *Server) answer(c net.Conn) error {
	if err := c.SetReadDeadline(time.Now().Add(requestTimeout)); err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(c, 64<<10))
	if err != nil {
		return err
	}
	args := strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	var out bytes.Buffer
	out.WriteByte(0)
	root, rest, err := parse(args)
	if err == nil {
		err = short(root, rest, &out, attentive)
	}
	if err != nil {
		out.Reset()
		out.WriteString("\x01" + err.Error() + "\n")
	}
	_, err = c.Write(out.Bytes())
	return err
}

// attentive is how long the state verb waits here for the step's end: buildah asks in a loop.
const attentive = 500 * time.Millisecond

// awaitEnd waits until c's process ends, at most for so long.
func awaitEnd(c *libcontainer.Container, patience time.Duration) error {
	st, err := c.State()
	if err != nil || patience == 0 {
		return err
	}
	fd, err := unix.PidfdOpen(st.InitProcessPid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(fd)
	for deadline := time.Now().Add(patience); ; {
		left := time.Until(deadline)
		if left <= 0 {
			return nil
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		if n > 0 || err != nil && !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("poll", err)
		}
	}
}
