//go:build linux && cgo

package calls

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Control is the descriptor by which the program talks with the one who started it: behind the three of the standard
// streams. Those of Start's further files follow.
const Control = 3

// Error is a system call of a list that failed.
type Error struct {
	Step  Step
	Errno syscall.Errno
}

func (e *Error) Error() string { return e.Step.Name + ": " + e.Errno.Error() }

func (e *Error) Unwrap() error { return e.Errno }

// ErrKilled says that the process ended by another's doing before it executed its program.
var ErrKilled = errors.New("the process was ended while it started")

// ErrCannot says that this host executes no such program, and that nothing was started.
var ErrCannot = errors.New("no program can be started from memory")

// Process is a process that has its list begun.
type Process struct {
	Pid  int
	list *List
	ctl  *os.File

	early *message // of the process's failure, which was read before its number
}

// Start executes the list in a new process with the standard streams, Control and further files, and no others, and returns
// when it has forked; the process goes on by itself until its Await. The calling thread is its parent for as long as both live, and must remain
// (see PR_SET_PDEATHSIG). An error matches ErrCannot, ErrKilled or is an Error.
func (l *List) Start(stdio [3]*os.File, more ...*os.File) (_ *Process, err error) {
	own := Control + 1 + len(more) // where the program itself is open
	l = &List{append([]Step{{Name: "close_range", Number: unix.SYS_CLOSE_RANGE, Args: []any{own, 1 << 30, 0}}}, l.steps...)}
	program, err := l.program()
	if err != nil {
		return nil, err
	}
	exe, err := file(program)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCannot, err)
	}
	defer exe.Close()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "control")
	_ = unix.SetNonblock(fds[0], true) // so that the runtime polls it
	p := &Process{list: l, ctl: os.NewFile(uintptr(fds[0]), "control of a start")}
	// The program is one of the files: while they come to their places, they may take that of what is none.
	files := append(append(append(stdio[:], theirs), more...), exe)
	first, err := os.StartProcess(fmt.Sprintf("/proc/self/fd/%d", own), []string{"caisson-start"}, &os.ProcAttr{Files: files, Env: []string{}})
	theirs.Close()
	if err != nil {
		p.ctl.Close()
		return nil, fmt.Errorf("%w: %w", ErrCannot, err)
	}
	st, err := first.Wait()
	if err == nil {
		err = p.forked(st)
	}
	if err != nil {
		p.ctl.Close()
		return nil, err
	}
	return p, nil
}

// forked reads what the first process has said before it ended, or what its child has, which may have been faster.
func (p *Process) forked(st *os.ProcessState) error {
	if st.Sys().(syscall.WaitStatus).Signaled() {
		return fmt.Errorf("%w: %s", ErrKilled, st) // it may have said nothing, and a child may have its end of the socket open
	}
	for {
		m, err := p.read()
		switch {
		case err != nil:
			return fmt.Errorf("%w: %s", ErrKilled, st)
		case m.what == sayForked:
			p.Pid = m.value
			return nil
		case !st.Success(): // there is no child
			return p.failed(m)
		}
		p.early = &m
	}
}

// Go lets the process go on from its Await, and returns when it executes its program. After an error it has ended, or ends.
func (p *Process) Go() error {
	defer p.ctl.Close()
	if p.early != nil {
		return p.failed(*p.early)
	}
	_, werr := p.ctl.Write([]byte{1})
	m, err := p.read()
	switch {
	case err == nil:
		return p.failed(m)
	case werr != nil:
		return fmt.Errorf("%w: %w", ErrKilled, werr)
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("%w: %w", ErrKilled, err)
	}
	return nil // the program closed it
}

// GiveUp has the process end at its Await.
func (p *Process) GiveUp() { p.ctl.Close() }

const (
	sayForked = 1
	sayFailed = 2
)

type message struct{ what, step, value int }

func (p *Process) read() (m message, err error) {
	var b [8]byte
	if _, err := io.ReadFull(p.ctl, b[:]); err != nil {
		return m, err
	}
	m.what, m.step = int(binary.LittleEndian.Uint16(b[:])), int(binary.LittleEndian.Uint16(b[2:]))
	m.value = int(int32(binary.LittleEndian.Uint32(b[4:])))
	return m, nil
}

func (p *Process) failed(m message) error {
	if m.what != sayFailed || m.step >= len(p.list.steps) {
		return fmt.Errorf("%w: it said %v", ErrKilled, m)
	}
	return &Error{p.list.steps[m.step], syscall.Errno(m.value)}
}

// file has a program in memory that nobody can change. What is open for writing is not executed, and each process that is
// just being forked has open what this one has: so there is none meanwhile.
func file(program []byte) (*os.File, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.MemfdCreate("caisson-start", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3, where each can be executed
		fd, err = unix.MemfdCreate("caisson-start", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	defer unix.Close(fd)
	if n, err := unix.Write(fd, program); err != nil || n < len(program) {
		return nil, fmt.Errorf("write the program: %d of %d bytes: %w", n, len(program), err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE); err != nil {
		return nil, os.NewSyscallError("seal", err)
	}
	return os.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
}
