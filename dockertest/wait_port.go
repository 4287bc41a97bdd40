package dockertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// WaitPort waits until connections to the ports are accepted inside the container's network, published or not. Without
// ports it waits for those that Port declares.
func WaitPort(ports ...uint16) Wait {
	if len(ports) == 0 {
		return Wait{what: "the declared ports to accept", hold: func(ctx context.Context, p *probe) error {
			if len(p.settings.ports) == 0 {
				return permanent{errors.New("WaitPort has no ports, and Port declares none")}
			}
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
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if !p.IP().IsValid() {
		return err
	}
	conn, derr := p.Dial(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
	if derr == nil {
		conn.Close()
		return fmt.Errorf("%w: it listens on the container's loopback alone, where nobody else reaches it: have it listen on 0.0.0.0", err)
	}
	if listening := p.listening(); len(listening) > 0 {
		err = fmt.Errorf("%w: the container listens on %s", err, strings.Join(listening, ", "))
	}
	return err
}
