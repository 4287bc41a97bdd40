//go:build linux && cgo

// Package guard has processes end with the agent, whatever they do: a small process of the agent's own binary
// (guard_linux.c) holds their handles and kills them when the agent is gone. A parent-death signal does not suffice. The
// kernel forgets it when a process changes its user, as the entry points of many images do (gosu, su-exec, setpriv), and
// a process may clear it.
//
// It starts one process for each agent that has containers and knows pidfds and files that are given to it. It must not
// know containers or control groups.
package guard

import "C" // guard_linux.c

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// env makes a copy of this binary the guard.
const env = "CAISSON_GUARD=1"

const (
	verbHold    = 'h'
	verbRelease = 'r'
	textSize    = 7
)

// Guard is the connection to the guard's process. The zero value is ready. Its methods are safe for concurrent use.
type Guard struct {
	mu   sync.Mutex
	conn *net.UnixConn // nil: not started, or it died
	next uint64
	held map[uint64]*ward
}

type ward struct {
	pidfd int
	file  *os.File
	text  string
}

// Hold has a process killed when this one ends. Then text, of at most 7 bytes, is also written into file, so that what is
// frozen thaws; nil: nothing is. pidfd and file remain the caller's. release takes that back; it is called when the process has
// ended.
func (g *Guard) Hold(pidfd int, file *os.File, text string) (release func(), err error) {
	if len(text) > textSize {
		return nil, fmt.Errorf("guard: %q is too long", text)
	}
	w := &ward{text: text}
	if w.pidfd, err = unix.FcntlInt(uintptr(pidfd), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	if file != nil {
		fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			w.close()
			return nil, os.NewSyscallError("dup", err)
		}
		w.file = os.NewFile(uintptr(fd), file.Name())
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next++
	id := g.next
	if g.held == nil {
		g.held = map[uint64]*ward{}
	}
	g.held[id] = w
	if err := g.tell(id, w); err != nil {
		delete(g.held, id)
		w.close()
		return nil, fmt.Errorf("guard: %w", err)
	}
	return sync.OnceFunc(func() { g.release(id) }), nil
}

// Prepare starts the guard's process before it is needed, so that nothing waits for it.
func (g *Guard) Prepare() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.conn == nil {
		_ = g.start() // Hold tries again
	}
}

func (g *Guard) release(id uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.conn != nil {
		_, _ = g.conn.Write(message(verbRelease, id, "")) // it died: the next one is not told of this
	}
	g.held[id].close()
	delete(g.held, id)
}

func (w *ward) close() {
	unix.Close(w.pidfd)
	if w.file != nil {
		w.file.Close()
	}
}

// tell sends a message, to another guard with all that is held if the first has died.
func (g *Guard) tell(id uint64, w *ward) error {
	if g.conn != nil {
		if err := w.send(g.conn, id); err == nil {
			return nil
		}
		g.conn.Close()
		g.conn = nil
	}
	return g.start()
}

func (w *ward) send(c *net.UnixConn, id uint64) error {
	fds := []int{w.pidfd}
	if w.file != nil {
		fds = append(fds, int(w.file.Fd()))
	}
	_, _, err := c.WriteMsgUnix(message(verbHold, id, w.text), unix.UnixRights(fds...), nil)
	return err
}

// message is struct message of guard_linux.c.
func message(verb byte, id uint64, text string) []byte {
	b := binary.NativeEndian.AppendUint64(nil, id)
	b = append(b, verb)
	return append(append(b, text...), make([]byte, textSize-len(text))...)
}

// start starts the process and tells it all that is held; g is locked.
func (g *Guard) start() error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "guard")
	defer theirs.Close()
	ours := os.NewFile(uintptr(fds[0]), "guard")
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		return err
	}
	c := conn.(*net.UnixConn)
	p, err := os.StartProcess("/proc/self/exe", []string{"caisson-guard"}, &os.ProcAttr{
		Dir: "/", Env: []string{env}, Files: []*os.File{theirs}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		c.Close()
		return fmt.Errorf("start a process: %w", err)
	}
	go g.watch(p, c)
	var errs []error
	for id, w := range g.held {
		errs = append(errs, w.send(c, id))
	}
	if err := errors.Join(errs...); err != nil {
		c.Close()
		return err
	}
	g.conn = c
	return nil
}

// watch replaces a guard that dies before the agent.
func (g *Guard) watch(p *os.Process, c *net.UnixConn) {
	_, _ = p.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.conn != c {
		return // tell was first
	}
	c.Close()
	g.conn = nil
	if len(g.held) > 0 {
		_ = g.start() // the next Hold tries again
	}
}
