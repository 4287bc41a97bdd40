//go:build linux

package engine

import (
	"net/http"
	"sync"
)

// requests counts requests that are being served, and can refuse new ones.
type requests struct {
	mu     sync.Mutex
	n      int
	seen   bool
	closed bool
	ch     chan struct{}

	released chan struct{} // closed when the agent has given its container back
}

func newRequests() *requests {
	return &requests{ch: make(chan struct{}), released: make(chan struct{})}
}

func (c *requests) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.add() {
			// As if the agent had gone a moment earlier: the other side looks for the manager again. Before the release it
			// would find this agent.
			<-c.released
			panic(http.ErrAbortHandler)
		}
		defer c.done()
		h.ServeHTTP(w, r)
	})
}

func (c *requests) add() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.n++
	c.seen = true
	return true
}

func (c *requests) done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n--
	close(c.ch)
	c.ch = make(chan struct{})
}

func (c *requests) changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ch
}

func (c *requests) zero() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n == 0
}

func (c *requests) any() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen
}

func (c *requests) close() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n > 0 {
		return false
	}
	c.closed = true
	return true
}
