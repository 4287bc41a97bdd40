//go:build linux

package network_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/network/netns"
)

// The tests run in a network namespace of their own, which plays the host: nothing they send can reach the real
// one's networks. A second namespace, tied to it by a veth, plays the outside.
const (
	stageEnv      = "CAISSON_NETWORK_TEST_STAGE"
	stageHost     = "host"     // plays the host, has made the outside
	stageUser     = "user"     // an ordinary user on that host, about to enter a user namespace
	stageRootless = "rootless" // in it
	stageAgent    = "agent"    // a further process that joins a network, see agent_test.go
)

const (
	outside4 = "198.51.100.1"
	host4    = "198.51.100.2"
	far4     = "203.0.113.7" // behind the outside's first hop
	outside6 = "2001:db8:51::1"
	host6    = "2001:db8:51::2"
	// nowhere4 is where the host's routes say "unreachable".
	nowhere4 = "192.0.2.1"

	// A resolver on the host's loopback, which answers everything so.
	stub       = "127.0.0.53"
	stubAnswer = "192.0.2.53"

	echoPort    = "7"
	discardPort = "9"
	sourcePort  = "19"
)

func TestMain(m *testing.M) {
	switch os.Getenv(stageEnv) {
	case stageHost:
		if err := makeOutside(); err != nil {
			fmt.Fprintln(os.Stderr, "make the outside:", err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	case stageRootless:
		os.Exit(m.Run())
	case stageAgent:
		os.Exit(agentMain())
	case stageUser:
		os.Exit(runAs(stageRootless, asUserNamespaceRoot))
	}
	os.Exit(runAs(stageHost, func(cmd *exec.Cmd) {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWNET
		if os.Geteuid() != 0 {
			asUserNamespaceRoot(cmd)
		}
	}))
}

// runAs runs the tests again in new namespaces.
func runAs(stage string, prepare func(*exec.Cmd)) int {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), stageEnv+"="+stage)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	prepare(cmd)
	runtime.LockOSThread() // the parent-death signal is tied to this thread
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode()
	case err != nil:
		fmt.Fprintln(os.Stderr, "=== NAME internal/engine/network\nSKIPPED, this machine lacks: a network namespace (root, or user namespaces):", err)
		return 0
	}
	return 0
}

func asUserNamespaceRoot(cmd *exec.Cmd) {
	cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
}

// makeOutside ties a second namespace to this one and starts services there, and the routes to them.
func makeOutside() error {
	out, err := netns.New()
	if err != nil {
		return err
	}
	host, err := netns.Open("/proc/self/ns/net")
	if err != nil {
		return err
	}
	fd, err := os.Open(out.Path())
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "up0"
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "down0", PeerNamespace: netlink.NsFd(fd.Fd())}); err != nil {
		return err
	}
	if err := out.Do(func() error {
		if err := setUp("down0", outside4+"/24", outside6+"/64"); err != nil {
			return err
		}
		return setUp("lo", far4+"/32")
	}); err != nil {
		return err
	}
	if err := host.Do(func() error { return setUp("up0", host4+"/24", host6+"/64") }); err != nil {
		return err
	}
	if err := setUp("lo"); err != nil {
		return err
	}
	// Ping sockets for ordinary users, as most distributions have it.
	const pings = "/proc/sys/net/ipv4/ping_group_range"
	if os.WriteFile(pings, []byte("0 2147483647"), 0) != nil {
		os.WriteFile(pings, []byte("0 0"), 0) // in a user namespace only groups that exist there
	}
	for _, r := range []*netlink.Route{
		{Gw: net.ParseIP(outside4)},
		{Gw: net.ParseIP(outside6)},
		{Dst: &net.IPNet{IP: net.ParseIP(nowhere4).To4().Mask(net.CIDRMask(24, 32)), Mask: net.CIDRMask(24, 32)}, Type: unix.RTN_UNREACHABLE},
	} {
		if err := netlink.RouteAdd(r); err != nil {
			return fmt.Errorf("route %v: %w", r, err)
		}
	}
	if err := serveStub(); err != nil {
		return err
	}
	return out.Do(serveOutside)
}

