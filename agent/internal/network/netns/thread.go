//go:build linux

package netns

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/thread"
)

// Thread is a thread that stays inside a namespace, for callers that make many sockets there: starting a
// thread for each would cost more than the socket.
type Thread struct {
	jobs  chan func()
	done  chan struct{}
	spare chan int // TCP/IPv4 sockets made in advance
}

// spareSockets are made in one go, since waking the thread costs several times what a socket does.
const spareSockets = 16

// Thread starts a thread inside the namespace. Close it.
func (n *NS) Thread() (*Thread, error) {
	t := &Thread{jobs: make(chan func()), done: make(chan struct{}), spare: make(chan int, spareSockets)}
	ready := make(chan error, 1)
	thread.Go(func() {
		err := n.enter()
		ready <- err
		if err != nil {
			return
		}
		defer t.closeSpare()
		for {
			select {
			case job := <-t.jobs:
				job()
			case <-t.done:
				return
			}
		}
	})
	if err := <-ready; err != nil {
		return nil, err
	}
	return t, nil
}

// socketThread is the namespace's own thread, which ends with Close.
func (n *NS) socketThread() (*Thread, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, fmt.Errorf("network namespace: %w", ErrClosed)
	}
	if n.sockets == nil {
		t, err := n.Thread()
		if err != nil {
			return nil, err
		}
		n.sockets = t
	}
	return n.sockets, nil
}

// do runs f on the thread. It fails with ErrClosed after Close.
func (t *Thread) do(f func() error) error {
	result := make(chan error, 1)
	select {
	case t.jobs <- func() { result <- f() }:
		return <-result
	case <-t.done:
		return ErrClosed
	}
}

// socket makes a non-blocking socket inside the namespace.
func (t *Thread) socket(family, kind int) (fd int, err error) {
	common := family == unix.AF_INET && kind == unix.SOCK_STREAM
	if common {
		select {
		case <-t.done:
			return -1, ErrClosed
		default:
		}
		select {
		case fd := <-t.spare:
			return fd, nil
		default:
		}
	}
	err = t.do(func() (err error) {
		fd, err = newSocket(family, kind)
		for err == nil && common {
			extra, serr := newSocket(family, kind)
			if serr != nil {
				break
			}
			select {
			case t.spare <- extra:
			default:
				unix.Close(extra)
				return nil
			}
		}
		return err
	})
	return fd, err
}

func newSocket(family, kind int) (int, error) {
	fd, err := unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	return fd, os.NewSyscallError("socket", err)
}

// Close ends the thread. It must be called once.
func (t *Thread) Close() { close(t.done) }

func (t *Thread) closeSpare() {
	for {
		select {
		case fd := <-t.spare:
			unix.Close(fd)
		default:
			return
		}
	}
}
