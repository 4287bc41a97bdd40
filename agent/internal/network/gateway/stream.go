//go:build linux

package gateway

import (
	"context"
	"errors"
	"io"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/caisson-dev/caisson/agent/internal/network/relay"
)

// netstack is a connection of the gateway's stack, that is, of a container.
type netstack struct {
	*gonet.TCPConn
	ep   tcpip.Endpoint
	wq   *waiter.Queue
	bufs *relay.Pool
}

// sizes are how much memory a connection may take.
type sizes struct {
	stack int64 // of what the stack keeps in each direction; 0: its own choice
	relay *relay.Pool
}

// bufferSizes gives each connection of a container less memory the more the container has: one that opens thousands, and
// does not read what comes, must not fill the machine's.
func bufferSizes(held int) sizes {
	switch {
	case held <= 16:
		return sizes{0, relay.Large}
	case held <= 256:
		return sizes{256 << 10, relay.Medium}
	}
	return sizes{32 << 10, relay.Small}
}

func newNetstack(ep tcpip.Endpoint, wq *waiter.Queue, size sizes) netstack {
	if size.stack > 0 {
		ep.SocketOptions().SetReceiveBufferSize(size.stack, true)
		ep.SocketOptions().SetSendBufferSize(size.stack, true)
	}
	// A container that vanishes says no goodbye; without this its idle connections would stay for ever.
	ep.SocketOptions().SetKeepAlive(true)
	idle := tcpip.KeepaliveIdleOption(60 * time.Second)
	interval := tcpip.KeepaliveIntervalOption(15 * time.Second)
	ep.SetSockOpt(&idle)
	ep.SetSockOpt(&interval)
	ep.SetSockOptInt(tcpip.KeepaliveCountOption, 4)
	ep.SocketOptions().SetDelayOption(false)
	return netstack{gonet.NewTCPConn(wq, ep), ep, wq, size.relay}
}

// CopyTo copies through a buffer. Handing dst to the stack's Read would save the copy, but Read holds the endpoint's
// lock meanwhile: with dst full, acknowledgements for the other direction would not be seen, and if that is what
// dst waits for, both stand still for ever.
func (s netstack) CopyTo(dst relay.Stream) error {
	entry, readable := waiter.NewChannelEntry(waiter.ReadableEvents | waiter.EventHUp | waiter.EventErr)
	s.wq.EventRegister(&entry)
	defer s.wq.EventUnregister(&entry)
	for {
		end, err := s.copySome(dst)
		if end || err != nil {
			return err
		}
		<-readable
	}
}

// copySome copies what is there; a buffer is held only that long.
func (s netstack) copySome(dst io.Writer) (end bool, err error) {
	buf := s.bufs.Get()
	defer s.bufs.Put(buf)
	for {
		w := tcpip.SliceWriter(buf)
		res, terr := s.ep.Read(&w, tcpip.ReadOptions{})
		switch terr.(type) {
		case nil:
			if _, err := dst.Write(buf[:res.Count]); err != nil {
				return false, err
			}
		case *tcpip.ErrWouldBlock:
			return false, nil
		case *tcpip.ErrClosedForReceive:
			return true, nil
		default:
			return false, errors.New(terr.String())
		}
	}
}

func (s netstack) Abort() { s.ep.Abort() }

// closeTimeout is how long a container may take for the end of a connection that is over outside.
const closeTimeout = 30 * time.Second

// awaitEnd waits until the stack is done with a closed connection, which it keeps while the container has not
// acknowledged all, and resets the connection after closeTimeout.
func (s netstack) awaitEnd(ctx context.Context) {
	entry, changed := waiter.NewChannelEntry(waiter.EventHUp)
	s.wq.EventRegister(&entry)
	defer s.wq.EventUnregister(&entry)
	limit := time.NewTimer(closeTimeout)
	defer limit.Stop()
	for {
		switch tcp.EndpointState(s.ep.State()) {
		case tcp.StateClose, tcp.StateError, tcp.StateTimeWait:
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		case <-limit.C:
			s.ep.Abort()
			return
		}
	}
}
