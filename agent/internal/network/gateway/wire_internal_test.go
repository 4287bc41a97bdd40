//go:build linux

package gateway

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"

	gwdns "github.com/caisson-dev/caisson/agent/internal/network/dns"
	"github.com/caisson-dev/caisson/agent/internal/network/packet"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/agent/internal/network/share"
)

// wire is a gateway on a pair of sockets instead of a network: what a container would send is written here.
type wire struct {
	t   *testing.T
	gw  *Gateway
	far *os.File
}

var client = netip.MustParseAddr("10.0.1.9")

func newWire(t *testing.T, spec plan.Spec, size share.Amount) wire {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	far := os.NewFile(uintptr(fds[1]), "container")
	t.Cleanup(func() { far.Close() })
	ep := plan.EndpointRecord{EndpointInfo: plan.EndpointInfo{ID: "e", Container: "c", Name: "box", IPv4: netip.PrefixFrom(client, 24)}}
	record := &plan.Record{Spec: spec, Endpoints: []plan.EndpointRecord{ep}}
	gw, err := Start(os.NewFile(uintptr(fds[0]), "gateway"), Config{
		Spec: spec, Owns: spec.Contains, Endpoint: record.At, Shares: share.New(size), Logger: slog.New(slog.DiscardHandler),
		DNS: gwdns.Config{
			Records:   func() (*plan.Record, []*plan.Record) { return record, []*plan.Record{record} },
			Resolvers: func() []netip.AddrPort { return nil },
		},
	})
	require.NoError(t, err)
	t.Cleanup(gw.Close)
	return wire{t, gw, far}
}

func (w wire) send(f []byte) {
	w.t.Helper()
	_, err := w.far.Write(append(make([]byte, packet.HeaderLen), f...))
	require.NoError(w.t, err)
}

// hear returns the first frame that is wanted.
func (w wire) hear(what string, wanted func(f []byte) bool) []byte {
	w.t.Helper()
	require.NoError(w.t, w.far.SetReadDeadline(time.Now().Add(30*time.Second)))
	buf := make([]byte, 64<<10)
	for {
		n, err := w.far.Read(buf)
		require.NoError(w.t, err, "no %s", what)
		require.GreaterOrEqual(w.t, n, packet.HeaderLen+header.EthernetMinimumSize)
		if f := buf[packet.HeaderLen:n]; wanted(f) {
			return f
		}
	}
}

// ip4 is a packet of the container's.
func (w wire) ip4(proto tcpip.TransportProtocolNumber, dst string, body []byte) []byte {
	ip := make(header.IPv4, header.IPv4MinimumSize)
	ip.Encode(&header.IPv4Fields{
		TotalLength: uint16(len(ip) + len(body)), TTL: 64, Protocol: uint8(proto), SrcAddr: toTCPIP(client), DstAddr: toTCPIP(netip.MustParseAddr(dst)),
	})
	ip.SetChecksum(^ip.CalculateChecksum())
	f := frame(plan.MAC(w.gw.spec.Gateway4), 0x0800, append(ip, body...))
	copy(f[6:12], otherMAC)
	return f
}

func (w wire) syn(dst string, srcPort, dstPort uint16) []byte {
	h := make(header.TCP, header.TCPMinimumSize)
	h.Encode(&header.TCPFields{SrcPort: srcPort, DstPort: dstPort, SeqNum: 1, DataOffset: header.TCPMinimumSize, Flags: header.TCPFlagSyn, WindowSize: 65535})
	return w.ip4(header.TCPProtocolNumber, dst, h)
}

func (w wire) datagram(dst string, srcPort, dstPort uint16, data []byte) []byte {
	h := make(header.UDP, header.UDPMinimumSize)
	h.Encode(&header.UDPFields{SrcPort: srcPort, DstPort: dstPort, Length: uint16(len(h) + len(data))})
	return w.ip4(header.UDPProtocolNumber, dst, append(h, data...))
}

func (w wire) ping(dst string, data string) []byte {
	h := make(header.ICMPv4, header.ICMPv4MinimumSize)
	h.SetType(header.ICMPv4Echo)
	h.SetIdent(7)
	h.SetSequence(1)
	h = append(h, data...)
	h.SetChecksum(^checksum.Checksum(h, 0))
	return w.ip4(header.ICMPv4ProtocolNumber, dst, h)
}

// inner is what IPv4 carries in a frame, if that is of the protocol.
func inner(f []byte, proto tcpip.TransportProtocolNumber) ([]byte, bool) {
	if header.Ethernet(f).Type() != header.IPv4ProtocolNumber {
		return nil, false
	}
	ip := header.IPv4(f[header.EthernetMinimumSize:])
	return ip.Payload(), ip.TransportProtocol() == proto
}

