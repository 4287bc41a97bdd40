package dockertest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/container"
)

// Container is a running fixture. Beside its own methods, which fail the test when they can't do what they should, it
// has those of package container, which return errors. In a handle from Start, without a test, they panic instead.
type Container struct {
	*container.Container

	tb       testing.TB // nil outside tests
	settings *settings
	ready    Wait
	started  time.Time // just before the last start
	logsFrom time.Time // what option Logs copies; what was before is of other tests
	times    times
	told     bool   // the failure's message has the log already
	release  func() // gives back a container that others reuse; nil: it is this test's alone
	unready  bool   // it never was, so that nobody shall reuse it

	mu        sync.Mutex
	info      *container.Info
	forwards  map[uint16]*forward
	followers sync.WaitGroup
	unfollow  []context.CancelFunc // end what followers do
	closed    bool
}

// opTimeout bounds what a handle's methods ask of the agent, beside the grace period of a stop.
const opTimeout = time.Minute

// context is not the test's: that is over when cleanup functions run, and they may use the handle.
func (c *Container) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), opTimeout+c.settings.opts.StopTimeout)
}

// check fails the test, or panics where there is none.
func (c *Container) check(what string, err error) {
	if err == nil {
		return
	}
	if c.tb == nil {
		panic("dockertest: " + c.title() + ": " + what + ": " + err.Error())
	}
	c.tb.Helper()
	c.tb.Fatalf("dockertest: %s: %s: %v", c.title(), what, err)
}

// title names the container in messages.
func (c *Container) title() string { return c.settings.opts.Image + " (" + c.Name() + ")" }

func (c *Container) helper() {
	if c.tb != nil {
		c.tb.Helper()
	}
}

// Host is the address that ports are published at: 127.0.0.1.
func (c *Container) Host() string { return "127.0.0.1" }

// Addr returns host:port at which this machine reaches a TCP port of the container. A port that is not published by
// Port is, from now on, by this process.
func (c *Container) Addr(port uint16) string {
	c.helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.info.Ports {
		if b.Container == port && b.Protocol == "tcp" {
			return b.Host.String()
		}
	}
	f, err := c.forward(port)
	c.check("publish port "+strconv.Itoa(int(port)), err)
	return f.ln.Addr().String()
}

// HostPort is the port of Addr alone.
func (c *Container) HostPort(port uint16) uint16 {
	c.helper()
	ap, err := netip.ParseAddrPort(c.Addr(port))
	c.check("address", err)
	return ap.Port()
}

// URL is Addr with a scheme: "http://127.0.0.1:49153".
func (c *Container) URL(scheme string, port uint16) string {
	c.helper()
	return scheme + "://" + c.Addr(port)
}

// IP is the container's address on its first network, where other containers reach it. This machine does not: it uses
// Addr, or Dial. It is the zero Addr when the container has no network of its own.
func (c *Container) IP() netip.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.info.Networks) == 0 {
		return netip.Addr{}
	}
	return c.info.Networks[0].IPv4.Addr()
}

// dialPort connects to a port as others do: at the container's address, where a server that listens on its loopback
// alone is not heard.
func (c *Container) dialPort(ctx context.Context, port uint16) (net.Conn, error) {
	host := ""
	if ip := c.IP(); ip.IsValid() {
		host = ip.String()
	}
	return c.Dial(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(int(port))))
}

// Exec runs a command in the container and returns what it wrote to standard output, without the last line feed. A
// command that can't be run or exits with another code than 0 fails the test, with what it wrote. Command is for all
// else.
func (c *Container) Exec(name string, args ...string) string {
	c.helper()
	ctx, cancel := c.context()
	defer cancel()
	out, err := c.Command(name, args...).Output(ctx)
	var ee *container.ExitError
	if errors.As(err, &ee) {
		c.check(strings.Join(append([]string{name}, args...), " "), errors.New(strings.TrimSpace(ee.Error()+"\n"+string(out)+string(ee.Stderr))))
	}
	c.check(name, err)
	return strings.TrimSuffix(string(out), "\n")
}

// Output returns what the container has written so far to standard output and standard error, in its order.
func (c *Container) Output() string {
	c.helper()
	ctx, cancel := c.context()
	defer cancel()
	var b strings.Builder
	c.check("read the log", c.Logs(ctx, container.LogsOptions{Stdout: &b, Stderr: &b}))
	return b.String()
}