// serveStub starts a resolver on the host's loopback, as systemd-resolved does.
func serveStub() error {
	pc, err := net.ListenPacket("udp", stub+":53")
	if err != nil {
		return err
	}
	go (&dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: r.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.ParseIP(stubAnswer)}}
		w.WriteMsg(m)
	})}).ActivateAndServe()
	return nil
}

// setUp configures a link of the calling thread's namespace.
func setUp(name string, addrs ...string) error {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer h.Close()
	l, err := h.LinkByName(name)
	if err != nil {
		return err
	}
	for _, a := range addrs {
		p := netip.MustParsePrefix(a)
		addr := &netlink.Addr{IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}}
		if p.Addr().Is6() {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err := h.AddrAdd(l, addr); err != nil {
			return fmt.Errorf("%s: %w", a, err)
		}
	}
	return h.LinkSetUp(l)
}

// serveOutside starts, on the calling thread's namespace, what containers talk to.
func serveOutside() error {
	for port, serve := range map[string]func(*net.TCPConn){echoPort: echo, discardPort: discard, sourcePort: source} {
		l, err := net.Listen("tcp", ":"+port)
		if err != nil {
			return err
		}
		go acceptAll(l, serve)
	}
	for _, at := range []string{"0.0.0.0:" + echoPort, "[::]:" + echoPort} {
		c, err := net.ListenPacket("udp"+map[bool]string{true: "4", false: "6"}[at[0] == '0'], at)
		if err != nil {
			return err
		}
		go echoPackets(c)
	}
	pc, err := net.ListenPacket("udp", outside4+":53")
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", outside4+":53")
	if err != nil {
		return err
	}
	go (&dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(answerOutside)}).ActivateAndServe()
	go (&dns.Server{Listener: ln, Handler: dns.HandlerFunc(answerOutside)}).ActivateAndServe()
	return nil
}

func acceptAll(l net.Listener, serve func(*net.TCPConn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go serve(c.(*net.TCPConn))
	}
}

// echo answers what it gets, and ends when the other side has finished and everything was answered.
func echo(c *net.TCPConn) {
	defer c.Close()
	if _, err := io.Copy(c, c); err == nil {
		c.CloseWrite()
	}
}

func discard(c *net.TCPConn) {
	defer c.Close()
	n, _ := io.Copy(struct{ io.Writer }{io.Discard}, c)
	fmt.Fprintf(c, "%d", n)
}

// source sends until the other side has had enough.
func source(c *net.TCPConn) {
	defer c.Close()
	b := make([]byte, 256<<10)
	for {
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

func echoPackets(c net.PacketConn) {
	b := make([]byte, 64<<10)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		c.WriteTo(b[:n], from)
	}
}

// answerOutside knows outside.test, and big.test whose answer does not fit in 512 bytes.
func answerOutside(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetReply(r)
	q := r.Question[0]
	switch {
	case q.Name == "outside.test." && q.Qtype == dns.TypeA:
		m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.ParseIP(outside4)})
	case q.Name == "big.test." && q.Qtype == dns.TypeA:
		for i := range 100 {
			m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(198, 51, 100, byte(i))})
		}
	case q.Name == "outside.test.":
	default:
		m.Rcode = dns.RcodeNameError
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		size := dns.MinMsgSize
		if o := r.IsEdns0(); o != nil {
			size = int(o.UDPSize())
		}
		m.Truncate(size)
	}
	w.WriteMsg(m)
}

// defaultRoute adds one in the calling thread's namespace.
func defaultRoute(gw netip.Addr) error {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer h.Close()
	return h.RouteAdd(&netlink.Route{Gw: gw.AsSlice()})
}