// resolve lets the gateway know where the container is: it answers no one whose hardware address it doesn't know.
func (w wire) resolve() {
	w.send(frame(broadcastMAC, 0x0806, arpFor("10.0.1.1")))
	w.hear("answer to ARP", func(f []byte) bool {
		a := header.ARP(f[header.EthernetMinimumSize:])
		return header.Ethernet(f).Type() == header.ARPProtocolNumber && a.Op() == header.ARPReply
	})
}

var plenty = share.Amount{100, 100, 100, 100}

func TestAnnounce(t *testing.T) {
	t.Parallel()
	w := newWire(t, testSpec, plenty)
	f := w.hear("announcement", func([]byte) bool { return true })
	a := header.ARP(f[header.EthernetMinimumSize:])
	assert.Equal(t, tcpip.LinkAddress(broadcastMAC), header.Ethernet(f).DestinationAddress())
	assert.Equal(t, []byte{10, 0, 1, 1}, a.ProtocolAddressSender())
	assert.Equal(t, []byte(plan.MAC(testSpec.Gateway4)), a.HardwareAddressSender())
}

// TestRefusals: what the rules forbid is answered as a router answers it.
func TestRefusals(t *testing.T) {
	t.Parallel()
	internal := testSpec
	internal.Internal = true
	w := newWire(t, internal, plenty)
	w.resolve()
	for _, dst := range []string{"9.9.9.9", "169.254.1.2", "10.0.1.77"} {
		w.send(w.syn(dst, 4000, 80))
		f := w.hear("reset from "+dst, func(f []byte) bool { _, ok := inner(f, header.TCPProtocolNumber); return ok })
		b, _ := inner(f, header.TCPProtocolNumber)
		assert.True(t, header.TCP(b).Flags().Contains(header.TCPFlagRst), dst)
		assert.Equal(t, dst, fromTCPIP(header.IPv4(f[header.EthernetMinimumSize:]).SourceAddress()).String())

		w.send(w.datagram(dst, 4000, 53, []byte("x")))
		f = w.hear("rejection from "+dst, func(f []byte) bool { _, ok := inner(f, header.ICMPv4ProtocolNumber); return ok })
		b, _ = inner(f, header.ICMPv4ProtocolNumber)
		assert.Equal(t, header.ICMPv4DstUnreachable, header.ICMPv4(b).Type(), dst)
		assert.Equal(t, header.ICMPv4AdminProhibited, header.ICMPv4(b).Code(), dst)
	}
	require.Eventually(t, func() bool { return w.gw.cfg.Shares.Held("app", "c") == share.Amount{} }, 10*time.Second, time.Millisecond)
	n := 0
	w.gw.attempts.Range(func(any, any) bool { n++; return true })
	assert.Zero(t, n, "nothing is remembered of what was refused")
}

// TestGatewayAnswers: its own address pings and has a name server.
func TestGatewayAnswers(t *testing.T) {
	t.Parallel()
	w := newWire(t, testSpec, plenty)
	w.resolve()
	w.send(w.ping("10.0.1.1", "hello"))
	f := w.hear("pong", func(f []byte) bool { _, ok := inner(f, header.ICMPv4ProtocolNumber); return ok })
	b, _ := inner(f, header.ICMPv4ProtocolNumber)
	assert.Equal(t, header.ICMPv4EchoReply, header.ICMPv4(b).Type())
	assert.Equal(t, "hello", string(b[header.ICMPv4MinimumSize:]))

	q, err := new(dns.Msg).SetQuestion("box.", dns.TypeA).Pack()
	require.NoError(t, err)
	w.send(w.datagram("10.0.1.1", 4000, 53, q))
	f = w.hear("answer", func(f []byte) bool { _, ok := inner(f, header.UDPProtocolNumber); return ok })
	b, _ = inner(f, header.UDPProtocolNumber)
	m := new(dns.Msg)
	require.NoError(t, m.Unpack(header.UDP(b).Payload()))
	require.Len(t, m.Answer, 1)
	assert.Equal(t, client.String(), m.Answer[0].(*dns.A).A.String())
}

