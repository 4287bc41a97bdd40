//go:build linux

// Package process knows a container's first process by a handle, a pidfd.
//
// A process that executes another program from a thread that isn't its first, as Go's syscall.Exec may, looks like a
// zombie in /proc until its first thread is gone, and one whose first thread alone ends looks so for good. The files in
// /proc/PID then say "permission denied" or are not there, and libcontainer takes the container for stopped. The handle
// tells such a process from one that is over. It also tells one that stops because it is traced, by PTRACE_TRACEME: its
// parent's wait returns then, as if it had ended.
//
// What containers and steps of builds share on libcontainer is here too: how one is killed, and which of its rules for
// devices is taken back.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// settleTime bounds the wait for the new program. It is there within a millisecond, or when this machine's other
// processes let it run.
const settleTime = 5 * time.Second

// Process is one that nobody had waited for when it was opened.
type Process struct {
	Pid    int
	handle *os.File
}

// Open returns a process, which may be another agent's.
func Open(pid int) (*Process, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	_ = unix.SetNonblock(fd, true) // so that the runtime polls it; Await does without
	return &Process{Pid: pid, handle: os.NewFile(uintptr(fd), fmt.Sprintf("pidfd of %d", pid))}, nil
}

// Close lets the handle go. The process is taken for over from then on.
func (p *Process) Close() error { return p.handle.Close() }

// WithHandle calls f with the handle, a pidfd, unless it is closed.
func (p *Process) WithHandle(f func(fd int)) { p.withHandle(f) }

func (p *Process) withHandle(f func(fd int)) {
	if c, err := p.handle.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { f(int(fd)) }) // an error: it is closed
	}
}

// Ended says whether the whole process is over, reaped or not.
func (p *Process) Ended() bool {
	ended := true
	p.withHandle(func(fd int) {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		ended = n > 0 && err == nil
	})
	return ended
}

// Await waits until the whole process is over.
func (p *Process) Await() error {
	c, err := p.handle.SyscallConn()
	if err != nil {
		return err
	}
	over := func(timeout int) func(fd uintptr) bool {
		return func(fd uintptr) bool {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, timeout)
			return n > 0 || err != nil && !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN)
		}
	}
	if err := c.Read(over(0)); err == nil {
		return nil
	}
	for done := false; !done && err == nil; { // the runtime cannot poll it: a thread waits
		err = c.Control(func(fd uintptr) { done = over(-1)(fd) })
	}
	return err
}

// Reap takes the end of a process of this agent's that nobody has waited for, and waits for none.
func (p *Process) Reap() {
	p.withHandle(func(fd int) {
		// Of another's, and of one that is reaped, there is nothing to take.
		_ = unix.Waitid(unix.P_PIDFD, fd, nil, unix.WEXITED|unix.WNOHANG, nil)
	})
}

// Signal sends a signal to the whole process. One that has ended is not an error.
func (p *Process) Signal(s syscall.Signal) error {
	var err error
	p.withHandle(func(fd int) { err = unix.PidfdSendSignal(fd, s, nil, 0) })
	if err == nil || errors.Is(err, unix.ESRCH) {
		return nil
	}
	return os.NewSyscallError("pidfd_send_signal", err)
}

// Settled calls f, which looks at the process in /proc or joins it, again if it fails while the process is between two
// programs; not after one of the errors in final. An error that names a file of the process in /proc, although it lives,
// says that it was.
func (p *Process) Settled(f func() error, final ...error) error {
	calm, own := 0, fmt.Sprintf("/proc/%d/", p.Pid)
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		err := f()
		if err == nil || slices.ContainsFunc(final, func(e error) bool { return errors.Is(err, e) }) {
			return err
		}
		if _, between := p.betweenPrograms(); !between && !strings.Contains(err.Error(), own) {
			calm++ // it may have been, when f failed
		}
		if calm >= 3 || p.Ended() || time.Since(begin) > settleTime {
			return err
		}
	}
}

// Look returns what f finds of the process, as Settled calls it.
func Look[T any](p *Process, f func(pid int) (T, error)) (found T, err error) {
	err = p.Settled(func() error {
		found, err = f(p.Pid)
		return err
	})
	return found, err
}

// betweenPrograms says whether the process lives although its first thread does not, and when that began, in ticks.
func (p *Process) betweenPrograms() (start uint64, between bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid))
	if err != nil {
		return 0, false
	}
	start, gone := parse(b)
	return start, gone && !p.Ended()
}

// parse reads from a process's stat (proc_pid_stat(5)) when its first thread began, in ticks, and whether it is gone.
func parse(stat []byte) (start uint64, gone bool) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // behind the name: the third and on
	if len(fields) < 20 {
		return 0, false
	}
	start, err := strconv.ParseUint(string(fields[19]), 10, 64)
	return start, err == nil && bytes.ContainsAny(fields[0], "ZX")
}
