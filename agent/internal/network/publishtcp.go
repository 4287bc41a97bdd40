//go:build linux

package network

import (
	"errors"
	"net"
	"sync"
	"time"
)

// tcpServer forwards one published TCP port.
type tcpServer struct {
	p    *Publication
	ln   *net.TCPListener
	port uint16
	wg   sync.WaitGroup

	mu     sync.Mutex
	conns  map[hostStream]struct{}
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
			s.forward(hostStream{c})
		}()
	}
}

func (s *tcpServer) forward(client hostStream) {
	if !s.track(client) {
		client.abort()
		return
	}
	defer s.untrack(client)
	c, err := s.p.dial("tcp", s.port)
	if err != nil {
		client.abort() // the nearest to "connection refused" that an accepted connection has
		return
	}
	server := hostStream{c.(*net.TCPConn)}
	if !s.track(server) {
		client.abort()
		server.abort()
		return
	}
	defer s.untrack(server)
	relay(client, server)
}

func (s *tcpServer) track(c hostStream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *tcpServer) untrack(c hostStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *tcpServer) close() {
	s.ln.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.abort()
	}
	s.mu.Unlock()
	s.wg.Wait()
}
