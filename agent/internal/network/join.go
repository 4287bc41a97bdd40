//go:build linux

package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/network/gateway"
	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

// Network is a network this process has joined. Its methods are safe for concurrent use.
type Network struct {
	m      *Manager
	dir    string
	spec   plan.Spec
	state  *stateDir
	seg    *segment
	holder *holder
	log    *slog.Logger

	election *election

	mu     sync.Mutex
	refs   int
	gw     *gateway.Gateway         // while this process leads
	trunks map[uint64]chan struct{} // by segment
	closed bool
	done   chan struct{} // closed by close
}

// Join makes this process hold the network: the namespace is made when nobody has it, else obtained from a
// process that has. When it returns, gateway and DNS answer. Joining twice is counted. Errors: ErrNotFound.
func (m *Manager) Join(ctx context.Context, name string) (*Network, error) {
	dir, _, err := m.find(name)
	if err != nil {
		return nil, err
	}
	n, fresh, err := m.joinDir(dir)
	if err != nil {
		return nil, fmt.Errorf("join network %s: %w", name, err)
	}
	if err := n.election.wait(ctx); err != nil {
		if fresh {
			n.close()
		}
		return nil, fmt.Errorf("join network %s: %w", name, err)
	}
	return n, nil
}

func (m *Manager) joinDir(dir string) (n *Network, fresh bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := m.joined[dir]; n != nil {
		n.mu.Lock()
		n.refs++
		n.mu.Unlock()
		return n, false, nil
	}
	n = &Network{m: m, dir: dir, refs: 1, done: make(chan struct{}), trunks: map[uint64]chan struct{}{}}
	if n.state, err = openStateDir(dir); err != nil {
		return nil, false, err
	}
	err = n.state.update(func(r *plan.Record) error {
		dropDead(dir, r)
		r.Joined = true
		n.spec = r.Spec
		n.log = m.opts.Logger.With("network", r.Spec.Name)
		if err := n.openSegment(); err != nil {
			return err
		}
		n.holder, err = register(dir, n)
		return err
	})
	if err != nil {
		if n.seg != nil {
			n.seg.close()
		}
		n.state.close()
		return nil, false, err
	}
	m.joined[dir] = n
	n.election = startElection(n)
	return n, true, nil
}

// openSegment finds or makes the namespace; the network's lock is held, so nobody else makes one meanwhile.
func (n *Network) openSegment() error {
	ns, err := askForNetns(n.dir)
	if err != nil {
		return err
	}
	if ns != nil {
		n.seg, err = joinSegment(ns, n.spec.MTU)
		if err == nil {
			return nil
		}
		ns.Close()
		if !errors.Is(err, unix.EPERM) {
			return err
		}
		n.log.Debug("the network's namespace belongs to another user namespace: making a segment of it here")
	}
	n.seg, err = newSegment(n.spec.MTU)
	return err
}

// dropDead removes the endpoints of processes that have ended; the network's lock is held.
func dropDead(dir string, r *plan.Record) int {
	alive := liveHolders(dir)
	return r.Remove(func(e plan.EndpointRecord) bool { return !slices.Contains(alive, e.Holder) })
}

// plan.Info describes the network as it is now.
func (n *Network) Info() (plan.Info, error) {
	r, err := n.state.view()
	if err != nil {
		return plan.Info{}, err
	}
	return info(r, n.dir), nil
}

// plan.Spec is the network's description, with every choice made.
func (n *Network) Spec() plan.Spec { return n.spec }

// Leads reports whether this process runs the network's gateway.
func (n *Network) Leads() bool { return n.leads() }

// Leave undoes one Join. The last one forgets this process's endpoints and lets go of the namespace, which
// ends with its last holder.
func (n *Network) Leave() error {
	n.mu.Lock()
	n.refs--
	last := n.refs == 0
	n.mu.Unlock()
	if !last {
		return nil
	}
	return n.close()
}

func (n *Network) close() error {
	err := n.letGo()
	if n.spec.Transient {
		err = errors.Join(err, n.m.removeIfUnheld(n.dir))
	}
	return err
}

// letGo ends this process's part.
func (n *Network) letGo() error {
	n.m.mu.Lock()
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		n.m.mu.Unlock()
		return nil
	}
	n.closed = true
	close(n.done)
	n.mu.Unlock()
	delete(n.m.joined, n.dir)
	n.m.mu.Unlock()

	err := n.state.update(func(r *plan.Record) error {
		r.Remove(func(e plan.EndpointRecord) bool { return e.Holder == n.holder.id })
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		err = nil // removed meanwhile
	}
	n.election.stop()
	err = errors.Join(err, n.holder.close())
	n.seg.close()
	return errors.Join(err, n.state.close())
}

func (m *Manager) removeIfUnheld(dir string) error {
	if err := m.lock.lock(); err != nil {
		return err
	}
	defer m.lock.unlock()
	if len(liveHolders(dir)) > 0 {
		return nil
	}
	return errors.Join(os.RemoveAll(dir), m.lock.bump())
}

// The following serve other holders.

func (n *Network) netns() *netns.NS { return n.seg.ns }

func (n *Network) leads() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.gw != nil
}

// followerGone forgets the endpoints of a process that has ended. A process that ends closes its files one after the
// other, so its lock may be held still when its connection is not: look again.
func (n *Network) followerGone() {
	for _, pause := range []time.Duration{0, time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second} {
		select {
		case <-n.done:
			return
		case <-time.After(pause):
		}
		if n.forgetDead() {
			return
		}
	}
}

// forgetDead reports whether there was something to forget.
func (n *Network) forgetDead() bool {
	var gone []plan.EndpointRecord
	err := n.state.update(func(r *plan.Record) error {
		before := slices.Clone(r.Endpoints)
		if dropDead(n.dir, r) == 0 {
			return errUnchanged
		}
		for _, e := range before {
			if _, ok := r.Endpoint(e.ID); !ok {
				gone = append(gone, e)
			}
		}
		return nil
	})
	if err != nil && err != errUnchanged {
		n.log.Debug("forget a process that ended", "error", err)
	}
	for _, e := range gone {
		n.forget(e)
	}
	return len(gone) > 0
}

var errUnchanged = errors.New("unchanged")

// forget ends what the gateway does for an endpoint that is gone, here or in the process that leads.
func (n *Network) forget(e plan.EndpointRecord) {
	n.mu.Lock()
	gw := n.gw
	n.mu.Unlock()
	if gw != nil {
		gw.Drop(e.IPv4.Addr(), e.IPv6.Addr())
		return
	}
	n.election.tellLeader(message{kind: askCheck})
}

func (n *Network) endpointsGone() {
	n.mu.Lock()
	gw := n.gw
	n.mu.Unlock()
	r, err := n.state.view()
	if gw == nil || err != nil {
		return
	}
	gw.DropOthers(func(a netip.Addr) bool {
		return slices.ContainsFunc(r.Endpoints, func(e plan.EndpointRecord) bool { return e.IPv4.Addr() == a || e.IPv6.Addr() == a })
	})
}

func (n *Network) serveTrunk(conn *net.UnixConn, ask message) {
	if err := n.trunk(conn, ask.segment, ask.file); err != nil {
		n.log.Warn("a part of the network is cut off", "error", err)
	}
}
