//go:build unix

package flock

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Inherit takes over the lock that a process got with one of its descriptors from the process that started it. No
// further process inherits it.
func Inherit(fd uintptr) *Lock {
	unix.CloseOnExec(int(fd))
	return &Lock{os.NewFile(fd, "lock")}
}

// Upgrade makes a shared lock exclusive if no one else has it, and reports whether it did. If it did not, the shared lock
// is lost: the kernel gives it back before it tries for the other.
func (l *Lock) Upgrade() bool {
	ok, err := tryLock(l.f, Exclusive)
	return ok && err == nil
}

func lock(f *os.File, m Mode) error { return flock(f, how(m)) }

func tryLock(f *os.File, m Mode) (bool, error) {
	err := flock(f, how(m)|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func unlock(f *os.File) error { return flock(f, unix.LOCK_UN) }

func how(m Mode) int {
	if m == Exclusive {
		return unix.LOCK_EX
	}
	return unix.LOCK_SH
}

// flock tries again when a signal interrupts it, the preemption signals of Go's runtime among them.
func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
