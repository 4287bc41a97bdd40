//go:build linux

package netns

import (
	"fmt"
	"os"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/thread"
)

// NS is a reference to a network namespace; the namespace lives at least as long as it. Close it.
type NS struct {
	file *os.File
	id   uint64

	mu      sync.Mutex
	sockets *Thread // for Dial; started with the first
	closed  bool
}

const threadNetns = "/proc/thread-self/ns/net"

// New makes an empty network namespace, owned by the caller's user namespace.
func New() (*NS, error) {
	var ns *NS
	err := thread.Run(func() (err error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make a network namespace: %w: needs CAP_SYS_ADMIN in the user namespace", err)
		}
		ns, err = Open(threadNetns)
		return err
	})
	return ns, err
}

// Open opens the network namespace at path, such as /proc/PID/ns/net.
func Open(path string) (*NS, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open network namespace: %w", err)
	}
	return FromFile(f)
}

// FromFile returns the network namespace that f is open on. It takes ownership of f.
func FromFile(f *os.File) (*NS, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		f.Close()
		return nil, fmt.Errorf("open network namespace: %w", err)
	}
	return &NS{file: f, id: st.Ino}, nil
}

// ID tells namespaces apart; equal for two references to one namespace.
func (n *NS) ID() uint64 { return n.id }

// Path names the namespace for other processes while n is open and this process lives.
func (n *NS) Path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.file.Fd()) }

// File is the open namespace, which n owns.
func (n *NS) File() *os.File { return n.file }

// Close drops the reference.
func (n *NS) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sockets != nil && !n.closed {
		n.sockets.Close()
	}
	n.closed = true
	return n.file.Close()
}

// Do runs f on a thread that is inside the namespace. Sockets made by f stay in the namespace. The thread
// is thrown away afterwards: inside a user namespace the host's network namespace cannot be entered again.
func (n *NS) Do(f func() error) error {
	return thread.Run(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		return f()
	})
}

func (n *NS) enter() error {
	if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace: %w", err)
	}
	return nil
}

// Netlink opens a netlink socket inside the namespace. netlink.NewHandleAt must not be used: it ignores the
// failure to return to the former namespace, so an ordinary user's Go threads would end up in the wrong one.
func (n *NS) Netlink() (*netlink.Handle, error) {
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
