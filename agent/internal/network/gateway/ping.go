//go:build linux

package gateway

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/net/icmp"
	xipv4 "golang.org/x/net/ipv4"
	xipv6 "golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"

	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/agent/internal/network/share"
)

// pinger carries echo requests to the outside. The stack would answer them itself, for any address at all, so
// they are taken before they reach it.
type pinger struct {
	g    *Gateway
	warn sync.Once
}

const pingTimeout = 10 * time.Second

func newPinger(g *Gateway) *pinger { return &pinger{g: g} }

// echoRequest is a ping, with the frame that it came in.
type echoRequest struct {
	frame    []byte
	off      int // where its message begins
	src, dst netip.Addr
}

// intercept takes ICMP that is for the outside. The gateway's own addresses the stack may answer for.
func (p *pinger) intercept(frame []byte) bool {
	r, ours, whole := parseEcho(frame, p.g.spec)
	if whole {
		p.echo(r)
	}
	return ours
}

// parseEcho reads what a container sent, which may say anything. ours means that the stack must not see the frame, and
// whole that it is a ping.
func parseEcho(frame []byte, spec plan.Spec) (r echoRequest, ours, whole bool) {
	const eth = header.EthernetMinimumSize
	if len(frame) < eth {
		return r, false, false
	}
	end, body := 0, frame[eth:]
	switch kind := header.Ethernet(frame).Type(); {
	case kind == header.IPv4ProtocolNumber && len(body) >= header.IPv4MinimumSize && body[9] == byte(header.ICMPv4ProtocolNumber):
		ip := header.IPv4(body)
		r.src, r.dst = fromTCPIP(ip.SourceAddress()), fromTCPIP(ip.DestinationAddress())
		if r.dst == spec.Gateway4 {
			return r, false, false
		}
		r.off, end = eth+int(ip.HeaderLength()), eth+int(ip.TotalLength())
		if r.off < eth+header.IPv4MinimumSize || ip.More() || ip.FragmentOffset() != 0 {
			return r, true, false
		}
	case kind == header.IPv6ProtocolNumber && len(body) >= header.IPv6MinimumSize+header.ICMPv6MinimumSize && body[6] == byte(header.ICMPv6ProtocolNumber):
		ip := header.IPv6(body)
		r.src, r.dst = fromTCPIP(ip.SourceAddress()), fromTCPIP(ip.DestinationAddress())
		r.off, end = eth+header.IPv6MinimumSize, eth+header.IPv6MinimumSize+int(ip.PayloadLength())
		if header.ICMPv6(frame[r.off:]).Type() != header.ICMPv6EchoRequest || r.dst == spec.Gateway6 {
			return r, false, false
		}
	default:
		return r, false, false
	}
	if end > len(frame) || end < r.off+header.ICMPv4MinimumSize { // both families' messages begin with eight bytes
		return r, true, false
	}
	r.frame = frame[:end]
	return r, true, r.dst.Is6() || header.ICMPv4(frame[r.off:]).Type() == header.ICMPv4Echo
}

// echo sends the request on and answers when the outside does.
func (p *pinger) echo(r echoRequest) {
	to, err := p.g.rules.ping(r.dst)
	if err != nil {
		return
	}
	lease := p.g.take(r.src, share.Amount{share.Descriptors: 1, share.Pending: 1})
	if lease == nil || !p.g.begin() {
		lease.Release()
		return // lost, as far as the container can tell
	}
	r.frame = append([]byte(nil), r.frame...)
	ctx, cancel := context.WithTimeout(p.g.ctx, pingTimeout)
	f := &question{cancel}
	go func() {
		defer p.g.wg.Done()
		defer cancel()
		defer lease.Release()
		if !p.g.track(r.src, f) {
			return
		}
		defer p.g.untrack(r.src, f)
		echo := r.frame[r.off:]
		id, seq := binary.BigEndian.Uint16(echo[4:]), binary.BigEndian.Uint16(echo[6:])
		data, err := p.exchange(ctx, to, int(id), int(seq), echo[8:])
		if err != nil {
			return // lost, as far as the container can tell
		}
		p.g.link.send(echoReply(r.frame, r.off, data))
	}()
}

