package dockertest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/caisson-dev/caisson/dockertest/internal/wait"
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
			err := p.poll(ctx, func(ctx context.Context) error { return p.accepts(ctx, port) })
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
	if text := listening.Unheard(ip, port, at); text != "" {
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

// WaitSQL waits until a database answers: driver is a name that the test's imports have registered with database/sql,
// port the container's, and dsn makes the data source's name of the address:
//
//	dockertest.WaitSQL("pgx", 5432, func(addr string) string { return "postgres://postgres:secret@" + addr + "/postgres" })
func WaitSQL(driver string, port uint16, dsn func(addr string) string) Wait {
	w := Wait{what: fmt.Sprintf("%s to answer at port %d", driver, port), hold: func(ctx context.Context, p *probe) error {
		addr, err := p.Addr(ctx, port, "")
		if err != nil {
			return wait.Permanent{Err: err}
		}
		db, err := sql.Open(driver, dsn(addr.String()))
		if err != nil {
			return wait.Permanent{Err: err}
		}
		defer db.Close()
		return p.poll(ctx, db.PingContext)
	}}
	switch {
	case dsn == nil:
		w.err = errors.New("the function that returns the data source name is nil")
	case port == 0:
		w.err = errors.New("0 is not a valid port")
	case !slices.Contains(sql.Drivers(), driver):
		w.err = fmt.Errorf("database/sql has no driver %q: import one", driver)
	}
	return w
}
