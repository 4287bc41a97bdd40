package dockertest

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/caisson-dev/caisson/container"
)

// Container is a running container of a test. Its methods fail the test when they can't do what they should; those of
// its Fixture return errors. They are bounded by the test's own deadline (go test -timeout), and work in functions of
// t.Cleanup too. Those that fail the test belong in the test's goroutine, as t.FailNow does.
//
// In a WaitFunc a method that fails is the failure of that try, after which the wait tries again.
type Container struct {
	fixture *Fixture
	t       failer
	scope   func() (context.Context, context.CancelFunc)
}

// Fixture is the same container with methods that return errors, among them all of package container: Logs, Inspect,
// Dial, ReadFile, WriteFile and so on.
func (c *Container) Fixture() *Fixture { return c.fixture }

// For returns a handle on the same container whose methods fail another test: a subtest, a fuzz function's t, or a test
// that shares the container. The container goes with the test that ran it.
func (c *Container) For(t testing.TB) *Container { return bind(c.fixture, t) }

// ID is the container's id: 64 hexadecimal digits.
func (c *Container) ID() string { return c.fixture.ID() }

// Name is the container's name.
func (c *Container) Name() string { return c.fixture.Name() }

// Host is the address that ports are published at: 127.0.0.1.
func (c *Container) Host() string { return c.fixture.Host() }

// IP is the container's address on its first network, where other containers reach it. This machine does not: it uses
// Addr, or Fixture().Dial. It is the zero Addr when the container has no network of its own.
func (c *Container) IP() netip.Addr { return c.fixture.IP() }

// Addr returns host:port at which this machine reaches a TCP port of the container. If Port did not publish
// it, this process forwards it from now on, on a free port of 127.0.0.1, until the container is gone.
func (c *Container) Addr(port uint16) string {
	ctx, cancel := c.scope()
	defer cancel()
	addr, err := c.fixture.Addr(ctx, port, "")
	if err != nil {
		c.t.Helper()
		c.fail("", err)
	}
	return addr.String()
}

// HostPort is the port of Addr alone.
func (c *Container) HostPort(port uint16) uint16 {
	ctx, cancel := c.scope()
	defer cancel()
	number, err := c.fixture.HostPort(ctx, port)
	if err != nil {
		c.t.Helper()
		c.fail("", err)
	}
	return number
}

// URL is Addr with a scheme: "http://127.0.0.1:49153".
func (c *Container) URL(scheme string, port uint16) string {
	ctx, cancel := c.scope()
	defer cancel()
	url, err := c.fixture.URL(ctx, scheme, port)
	if err != nil {
		c.t.Helper()
		c.fail("", err)
	}
	return url
}

// Exec runs a command in the container and returns what it wrote to standard output, without the last line feed. A
// command that can't be run or exits with another code than 0 fails the test, with what it wrote. Command is for all
// else.
func (c *Container) Exec(name string, args ...string) string {
	ctx, cancel := c.scope()
	defer cancel()
	out, err := c.fixture.Exec(ctx, name, args...)
	if err != nil {
		c.t.Helper()
		c.fail("", err)
	}
	return out
}

// Command returns a command to run in the container, with the vocabulary of os/exec.
func (c *Container) Command(name string, args ...string) *container.Cmd {
	return c.fixture.Command(name, args...)
}

// Output returns what the container has written so far to standard output and standard error, in the order in which it came.
func (c *Container) Output() string {
	ctx, cancel := c.scope()
	defer cancel()
	out, err := c.fixture.Output(ctx)
	if err != nil {
		c.t.Helper()
		c.fail("", err)
	}
	return out
}

// Inspect describes the container as it is now.
func (c *Container) Inspect() *container.Info {
	ctx, cancel := c.scope()
	defer cancel()
	info, err := c.fixture.Inspect(ctx)
	if err != nil {
		c.t.Helper()
		c.fail("inspect", err)
	}
	return info
}

// Stop ends the container's process by its stop signal and, after StopTimeout or 10 s, by SIGKILL. Its files stay for
// the next Start.
func (c *Container) Stop() {
	if err := c.op(func(ctx context.Context) error { return c.fixture.Stop(ctx, container.StopOptions{}) }); err != nil {
		c.t.Helper()
		c.fail("stop", err)
	}
}

// Start starts a container that was stopped or has ended, and waits until it is ready again. Published ports are
// others then: ask Addr again.
func (c *Container) Start() {
	ctx, cancel := c.scope()
	defer cancel()
	if err := c.fixture.Start(ctx); err != nil {
		c.t.Helper()
		c.fail("start", err)
	}
}

// Restart is Stop and Start.
func (c *Container) Restart() {
	ctx, cancel := c.scope()
	defer cancel()
	if err := c.fixture.Restart(ctx, container.StopOptions{}); err != nil {
		c.t.Helper()
		c.fail("restart", err)
	}
}

// Kill sends a signal, such as SIGHUP, to the container's process. The empty string means SIGKILL. After SIGKILL it waits
// until the process has ended, and after any other signal it does not wait.
func (c *Container) Kill(signal string) {
	err := c.op(func(ctx context.Context) error {
		err := c.fixture.Kill(ctx, signal)
		if err == nil && kills(signal) {
			_, err = c.fixture.Wait(ctx)
		}
		return err
	})
	if err != nil {
		c.t.Helper()
		c.fail("kill", err)
	}
}

// kills says whether a signal is SIGKILL, in each way that it may be written.
func kills(signal string) bool {
	switch strings.TrimPrefix(strings.ToUpper(signal), "SIG") {
	case "", "KILL", "9":
		return true
	}
	return false
}

// Pause freezes the container's processes until Resume: a server that hangs.
func (c *Container) Pause() {
	if err := c.op(c.fixture.Pause); err != nil {
		c.t.Helper()
		c.fail("pause", err)
	}
}

// Resume lets the processes of a paused container continue.
func (c *Container) Resume() {
	if err := c.op(c.fixture.Resume); err != nil {
		c.t.Helper()
		c.fail("resume", err)
	}
}

// WaitFor waits for something more than what made the container ready.
func (c *Container) WaitFor(w Wait) {
	ctx, cancel := c.scope()
	defer cancel()
	if err := c.fixture.WaitFor(ctx, w); err != nil {
		c.t.Helper()
		c.fail("wait", err)
	}
}

// Close removes the container, with its data, or gives it back when it has Reuse. A test that used Run need not call it,
// and may, to be rid of it before its end. A second Close does nothing.
//
// Errors: those of container.Container.Remove, without ErrNotFound.
func (c *Container) Close() error { return c.fixture.Close() }
