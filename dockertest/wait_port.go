package dockertest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/internal/listening"
)

// WaitPort waits until connections to the ports are accepted inside the container's network, published or not. Without
// ports it waits for those that Port declares.
func WaitPort(ports ...uint16) Wait {
	if len(ports) == 0 {
		return Wait{what: "the declared ports to accept", ports: true, hold: func(ctx context.Context, p *probe) error {
			return WaitPort(p.settings.ports...).do(ctx, p)
		}}
	}
	var all []Wait
	for _, port := range ports {
		all = append(all, Wait{what: fmt.Sprintf("port %d to accept", port), hold: func(ctx context.Context, p *probe) error {
			err := p.poll(ctx, plain(func(ctx context.Context) error { return p.accepts(ctx, port) }))
			if errors.Is(err, errTimeout) {
				err = p.hint(err, port)
			}
			return err
		}})
	}
	if len(all) == 1 {
		return all[0]
	}
	return All(all...)
}

func (p *probe) accepts(ctx context.Context, port uint16) error {
	conn, err := p.dialPort(ctx, port)
	if err != nil {
		return err
	}
	return conn.Close()
}

// hint tells the usual reason why a server that runs is not heard.
func (p *probe) hint(err error, port uint16) error {
	ip := p.IP()
	if !ip.IsValid() {
		return err
	}
	p.mu.Lock()
	pid := p.info.PID
	p.mu.Unlock()
	at, known := listening.Of(pid)
	if !known {
		at = p.answering(port)
	}
	if text := unheard(ip, port, at); text != "" {
		return fmt.Errorf("%w: %s", err, text)
	}
	return err
}

// answering is where a port of the container accepts connections from inside, for hosts that don't let this process see
// what listens.
func (p *probe) answering(port uint16) (at []netip.AddrPort) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, ip := range []string{"127.0.0.1", "::1"} {
		addr := netip.AddrPortFrom(netip.MustParseAddr(ip), port)
		if conn, err := p.Dial(ctx, "tcp", addr.String()); err == nil {
			conn.Close()
			at = append(at, addr)
		}
	}
	return at
}

// unheard says why a port is not reached at ip, an IPv4 address, given what listens in the container.
func unheard(ip netip.Addr, port uint16, listening []netip.AddrPort) string {
	var ports, here []string
	loopback, six := true, true // all that listen at this port do so
	for _, l := range listening {
		if number := strconv.Itoa(int(l.Port())); !slices.Contains(ports, number) {
			ports = append(ports, number)
		}
		if l.Port() == port {
			here = append(here, l.String())
			loopback = loopback && l.Addr().IsLoopback()
			six = six && l.Addr().Is6()
		}
	}
	at := strings.Join(here, ", ")
	switch {
	case len(ports) == 0:
		return ""
	case len(here) == 0:
		return "the container listens on " + strings.Join(ports, ", ")
	case loopback:
		return fmt.Sprintf("it listens on the container's loopback alone (%s), where nothing else can reach it: make it listen on 0.0.0.0", at)
	case six:
		return fmt.Sprintf("it listens on IPv6 alone (%s), and clients reach it by IPv4 (%s): make it listen on 0.0.0.0 too", at, ip)
	}
	return fmt.Sprintf("it listens on %s: make it listen on 0.0.0.0", at)
}
