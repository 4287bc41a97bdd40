//go:build linux

package network

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Netns is a reference to a network namespace; the namespace lives at least as long as it. Close it.
type Netns struct {
	file *os.File
	id   uint64

	mu      sync.Mutex
	sockets *nsThread // for DialIn; started with the first
	closed  bool
}

const threadNetns = "/proc/thread-self/ns/net"

// NewNetns makes an empty network namespace, owned by the caller's user namespace.
func NewNetns() (*Netns, error) {
	var ns *Netns
	err := onSpareThread(func() (err error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make a network namespace: %w: needs CAP_SYS_ADMIN in the user namespace", err)
		}
		ns, err = OpenNetns(threadNetns)
		return err
	})
	return ns, err
}

// OpenNetns opens the network namespace at path, such as /proc/PID/ns/net.
func OpenNetns(path string) (*Netns, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open network namespace: %w", err)
	}
	return netnsFromFile(f)
}

// netnsFromFile takes ownership of f.
func netnsFromFile(f *os.File) (*Netns, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		f.Close()
		return nil, fmt.Errorf("open network namespace: %w", err)
	}
	return &Netns{file: f, id: st.Ino}, nil
}

// ID tells namespaces apart; equal for two references to one namespace.
func (n *Netns) ID() uint64 { return n.id }

// Path names the namespace for other processes while n is open and this process lives.
func (n *Netns) Path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.file.Fd()) }

// Close drops the reference.
func (n *Netns) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sockets != nil && !n.closed {
		n.sockets.close()
	}
	n.closed = true
	return n.file.Close()
}

// Do runs f on a thread that is inside the namespace. Sockets made by f stay in the namespace. The thread
// is thrown away afterwards: inside a user namespace the host's network namespace cannot be entered again.
func (n *Netns) Do(f func() error) error {
	return onSpareThread(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		return f()
	})
}

func (n *Netns) enter() error {
	if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace: %w", err)
	}
	return nil
}

// netlink opens a netlink socket inside the namespace. netlink.NewHandleAt must not be used: it ignores the
// failure to return to the former namespace, so an ordinary user's Go threads would end up in the wrong one.
func (n *Netns) netlink() (*netlink.Handle, error) {
	var h *netlink.Handle
	err := n.Do(func() (err error) {
		h, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	return h, nil
}

// onSpareThread runs f on a thread of its own that ends with it.
func onSpareThread(f func() error) error {
	done := make(chan error, 1)
	goOnSpareThread(func() { done <- f() })
	return <-done
}

// goOnSpareThread is never the main thread: that one cannot end, and /proc/self would show its namespace for the whole
// process from then on.
func goOnSpareThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			f()
			return // still locked: the thread ends with the goroutine
		}
		started := make(chan struct{})
		go func() { // on another thread, as long as this one is taken
			runtime.LockOSThread()
			close(started)
			f()
		}()
		<-started
		runtime.UnlockOSThread()
	}()
}
