package dockertest

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/follow"
	"github.com/caisson-dev/caisson/dockertest/internal/forward"
	"github.com/caisson-dev/caisson/dockertest/internal/report"
)

// Fixture is a running container whose methods return errors: what Start gives, and what a Container of a test is made
// of. It has the methods of package container, of which Start, Restart and Addr do more here. All methods are safe for
// concurrent use.
type Fixture struct {
	*container.Container

	settings *settings
	ready    Wait
	logsFrom time.Time // what option Logs copies; what was before is of other tests
	times    report.Times
	told     atomic.Bool   // a failure's message has the log already
	release  func()        // gives back a container that others reuse; nil: it is this process's alone
	unready  bool          // it never was, so that nobody shall reuse it
	copies   follow.Copies // of its log, for option Logs

	// For the report of the run.
	test       string // empty outside tests
	testFailed bool
	failure    string

	mu       sync.Mutex
	started  time.Time // just before the last start
	info     *container.Info
	forwards map[uint16]*forward.Port
	closed   bool
}

// Start starts a container and waits until it is ready, as Run does, and returns an error instead of failing a test. It
// is for programs, for TestMain, and for containers that tests share:
//
//	var pg *dockertest.Fixture // TestMain starts it
//
//	func TestOrders(t *testing.T) {
//		db := open(t, pg.For(t).Addr(5432))
//
// Close removes the container; without it, it goes with the process. The end of ctx ends the start and the wait, not the
// container. For a main package of Go, make the image first, by Engine and image.Store.BuildGo with a name in
// image.GoOptions.Tags.
//
// Errors: *ReadyError when it does not become ready; container.ErrInvalidArgument for an option; those of Engine, of
// image.Store.Pull, of container.Engine.Create and of container.Container.Start.
func Start(ctx context.Context, image string, opts ...Option) (*Fixture, error) {
	f, err := launch(ctx, applied(opts), image, "")
	if err != nil {
		return nil, err
	}
	if err := f.await(ctx); err != nil {
		f.unready = true
		_ = f.Close() // the error that is told is why it is not ready
		return nil, err
	}
	return f, nil
}

// For returns a handle on the container whose methods fail t. The container stays when t is over.
func (f *Fixture) For(t testing.TB) *Container { return bind(f, t) }

// title names the container in messages.
func (f *Fixture) title() string { return f.settings.image + " (" + f.Name() + ")" }

// opTimeout bounds what is asked of the agent where nothing else does, beside the grace period of a stop.
const opTimeout = time.Minute

// own is a context for what has to be done whatever became of the caller's.
func (f *Fixture) own() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), f.opTimeout())
}

func (f *Fixture) opTimeout() time.Duration {
	return opTimeout + max(f.settings.opts.Lifecycle.StopTimeout, 0)
}

// Host is the address that ports are published at: 127.0.0.1.
func (f *Fixture) Host() string { return "127.0.0.1" }

// IP is the container's address on its first network, where other containers reach it. This machine does not: it uses
// Addr, or Dial. It is the zero Addr when the container has no network of its own.
func (f *Fixture) IP() netip.Addr {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.info.Networks) == 0 {
		return netip.Addr{}
	}
	return f.info.Networks[0].IPv4.Addr()
}

// refresh learns the addresses, which are others after each start.
func (f *Fixture) refresh(ctx context.Context) error {
	info, err := f.Inspect(ctx)
	if err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.info = info
	return nil
}

// begun is when the last start began.
func (f *Fixture) begun() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.started
}

func (f *Fixture) begins(at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.started = at
}
