//go:build linux

package gateway

import (
	"encoding/binary"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/caisson-dev/caisson/agent/internal/network/packet"
)

// link is netstack's network card: a packet socket with 64 kB frames in both directions. Netstack's own fdbased
// endpoint is not used: made on a packet socket it leaks an event descriptor and goroutines with each one, and
// holds a thread in poll(2).
type link struct {
	file *os.File
	raw  syscall.RawConn
	mtu  uint32
	addr tcpip.LinkAddress
	// intercept sees every frame first; what it takes is not delivered.
	intercept func(frame []byte) bool

	dispatcher atomic.Pointer[stack.NetworkDispatcher]
	wg         sync.WaitGroup
}

var (
	_ stack.LinkEndpoint = (*link)(nil)
	_ stack.GSOEndpoint  = (*link)(nil)
)

// maxGSO is the largest frame sent in one piece; the header has to fit in 64 kB with it.
const maxGSO = 64<<10 - 256

// viewSizes: most frames fit in the first buffer, the others come in one piece of up to 64 kB.
var viewSizes = [...]int{2048, 64 << 10}

func newLink(file *os.File, mtu int, addr tcpip.LinkAddress, intercept func([]byte) bool) (*link, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &link{file: file, raw: raw, mtu: uint32(mtu), addr: addr, intercept: intercept}, nil
}

// Attach implements stack.LinkEndpoint.
func (l *link) Attach(d stack.NetworkDispatcher) {
	if d == nil {
		l.file.Close()
		l.wg.Wait()
		l.dispatcher.Store(nil)
		return
	}
	l.dispatcher.Store(&d)
	l.wg.Add(1)
	go func() {
		defer l.wg.Done()
		l.receive(d)
	}()
}

func (l *link) receive(d stack.NetworkDispatcher) {
	var hdr [packet.HeaderLen]byte
	var views [len(viewSizes)]*buffer.View
	defer func() {
		for _, v := range views {
			if v != nil {
				v.Release()
			}
		}
	}()
	for {
		bufs := [][]byte{hdr[:]}
		for i, size := range viewSizes {
			if views[i] == nil {
				views[i] = buffer.NewViewSize(size)
			}
			bufs = append(bufs, views[i].AsSlice())
		}
		var n int
		var rerr error
		err := l.raw.Read(func(fd uintptr) bool {
			n, rerr = unix.Readv(int(fd), bufs)
			return rerr != unix.EAGAIN
		})
		if err != nil {
			return // closed
		}
		if n -= packet.HeaderLen; rerr != nil || n < header.EthernetMinimumSize {
			continue // ENETDOWN and the like pass
		}
		if l.intercept(views[0].AsSlice()[:min(n, viewSizes[0])]) {
			continue
		}
		l.deliver(d, pull(&views, n))
	}
}

// pull takes the first n bytes out of views.
func pull(views *[len(viewSizes)]*buffer.View, n int) buffer.Buffer {
	var b buffer.Buffer
	for i, v := range views {
		if n == 0 {
			break
		}
		size := min(n, v.Size())
		v.CapLength(size)
		b.Append(v)
		views[i] = nil
		n -= size
	}
	return b
}

func (l *link) deliver(d stack.NetworkDispatcher, frame buffer.Buffer) {
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: frame})
	defer pkt.DecRef()
	eth, ok := pkt.LinkHeader().Consume(header.EthernetMinimumSize)
	if !ok {
		return
	}
	pkt.NetworkProtocolNumber = header.Ethernet(eth).Type()
	// Frames of this machine's kernel carry unfinished checksums.
	pkt.RXChecksumValidated = true
	d.DeliverNetworkPacket(pkt.NetworkProtocolNumber, pkt)
}

