//go:build linux

package network

import (
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/waiter"
)

var errAgain error = unix.EAGAIN

func readNonblock(fd int, b []byte) (int, error) {
	for {
		n, err := unix.Read(fd, b)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// netstackStream is a connection of the gateway's stack, that is, of a container.
type netstackStream struct {
	*gonet.TCPConn
	ep tcpip.Endpoint
	wq *waiter.Queue
}

func newNetstackStream(ep tcpip.Endpoint, wq *waiter.Queue) netstackStream {
	// A container that vanishes says no goodbye; without this its idle connections would stay for ever.
	ep.SocketOptions().SetKeepAlive(true)
	idle := tcpip.KeepaliveIdleOption(60 * time.Second)
	interval := tcpip.KeepaliveIntervalOption(15 * time.Second)
	ep.SetSockOpt(&idle)
	ep.SetSockOpt(&interval)
	ep.SetSockOptInt(tcpip.KeepaliveCountOption, 4)
	ep.SocketOptions().SetDelayOption(false)
	return netstackStream{gonet.NewTCPConn(wq, ep), ep, wq}
}

// copyTo copies through a buffer. Handing dst to the stack's Read would save the copy, but Read holds the endpoint's
// lock meanwhile: with dst full, acknowledgements for the other direction would not be seen, and if that is what
// dst waits for, both stand still for ever.
func (s netstackStream) copyTo(dst stream) error {
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
func (s netstackStream) copySome(dst io.Writer) (end bool, err error) {
	buf := buffers.Get().(*[256 << 10]byte)
	defer buffers.Put(buf)
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

func (s netstackStream) abort() { s.ep.Abort() }
