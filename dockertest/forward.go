package dockertest

import (
	"context"
	"io"
	"net"
	"sync"
)

// forward publishes a port by this process.
type forward struct {
	ln net.Listener

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
}

// forward returns the port's forward; f.mu is held.
func (f *Fixture) forward(port uint16) (*forward, error) {
	if fw := f.forwards[port]; fw != nil {
		return fw, nil
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	fw := &forward{ln: ln, conns: map[net.Conn]struct{}{}}
	if f.forwards == nil {
		f.forwards = map[uint16]*forward{}
	}
	f.forwards[port] = fw
	go fw.serve(func(ctx context.Context) (net.Conn, error) { return f.dialPort(ctx, port) })
	return fw, nil
}

func (f *Fixture) closeForwards() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fw := range f.forwards {
		fw.close()
	}
}

func (f *forward) serve(dial func(context.Context) (net.Conn, error)) {
	for {
		in, err := f.ln.Accept()
		if err != nil {
			return // closed
		}
		go func() {
			defer in.Close()
			ctx, cancel := context.WithTimeout(context.Background(), opTimeout)
			out, err := dial(ctx)
			cancel()
			if err != nil {
				return // the client sees its connection end, as with a published port where nothing listens
			}
			defer out.Close()
			if f.track(in, out) {
				defer f.untrack(in, out)
				relay(in, out)
			}
		}()
	}
}

// relay copies both ways, and passes the end of one way on before the other has ended.
func relay(a, b net.Conn) {
	var wg sync.WaitGroup
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		wg.Go(func() {
			_, err := io.Copy(way[0], way[1])
			if tc, ok := way[0].(*net.TCPConn); ok && err == nil {
				err = tc.CloseWrite()
			}
			if err != nil { // broken: both ends shall know
				a.Close()
				b.Close()
			}
		})
	}
	wg.Wait()
}

func (f *forward) track(conns ...net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range conns {
		f.conns[c] = struct{}{}
	}
	return !f.closed
}

func (f *forward) untrack(conns ...net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range conns {
		delete(f.conns, c)
	}
}

func (f *forward) close() {
	f.ln.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for c := range f.conns {
		c.Close()
	}
}
