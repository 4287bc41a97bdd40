//go:build linux

package publish

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/network/relay"
)

// tcpServer forwards one published TCP port.
type tcpServer struct {
	p    *Publication
	ln   *net.TCPListener
	port uint16
	wg   sync.WaitGroup

	mu     sync.Mutex
	conns  map[relay.Host]struct{}
	closed bool
}

func (s *tcpServer) serve() {
	for {
		c, err := s.ln.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors: wait for some to come back
			s.p.opts.Logger.Warn("accept on a published port", "port", s.ln.Addr(), "error", err)
			select {
			case <-s.p.ctx.Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
			continue
		}
		s.wg.Add(1)
		go func() {
			defer s.wg.Done()
			s.forward(relay.Host{TCPConn: c})
		}()
	}
}

// tcpDescriptors: the two sockets, and a pipe for each direction, which splice(2) needs.
const tcpDescriptors = 2 + 2*2

func (s *tcpServer) forward(client relay.Host) {
	done, ok := s.p.opts.Admit(tcpDescriptors)
	if !ok {
		client.Abort()
		return
	}
	defer done()
	if !s.track(client) {
		client.Abort()
		return
	}
	defer s.untrack(client)
	c, err := s.p.dial("tcp", s.port)
	if err != nil {
		client.Abort() // the nearest to "connection refused" that an accepted connection has
		return
	}
	server := relay.Host{TCPConn: c.(*net.TCPConn)}
	if !s.track(server) {
		client.Abort()
		server.Abort()
		return
	}
	defer s.untrack(server)
	relay.Streams(client, server)
}

func (s *tcpServer) track(c relay.Host) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *tcpServer) untrack(c relay.Host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *tcpServer) close() {
	s.ln.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.Abort()
	}
	s.mu.Unlock()
	s.wg.Wait()
}