// WritePackets implements stack.LinkWriter. A frame that finds the socket's buffer full is dropped, as on any
// network card.
func (l *link) WritePackets(pkts stack.PacketBufferList) (int, tcpip.Error) {
	n := 0
	err := l.raw.Control(func(fd uintptr) {
		for _, pkt := range pkts.AsSlice() {
			writeFrame(int(fd), pkt)
			n++
		}
	})
	if err != nil {
		return n, &tcpip.ErrClosedForSend{}
	}
	return n, nil
}

func writeFrame(fd int, pkt *stack.PacketBuffer) {
	var hdr [packet.HeaderLen]byte
	gso := pkt.GSOOptions
	if gso.Type != stack.GSONone {
		binary.NativeEndian.PutUint16(hdr[2:], uint16(pkt.HeaderSize()))
		if gso.NeedsCsum {
			hdr[0] = unix.VIRTIO_NET_HDR_F_NEEDS_CSUM
			binary.NativeEndian.PutUint16(hdr[6:], header.EthernetMinimumSize+gso.L3HdrLen)
			binary.NativeEndian.PutUint16(hdr[8:], gso.CsumOffset)
		}
		if pkt.Data().Size() > int(gso.MSS) {
			hdr[1] = unix.VIRTIO_NET_HDR_GSO_TCPV4
			if gso.Type == stack.GSOTCPv6 {
				hdr[1] = unix.VIRTIO_NET_HDR_GSO_TCPV6
			}
			binary.NativeEndian.PutUint16(hdr[4:], gso.MSS)
		}
	}
	var space [16][]byte
	bufs := append(space[:0], hdr[:])
	bufs = append(bufs, pkt.AsSlices()...)
	for {
		if _, err := unix.Writev(fd, bufs); err != unix.EINTR {
			return
		}
	}
}

// send writes a whole frame made elsewhere.
func (l *link) send(frame []byte) {
	var hdr [packet.HeaderLen]byte
	l.raw.Control(func(fd uintptr) { unix.Writev(int(fd), [][]byte{hdr[:], frame}) })
}

// AddHeader implements stack.LinkEndpoint.
func (l *link) AddHeader(pkt *stack.PacketBuffer) {
	header.Ethernet(pkt.LinkHeader().Push(header.EthernetMinimumSize)).Encode(&header.EthernetFields{
		SrcAddr: pkt.EgressRoute.LocalLinkAddress,
		DstAddr: pkt.EgressRoute.RemoteLinkAddress,
		Type:    pkt.NetworkProtocolNumber,
	})
}

// ParseHeader implements stack.LinkEndpoint.
func (l *link) ParseHeader(pkt *stack.PacketBuffer) bool {
	_, ok := pkt.LinkHeader().Consume(header.EthernetMinimumSize)
	return ok
}

// Capabilities implements stack.LinkEndpoint. No CapabilityTXChecksumOffload: it would leave out the checksums of
// small packets too, which carry no request to the kernel to add them, and every connection would time out.
func (l *link) Capabilities() stack.LinkEndpointCapabilities {
	return stack.CapabilityResolutionRequired | stack.CapabilityRXChecksumOffload
}

// GSOMaxSize implements stack.GSOEndpoint.
func (l *link) GSOMaxSize() uint32 { return maxGSO }

// SupportedGSO implements stack.GSOEndpoint.
func (l *link) SupportedGSO() stack.SupportedGSO { return stack.HostGSOSupported }

// The rest of stack.LinkEndpoint says what is fixed.

func (l *link) MTU() uint32                             { return l.mtu }
func (l *link) SetMTU(uint32)                           {}
func (l *link) MaxHeaderLength() uint16                 { return header.EthernetMinimumSize }
func (l *link) LinkAddress() tcpip.LinkAddress          { return l.addr }
func (l *link) SetLinkAddress(tcpip.LinkAddress)        {}
func (l *link) IsAttached() bool                        { return l.dispatcher.Load() != nil }
func (l *link) Wait()                                   { l.wg.Wait() }
func (l *link) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareEther }
func (l *link) Close()                                  {}
func (l *link) SetOnCloseAction(func())                 {}
