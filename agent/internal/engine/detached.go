//go:build linux

package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/api"
)

// lockFD is where an agent of a detached container inherits the container's lock.
const lockFD = 4

// detach starts an agent for one container. It shares this one's user namespace, and nothing else.
func (a *agent) detach(ctx context.Context, id string, lock *os.File) (string, error) {
	cfg, err := json.Marshal(api.Config{Role: api.RoleDetached, Root: a.cfg.Root, RunRoot: a.cfg.RunRoot, ReadOnly: a.cfg.ReadOnly, Container: id, Debug: a.cfg.Debug})
	if err != nil {
		return "", err
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return "", os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "lifeline"), os.NewFile(uintptr(fds[1]), "lifeline")
	defer ours.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		theirs.Close()
		return "", err
	}
	defer null.Close()
	files := []*os.File{null, null, null, theirs, lock}
	if a.cfg.Debug {
		files[2] = os.Stderr
	}
	p, err := os.StartProcess("/proc/self/exe", []string{api.AgentArg0}, &os.ProcAttr{
		Dir: "/", Files: files,
		Env: append([]string{api.EnvConfig + "=" + string(cfg), api.EnvHook + "=" + api.HookAgent}, os.Environ()...),
		Sys: &syscall.SysProcAttr{Setsid: true, Cloneflags: syscall.CLONE_NEWNS},
	})
	theirs.Close()
	if err != nil {
		return "", fmt.Errorf("start an agent for the detached container: %w", err)
	}
	go p.Wait() //nolint:errcheck // only to reap it while this agent lives
	stop := context.AfterFunc(ctx, func() { _ = ours.SetReadDeadline(time.Now()) })
	defer stop()
	var hello api.Hello
	if err := json.NewDecoder(ours).Decode(&hello); err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", fmt.Errorf("start an agent for the detached container: %w", err)
	}
	if hello.Err != nil {
		return "", hello.Err
	}
	return hello.Socket, nil
}

// wait returns when this agent has nothing more to do.
func (a *agent) wait() {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	if a.cfg.Role == api.RoleOwner {
		gone := make(chan struct{})
		go func() {
			a.line.wait()
			close(gone)
		}()
		select {
		case <-gone:
		case <-term:
		}
		return
	}
	a.line.f.Close()
	a.waitIdle(term)
}

// grace is how long an agent of a detached container waits for the request that it was started for.
const grace = 3 * time.Second

// waitIdle returns when the container does not run and no request is being served.
func (a *agent) waitIdle(term <-chan os.Signal) {
	first := time.After(grace)
	waited := false
	for {
		changed, counted := a.conts.Changed(), a.counter.changed()
		if a.conts.Idle() && a.counter.zero() && (waited || a.counter.any()) && a.retire() {
			return
		}
		select {
		case <-changed:
		case <-counted:
		case <-first:
			waited = true
		case <-term:
			a.conts.Terminate()
		}
	}
}

// retire stops serving and gives the container back. It reports false if a request came in just then.
func (a *agent) retire() bool {
	if !a.counter.close() {
		return false
	}
	if err := a.conts.Release(); err != nil {
		a.log.Error("give the container back", "error", err)
	}
	close(a.counter.released)
	return true
}

// counter counts requests that are being served, and can refuse new ones.
type counter struct {
	mu     sync.Mutex
	n      int
	seen   bool
	closed bool
	ch     chan struct{}

	released chan struct{} // closed when the agent has given its container back
}

func newCounter() *counter {
	return &counter{ch: make(chan struct{}), released: make(chan struct{})}
}

func (c *counter) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.add() {
			// As if the agent had gone a moment earlier: the other side looks for the manager again. Before the release it
			// would find this agent.
			<-c.released
			panic(http.ErrAbortHandler)
		}
		defer c.done()
		h.ServeHTTP(w, r)
	})
}

func (c *counter) add() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.n++
	c.seen = true
	return true
}

func (c *counter) done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n--
	close(c.ch)
	c.ch = make(chan struct{})
}

func (c *counter) changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ch
}

func (c *counter) zero() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n == 0
}

func (c *counter) any() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen
}

func (c *counter) close() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n > 0 {
		return false
	}
	c.closed = true
	return true
}
