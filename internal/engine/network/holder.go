//go:build linux

package network

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// A holder is this process's part in a network. Its lock file says that the process lives; its socket hands
// out the network's namespace and lets others follow the leader:
//
//	askNetns    the reply carries the holder's namespace
//	askFollow   the reply says whether the holder leads; if so the connection lasts as long as it does
//	askTrunk    as askFollow, with a packet socket of the asker's own segment, see trunk.go
const (
	askNetns  = 'n'
	askFollow = 'f'
	askTrunk  = 't'

	replyYes = 'y'
	replyNo  = 'n'
)

type holder struct {
	id   string
	dir  *os.File // the holders directory; sockets are named through it, as paths of sockets are short
	lock *os.File
	ln   *net.UnixListener
	wg   sync.WaitGroup

	mu    sync.Mutex
	conns map[*net.UnixConn]struct{}
}

// holderServer is what a holder answers with.
type holderServer interface {
	netns() *Netns
	leads() bool
	// serveTrunk bridges the other segment until conn ends.
	serveTrunk(conn *net.UnixConn, packets *os.File)
	followerGone()
}

// register announces this process; the network's lock is held.
func register(dir string, srv holderServer) (*holder, error) {
	h := &holder{id: randomID(), conns: map[*net.UnixConn]struct{}{}}
	var err error
	if h.dir, err = os.Open(filepath.Join(dir, "holders")); err != nil {
		return nil, notFound(err)
	}
	h.lock, err = os.OpenFile(h.path(h.id+".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		h.dir.Close()
		return nil, err
	}
	if ok, err := tryLock(h.lock); !ok {
		h.dir.Close()
		h.lock.Close()
		return nil, fmt.Errorf("lock holder: %w", err)
	}
	h.ln, err = net.ListenUnix("unixpacket", &net.UnixAddr{Name: h.path(h.id + ".sock"), Net: "unixpacket"})
	if err != nil {
		h.dir.Close()
		h.lock.Close()
		return nil, err
	}
	h.wg.Add(1)
	go h.serve(srv)
	return h, nil
}

func (h *holder) path(name string) string {
	return fmt.Sprintf("/proc/self/fd/%d/%s", h.dir.Fd(), name)
}

func (h *holder) serve(srv holderServer) {
	defer h.wg.Done()
	for {
		c, err := h.ln.AcceptUnix()
		if err != nil {
			return
		}
		h.mu.Lock()
		h.conns[c] = struct{}{}
		h.mu.Unlock()
		h.wg.Add(1)
		go func() {
			defer h.wg.Done()
			h.answer(c, srv)
			h.mu.Lock()
			delete(h.conns, c)
			h.mu.Unlock()
			c.Close()
		}()
	}
}

func (h *holder) answer(c *net.UnixConn, srv holderServer) {
	ask, file, err := recvMsg(c)
	if err != nil {
		return
	}
	if file != nil {
		defer file.Close()
	}
	switch {
	case ask == askNetns:
		sendMsg(c, replyYes, srv.netns().file)
	case !srv.leads():
		sendMsg(c, replyNo, nil)
	case ask == askFollow:
		if sendMsg(c, replyYes, nil) == nil {
			recvMsg(c) // until the follower ends
			srv.followerGone()
		}
	case ask == askTrunk && file != nil:
		if sendMsg(c, replyYes, nil) == nil {
			srv.serveTrunk(c, file)
			srv.followerGone()
		}
	}
}

// close ends every conversation; followers see the end of theirs and elect another leader.
func (h *holder) close() error {
	err := h.ln.Close()
	h.mu.Lock()
	for c := range h.conns {
		c.Close()
	}
	h.mu.Unlock()
	h.wg.Wait()
	os.Remove(h.path(h.id + ".lock"))
	return errors.Join(err, h.lock.Close(), h.dir.Close())
}

// liveHolders lists the processes that have joined, and tidies up after dead ones.
func liveHolders(dir string) []string {
	holders := filepath.Join(dir, "holders")
	entries, _ := os.ReadDir(holders)
	var alive []string
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".lock")
		if !ok {
			continue
		}
		if holderAlive(filepath.Join(holders, e.Name())) {
			alive = append(alive, id)
			continue
		}
		os.Remove(filepath.Join(holders, id+".sock"))
		os.Remove(filepath.Join(holders, e.Name()))
	}
	return alive
}

func holderAlive(lock string) bool {
	f, err := os.Open(lock)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(flock(f, unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// dialHolder connects to a holder; h.dir names the directory.
func (h *holder) dial(id string) (*net.UnixConn, error) {
	return dialSocket(h.dir, id+".sock")
}

func dialSocket(dir *os.File, name string) (*net.UnixConn, error) {
	path := fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), name)
	return net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: path, Net: "unixpacket"})
}

// askForNetns obtains the network's namespace from any live holder; nil when there is none.
func askForNetns(dir string) (*Netns, error) {
	d, err := os.Open(filepath.Join(dir, "holders"))
	if err != nil {
		return nil, notFound(err)
	}
	defer d.Close()
	for _, id := range liveHolders(dir) {
		c, err := dialSocket(d, id+".sock")
		if err != nil {
			continue // ended just now
		}
		if err = sendMsg(c, askNetns, nil); err == nil {
			var f *os.File
			if _, f, err = recvMsg(c); err == nil && f != nil {
				c.Close()
				return netnsFromFile(f)
			}
		}
		c.Close()
	}
	return nil, nil
}

func sendMsg(c *net.UnixConn, kind byte, f *os.File) error {
	var oob []byte
	if f != nil {
		oob = unix.UnixRights(int(f.Fd()))
	}
	_, _, err := c.WriteMsgUnix([]byte{kind}, oob, nil)
	return err
}

func recvMsg(c *net.UnixConn) (byte, *os.File, error) {
	b, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := c.ReadMsgUnix(b, oob)
	if err != nil {
		return 0, nil, err
	}
	if n == 0 {
		return 0, nil, os.ErrClosed
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(msgs) == 0 {
		return b[0], nil, err
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) == 0 {
		return b[0], nil, err
	}
	unix.CloseOnExec(fds[0]) // ReadMsgUnix asks for it already; older kernels ignore that
	return b[0], os.NewFile(uintptr(fds[0]), "received"), nil
}