// TestDropped: a container that has no share left hears nothing, and what it had under way ends when it is gone.
func TestDropped(t *testing.T) {
	t.Parallel()
	w := newWire(t, testSpec, share.Amount{9, 9, 9, 9})
	w.gw.rules.owns = func(netip.Addr) bool { return false }
	silent := listenFull(t)
	w.gw.rules.host = func() []netip.Addr { return []netip.Addr{silent.Addr()} }
	w.resolve()
	for port := range uint16(9) {
		w.send(w.syn("169.254.1.2", 4000+port, silent.Port()))
		w.send(w.syn("169.254.1.2", 4000+port, silent.Port())) // again, as kernels do
	}
	pending := func() int { return w.gw.cfg.Shares.Held("app", "c")[share.Pending] }
	require.Eventually(t, func() bool { return pending() == 3 }, 10*time.Second, time.Millisecond)
	w.send(w.ping("10.0.1.1", "x")) // the gateway is past what was sent before
	w.hear("pong", func(f []byte) bool { _, ok := inner(f, header.ICMPv4ProtocolNumber); return ok })
	assert.Equal(t, 3, pending(), "a third, as nobody else wants any")
	w.gw.Drop(client)
	assert.Zero(t, pending())
	require.Eventually(t, func() bool {
		w.gw.mu.Lock()
		defer w.gw.mu.Unlock()
		return len(w.gw.flows) == 0
	}, 10*time.Second, time.Millisecond)
}

// listenFull is a port whose queue is full: it answers nobody.
func listenFull(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, unix.Listen(fd, 0))
	sa, err := unix.Getsockname(fd)
	require.NoError(t, err)
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(sa.(*unix.SockaddrInet4).Port))
	for {
		c, err := net.DialTimeout("tcp", at.String(), 200*time.Millisecond)
		if err != nil {
			return at
		}
		t.Cleanup(func() { c.Close() })
	}
}

// TestMalformed: frames that are cut off or lie about their length harm nothing.
func TestMalformed(t *testing.T) {
	t.Parallel()
	w := newWire(t, testSpec, plenty)
	w.resolve()
	for _, whole := range [][]byte{w.syn("9.9.9.9", 1, 1), w.datagram("9.9.9.9", 1, 1, []byte("x")), w.ping("9.9.9.9", "x"), frame(plan.MAC(testSpec.Gateway4), 0x86dd, solicitationFor("fd01::1", 128))} {
		for n := range len(whole) - 1 {
			w.send(whole[:n])
		}
	}
	for _, at := range []int{14, 16, 17, 20, 23, 46} { // version, lengths, fragments, protocol, offset of TCP
		for _, v := range []byte{0, 0x0f, 0xff} {
			f := w.ping("9.9.9.9", "xyz")
			if at == 46 {
				f = w.syn("9.9.9.9", 1, 1)
			}
			f[at] = v
			w.send(f)
		}
	}
	w.send(w.ping("10.0.1.1", "still there"))
	w.hear("pong", func(f []byte) bool {
		b, ok := inner(f, header.ICMPv4ProtocolNumber)
		return ok && header.ICMPv4(b).Type() == header.ICMPv4EchoReply
	})
}

// FuzzEcho: whatever a container sends as a ping, the answer to it is made without a fault.
func FuzzEcho(f *testing.F) {
	w := wire{gw: &Gateway{spec: testSpec}}
	whole := w.ping("9.9.9.9", "xyz")
	short := append([]byte{}, whole...)
	short[16], short[17] = 0, 0 // its total length
	for _, seed := range [][]byte{
		whole, short, whole[:20], w.ping("10.0.1.1", "x"), frame(plan.MAC(testSpec.Gateway4), 0x86dd, solicitationFor("fd02::1", 128)), nil,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ours, whole := parseEcho(b, testSpec)
		if !whole {
			return
		}
		if !ours || r.dst == testSpec.Gateway4 || r.dst == testSpec.Gateway6 || len(r.frame) > len(b) {
			t.Fatalf("%+v", r)
		}
		echoReply(r.frame, r.off, r.frame[r.off+8:])
	})
}

func TestEchoReply(t *testing.T) {
	t.Parallel()
	w := wire{gw: &Gateway{spec: testSpec}}
	f := echoReply(w.ping("9.9.9.9", "question"), header.EthernetMinimumSize+header.IPv4MinimumSize, []byte("an answer"))
	eth, ip := header.Ethernet(f), header.IPv4(f[header.EthernetMinimumSize:])
	assert.Equal(t, tcpip.LinkAddress(otherMAC), eth.DestinationAddress())
	assert.Equal(t, tcpip.LinkAddress(plan.MAC(testSpec.Gateway4)), eth.SourceAddress())
	assert.Equal(t, "9.9.9.9 10.0.1.9", fmt.Sprint(fromTCPIP(ip.SourceAddress()), fromTCPIP(ip.DestinationAddress())))
	assert.True(t, ip.IsChecksumValid())
	msg := header.ICMPv4(ip.Payload())
	assert.Equal(t, header.ICMPv4EchoReply, msg.Type())
	assert.Equal(t, uint16(7), msg.Ident())
	assert.Equal(t, "an answer", string(msg[header.ICMPv4MinimumSize:]))
	assert.Equal(t, uint16(0xffff), checksum.Checksum(msg, 0), "its checksum")
}
