//go:build linux

package network

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/internal/flock"
)

// A holder is this process's part in a network. Its lock file says that the process lives; its socket hands
// out the network's namespace and lets others follow the leader:
//
//	askNetns    the reply carries the holder's namespace
//	askFollow   the reply says whether the holder leads, and its segment; if so the connection lasts as long as it does
//	askTrunk    follows askFollow with a packet socket of the asker's own segment, see trunk.go
//	askCheck    after askFollow: endpoints of the asker have gone; no reply
const (
	askNetns  = 'n'
	askFollow = 'f'
	askTrunk  = 't'
	askCheck  = 'c'

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
	netns() *netns.NS
	leads() bool
	// serveTrunk ties the other segment to ours until conn ends.
	serveTrunk(conn *net.UnixConn, ask message)
	// endpointsGone ends what the gateway does for endpoints that are no more.
	endpointsGone()
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
	if ok, err := flock.TryFile(h.lock, flock.Exclusive); !ok {
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
	ask, err := recvMsg(c)
	if err != nil {
		return
	}
	switch {
	case ask.kind == askNetns:
		sendMsg(c, message{kind: replyYes, file: srv.netns().File()})
		return
	case ask.kind != askFollow || !srv.leads():
		sendMsg(c, message{kind: replyNo})
		return
	}
	if err := sendMsg(c, message{kind: replyYes, segment: srv.netns().ID()}); err != nil {
		return
	}
	defer srv.followerGone()
	for { // until the follower ends
		ask, err = recvMsg(c)
		switch {
		case err != nil:
			return
		case ask.kind == askCheck:
			srv.endpointsGone()
		case ask.kind == askTrunk && ask.file != nil:
			srv.serveTrunk(c, ask)
			ask.file.Close()
			return
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
	free, err := flock.TryFile(f, flock.Shared)
	return !free && err == nil
}

// dialHolder connects to a holder; h.dir names the directory.
func (h *holder) dial(id string) (*net.UnixConn, error) {
	return dialSocket(h.dir, id+".sock")
}

func dialSocket(dir *os.File, name string) (*net.UnixConn, error) {
	path := fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), name)
	return net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: path, Net: "unixpacket"})
}

// askForNetns obtains the network's namespace from a live holder, the leader if it can be had, since a trunk is slower
// than its bridge; nil when there is none.
func askForNetns(dir string) (*netns.NS, error) {
	d, err := os.Open(filepath.Join(dir, "holders"))
	if err != nil {
		return nil, notFound(err)
	}
	defer d.Close()
	alive := liveHolders(dir)
	leader, _ := os.ReadFile(filepath.Join(dir, "gateway.lock"))
	slices.SortFunc(alive, func(a, b string) int { return cmp.Compare(btoi(b == string(leader)), btoi(a == string(leader))) })
	for _, id := range alive {
		c, err := dialSocket(d, id+".sock")
		if err != nil {
			continue // ended just now
		}
		if err = sendMsg(c, message{kind: askNetns}); err == nil {
			var reply message
			if reply, err = recvMsg(c); err == nil && reply.file != nil {
				c.Close()
				return netns.FromFile(reply.file)
			}
		}
		c.Close()
	}
	return nil, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// message is one packet on a holder's socket.
type message struct {
	kind    byte
	segment uint64
	file    *os.File
}

func sendMsg(c *net.UnixConn, m message) error {
	b := binary.LittleEndian.AppendUint64([]byte{m.kind}, m.segment)
	if m.file == nil {
		_, _, err := c.WriteMsgUnix(b, nil, nil)
		return err
	}
	raw, err := m.file.SyscallConn() // File.Fd would make the file block, for both sides
	if err != nil {
		return err
	}
	cerr := raw.Control(func(fd uintptr) { _, _, err = c.WriteMsgUnix(b, unix.UnixRights(int(fd)), nil) })
	return errors.Join(cerr, err)
}

func recvMsg(c *net.UnixConn) (m message, err error) {
	b, oob := make([]byte, 9), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := c.ReadMsgUnix(b, oob)
	if err != nil {
		return m, err
	}
	if n != len(b) {
		return m, io.ErrUnexpectedEOF
	}
	m.kind, m.segment = b[0], binary.LittleEndian.Uint64(b[1:])
	msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(msgs) == 0 {
		return m, err
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) == 0 {
		return m, err
	}
	m.file = os.NewFile(uintptr(fds[0]), "received")
	return m, nil
}
