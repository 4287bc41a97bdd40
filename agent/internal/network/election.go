//go:build linux

package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/network/gateway"
	"github.com/caisson-dev/caisson/internal/flock"
)

// election decides, for as long as this process holds the network, who runs the gateway: whoever has
// gateway.lock. The others keep a connection to the leader; when that ends, they try the lock again.
type election struct {
	n    *Network
	lock *os.File
	done chan struct{}
	wg   sync.WaitGroup

	settled chan struct{} // closed once somebody leads and, if it is another, we follow
	once    sync.Once
	err     error // why it could not be settled

	mu        sync.Mutex
	conn      *net.UnixConn // to the leader
	following bool          // the leader has agreed
}

var errNotLeading = errors.New("that process does not lead")

func startElection(n *Network) *election {
	e := &election{n: n, done: make(chan struct{}), settled: make(chan struct{})}
	e.wg.Add(1)
	go func() {
		defer e.wg.Done()
		if err := e.run(); err != nil {
			e.settle(err)
		}
	}()
	return e
}

func (e *election) wait(ctx context.Context) error {
	select {
	case <-e.settled:
		return e.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *election) settle(err error) {
	e.once.Do(func() {
		e.err = err
		close(e.settled)
	})
}

func (e *election) run() (err error) {
	e.lock, err = os.OpenFile(filepath.Join(e.n.dir, "gateway.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return notFound(err)
	}
	defer e.lock.Close()
	const firstPause, longestPause = time.Millisecond, 50 * time.Millisecond
	pause := firstPause
	for {
		won, err := flock.TryFile(e.lock, flock.Exclusive)
		switch {
		case err != nil:
			return err
		case won:
			if err = e.lead(); err == nil || !e.isSettled() {
				return err
			}
			e.n.log.Error("the network has no gateway: will try again", "error", err)
			pause = time.Second // for another process to try
		case e.follow():
			pause = firstPause // the leader ended: hurry
		}
		// Nobody to follow: the new leader has not said yet that it is one.
		select {
		case <-e.done:
			return nil
		case <-time.After(pause):
			pause = min(2*pause, longestPause)
		}
	}
}

func (e *election) isSettled() bool {
	select {
	case <-e.settled:
		return true
	default:
		return false
	}
}

// lead runs the gateway until stop. A process whose gateway fails gives the lead up.
func (e *election) lead() error {
	defer flock.UnlockFile(e.lock)
	gw, err := e.n.startGateway()
	if err != nil {
		return fmt.Errorf("start the gateway: %w", err)
	}
	id := []byte(e.n.holder.id)
	if _, err := e.lock.WriteAt(id, 0); err != nil {
		gw.Close()
		return err
	}
	e.n.setGateway(gw)
	e.n.log.Debug("this process runs the gateway")
	e.settle(nil)
	// Whoever died while nobody led has left its endpoints behind.
	e.n.forgetDead()
	<-e.done
	e.n.setGateway(nil)
	gw.Close()
	return nil
}

// follow stays with the leader until it ends and reports whether there was one.
func (e *election) follow() bool {
	id := make([]byte, len(e.n.holder.id))
	if _, err := e.lock.ReadAt(id, 0); err != nil {
		return false
	}
	conn, err := e.n.holder.dial(string(id))
	if err != nil {
		return false
	}
	defer conn.Close()
	if !e.setConn(conn) {
		return false
	}
	defer e.setConn(nil)
	if err := e.n.askLeader(conn); err != nil {
		e.n.log.Debug("follow the leader", "error", err)
		return false
	}
	e.settle(nil)
	e.setFollowing(true)
	defer e.setFollowing(false)
	recvMsg(conn) // returns when the leader ends, or when stop closes conn
	return true
}

func (e *election) setConn(c *net.UnixConn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.conn = c
	select {
	case <-e.done:
		return false
	default:
		return true
	}
}

func (e *election) setFollowing(f bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.following = f
}

// tellLeader sends a message, if there is a leader now.
func (e *election) tellLeader(m message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.following {
		sendMsg(e.conn, m)
	}
}

// stop ends leading or following; must be called once.
func (e *election) stop() {
	close(e.done)
	e.mu.Lock()
	if e.conn != nil {
		e.conn.Close()
	}
	e.mu.Unlock()
	e.wg.Wait()
}

func (n *Network) setGateway(gw *gateway.Gateway) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gw = gw
}