// question is a ping that waits for its answer, as a flow.
type question struct{ abandon context.CancelFunc }

func (q *question) abort() { q.abandon() }

func (p *pinger) exchange(ctx context.Context, dst netip.Addr, id, seq int, data []byte) ([]byte, error) {
	conn, raw, err := openPing(dst)
	if err != nil {
		p.warn.Do(func() {
			p.g.cfg.Logger.Warn("containers cannot ping the outside: widen net.ipv4.ping_group_range", "error", err)
		})
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	proto, kind := 1, icmp.Type(xipv4.ICMPTypeEcho)
	if dst.Is6() {
		proto, kind = 58, xipv6.ICMPTypeEchoRequest
	}
	var to net.Addr = &net.UDPAddr{IP: dst.AsSlice()}
	if raw {
		id = rand.IntN(1 << 16) // all pings of the host arrive at a raw socket
		to = &net.IPAddr{IP: dst.AsSlice()}
	}
	msg, err := (&icmp.Message{Type: kind, Body: &icmp.Echo{ID: id, Seq: seq, Data: data}}).Marshal(nil)
	if err != nil {
		return nil, err
	}
	if _, err := conn.WriteTo(msg, to); err != nil {
		return nil, err
	}
	buf := make([]byte, 64<<10)
	for {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			return nil, err
		}
		m, err := icmp.ParseMessage(proto, buf[:n])
		if err != nil || m.Type != xipv4.ICMPTypeEchoReply && m.Type != xipv6.ICMPTypeEchoReply {
			continue
		}
		if e, ok := m.Body.(*icmp.Echo); ok && e.Seq == seq && (!raw || e.ID == id) {
			return e.Data, nil
		}
	}
}

// openPing prefers the socket that needs no privilege but a group in net.ipv4.ping_group_range; the machine's root
// has a raw one.
func openPing(dst netip.Addr) (conn *icmp.PacketConn, raw bool, err error) {
	unprivileged, privileged, any := "udp4", "ip4:icmp", "0.0.0.0"
	if dst.Is6() {
		unprivileged, privileged, any = "udp6", "ip6:ipv6-icmp", "::"
	}
	if conn, err = icmp.ListenPacket(unprivileged, any); err == nil {
		return conn, false, nil
	}
	if os.Geteuid() == 0 {
		if conn, rerr := icmp.ListenPacket(privileged, any); rerr == nil {
			return conn, true, nil
		}
	}
	return nil, false, err
}

// echoReply turns the request's frame into the answer.
func echoReply(frame []byte, off int, data []byte) []byte {
	f := append(append([]byte(nil), frame[:off+8]...), data...)
	copy(f[0:6], frame[6:12])
	copy(f[6:12], frame[0:6])
	body, msg := f[header.EthernetMinimumSize:], f[off:]
	binary.BigEndian.PutUint16(msg[2:], 0)
	if binary.BigEndian.Uint16(f[12:]) == unix.ETH_P_IP {
		ip := header.IPv4(body)
		src, dst := ip.SourceAddress(), ip.DestinationAddress()
		ip.SetSourceAddress(dst)
		ip.SetDestinationAddress(src)
		ip.SetTotalLength(uint16(len(body)))
		ip.SetTTL(64)
		ip.SetChecksum(0)
		ip.SetChecksum(^ip.CalculateChecksum())
		msg[0] = byte(header.ICMPv4EchoReply)
		binary.BigEndian.PutUint16(msg[2:], ^checksum.Checksum(msg, 0))
		return f
	}
	ip := header.IPv6(body)
	src, dst := ip.SourceAddress(), ip.DestinationAddress()
	ip.SetSourceAddress(dst)
	ip.SetDestinationAddress(src)
	ip.SetPayloadLength(uint16(len(msg)))
	ip.SetHopLimit(64)
	msg[0] = byte(header.ICMPv6EchoReply)
	sum := header.ICMPv6Checksum(header.ICMPv6ChecksumParams{Header: header.ICMPv6(msg), Src: dst, Dst: src})
	binary.BigEndian.PutUint16(msg[2:], sum)
	return f
}
