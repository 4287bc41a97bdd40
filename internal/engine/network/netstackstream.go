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

// copyTo hands the stack's own buffers to dst, without a copy in between.
func (s netstackStream) copyTo(dst stream) error {
	entry, readable := waiter.NewChannelEntry(waiter.ReadableEvents | waiter.EventHUp | waiter.EventErr)
	s.wq.EventRegister(&entry)
	defer s.wq.EventUnregister(&entry)
	w := &stickyWriter{w: dst}
	for {
		_, err := s.ep.Read(w, tcpip.ReadOptions{})
		if w.err != nil {
			return w.err
		}
		switch err.(type) {
		case nil:
		case *tcpip.ErrWouldBlock:
			<-readable
		case *tcpip.ErrClosedForReceive:
			return nil
		default:
			return errors.New(err.String())
		}
	}
}

func (s netstackStream) abort() { s.ep.Abort() }

// stickyWriter keeps the error, which the stack replaces by its own.
type stickyWriter struct {
	w   io.Writer
	err error
}

func (w *stickyWriter) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	if err != nil {
		w.err = err
	}
	return n, err
}
