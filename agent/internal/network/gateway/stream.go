//go:build linux

package gateway

import (
	"errors"
	"io"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/caisson-dev/caisson/agent/internal/network/relay"
)

// netstack is a connection of the gateway's stack, that is, of a container.
type netstack struct {
	*gonet.TCPConn
	ep tcpip.Endpoint
	wq *waiter.Queue
}

func newNetstack(ep tcpip.Endpoint, wq *waiter.Queue) netstack {
	// A container that vanishes says no goodbye; without this its idle connections would stay for ever.
	ep.SocketOptions().SetKeepAlive(true)
	idle := tcpip.KeepaliveIdleOption(60 * time.Second)
	interval := tcpip.KeepaliveIntervalOption(15 * time.Second)
	ep.SetSockOpt(&idle)
	ep.SetSockOpt(&interval)
	ep.SetSockOptInt(tcpip.KeepaliveCountOption, 4)
	ep.SocketOptions().SetDelayOption(false)
	return netstack{gonet.NewTCPConn(wq, ep), ep, wq}
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
	buf := relay.Buffers.Get().(*[256 << 10]byte)
	defer relay.Buffers.Put(buf)
	for {
		w := tcpip.SliceWriter(buf[:])
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
