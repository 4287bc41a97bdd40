//go:build linux

package publish

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/network/relay"
)

// udpServer forwards one published UDP port. Every client has a socket of its own inside the container, which
// therefore sees a port that is the same for as long as the client talks.
type udpServer struct {
	p    *Publication
	conn *net.UDPConn
	port uint16
	any  bool // bound to every address: answers must come from the one that was asked
	wg   sync.WaitGroup

	mu      sync.Mutex
	clients map[netip.AddrPort]*udpClient
	closed  bool
}

type udpClient struct {
	addr netip.AddrPort
	from []byte // control message that sets the answers' source
	conn net.Conn
	used atomic.Int64
	done func()
}

// maxUDPClients bounds what forged sources can cost.
const maxUDPClients = 4096

func newUDPServer(p *Publication, conn *net.UDPConn, port uint16) (*udpServer, error) {
	s := &udpServer{p: p, conn: conn, port: port, clients: map[netip.AddrPort]*udpClient{}}
	at := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr()
	if s.any = at.IsUnspecified(); !s.any {
		return s, nil
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	cerr := raw.Control(func(fd uintptr) {
		if at.Is4() {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		} else {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		}
	})
	return s, errors.Join(cerr, err)
}

func (s *udpServer) serve() {
	buf, oob := new(relay.Datagram), make([]byte, 128)
	for {
		n, oobn, _, from, err := s.conn.ReadMsgUDPAddrPort(buf[:], oob)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of an earlier answer
		}
		if c := s.client(from, oob[:oobn]); c != nil {
			c.used.Store(time.Now().UnixNano())
			c.conn.Write(buf[:n]) // refused: the next one may not be
		}
	}
}

// client finds or makes the client's session.
func (s *udpServer) client(addr netip.AddrPort, oob []byte) *udpClient {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.clients[addr]; c != nil {
		return c
	}
	if s.closed || len(s.clients) >= maxUDPClients {
		return nil
	}
	done, ok := s.p.opts.Admit(1)
	if !ok {
		return nil
	}
	conn, err := s.p.dial("udp", s.port)
	if err != nil {
		done()
		return nil
	}
	c := &udpClient{addr: addr, conn: conn, done: done}
	if s.any {
		c.from = answerSource(oob)
	}
	c.used.Store(time.Now().UnixNano())
	s.clients[addr] = c
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		s.answer(c)
	}()
	return c
}

// answer carries the container's datagrams to the client until it was idle for long enough.
func (s *udpServer) answer(c *udpClient) {
	defer func() {
		s.mu.Lock()
		delete(s.clients, c.addr)
		s.mu.Unlock()
		c.conn.Close()
		c.done()
	}()
	raw, err := c.conn.(*net.UDPConn).SyscallConn()
	if err != nil {
		return
	}
	for {
		used := time.Unix(0, c.used.Load())
		c.conn.SetReadDeadline(used.Add(s.p.opts.UDPIdle))
		buf, n, err := relay.ReadDatagram(raw)
		switch {
		case err == nil:
			s.conn.WriteMsgUDPAddrPort(buf[:n], c.from, c.addr)
			relay.Datagrams.Put(buf)
			c.used.Store(time.Now().UnixNano())
		case errors.Is(err, unix.ECONNREFUSED): // not listening yet
		case time.Since(time.Unix(0, c.used.Load())) < s.p.opts.UDPIdle && !errors.Is(err, net.ErrClosed): // used meanwhile
		default:
			return
		}
	}
}

func (s *udpServer) close() {
	s.conn.Close()
	s.mu.Lock()
	s.closed = true
	for _, c := range s.clients {
		c.conn.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// answerSource turns the received control message into one that answers from the address that was asked.
func answerSource(oob []byte) []byte {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for _, m := range msgs {
		switch {
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo:
			// ifindex, local address, destination: the local address is the answer's source
			info := unix.Inet4Pktinfo{Spec_dst: [4]byte(m.Data[4:8])}
			return unix.PktInfo4(&info)
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			info := unix.Inet6Pktinfo{Addr: [16]byte(m.Data[:16])}
			return unix.PktInfo6(&info)
		}
	}
	return nil
}
