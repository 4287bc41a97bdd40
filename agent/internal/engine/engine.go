//go:build linux

package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/builds"
	"github.com/caisson-dev/caisson/agent/internal/containers"
	"github.com/caisson-dev/caisson/agent/internal/eventlog"
	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/images/transfer"
	"github.com/caisson-dev/caisson/agent/internal/initbinary"
	"github.com/caisson-dev/caisson/agent/internal/logbridge"
	"github.com/caisson-dev/caisson/agent/internal/state"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/flock"
	"github.com/caisson-dev/caisson/internal/unixsock"
	"github.com/caisson-dev/caisson/internal/version"
)

// agent is one agent process.
type agent struct {
	cfg    api.Config
	layout state.Layout
	line   *lifeline
	log    *slog.Logger
	host   host.Host

	dir       string      // of this agent
	socket    string      // in it
	own       *flock.Lock // on dir
	run       *flock.Lock // on the run root, shared with all agents
	images    *images.Store
	transfers *transfer.Service
	conts     *containers.Service
	server    *http.Server
	counter   *counter
	destroy   atomic.Bool // the owner wants the store gone
}

// Main is the agent's process. It returns its exit code.
func Main() int {
	a := &agent{line: newLifeline(os.NewFile(api.LifelineFD, "lifeline")), counter: newCounter()}
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
	unix.CloseOnExec(api.LifelineFD)
	if err := a.start(); err != nil {
		_ = a.line.hello(api.Hello{Protocol: api.Protocol, Version: version.Agent(), Err: api.ToError(err)}) // the owner is gone
		a.end()
		return 1
	}
	if err := a.line.hello(api.Hello{Protocol: api.Protocol, Version: version.Agent(), Socket: a.socket}); err != nil {
		a.end()
		return 1
	}
	a.wait()
	a.end()
	return 0
}

// start makes everything ready to serve.
func (a *agent) start() error {
	if err := json.Unmarshal([]byte(os.Getenv(api.EnvConfig)), &a.cfg); err != nil {
		return fmt.Errorf("agent configuration: %w", err)
	}
	for _, e := range []string{api.EnvConfig, api.EnvHook} {
		os.Unsetenv(e)
	}
	handler := &logHandler{line: a.line, debug: a.cfg.Debug}
	if a.cfg.Role == api.RoleDetached {
		handler.line = nil // its lifeline ends with the hello
	}
	a.log = slog.New(handler)
	logbridge.Redirect(a.log, a.cfg.Debug)
	a.layout = state.Layout{Root: a.cfg.Root, RunRoot: a.cfg.RunRoot, ReadOnly: a.cfg.ReadOnly}
	if err := privateMounts(a.layout); err != nil {
		return err
	}
	var err error
	if a.host, err = host.Find(); err != nil {
		return err
	}
	if err := a.enter(); err != nil {
		return err
	}
	events, err := eventlog.Open(a.layout.Events(), a.log)
	if err != nil {
		return err
	}
	a.images, err = images.Open(images.Config{
		Layout: a.layout, OneID: a.host.OneID, Sweep: builds.Sweep, Emit: events.Emit, Logger: a.log,
	})
	if err != nil {
		return err
	}
	a.transfers = transfer.New(a.images)
	small, err := a.smallBinaries()
	if err != nil {
		return err
	}
	a.conts, err = containers.New(containers.Config{
		Layout: a.layout, Images: a.images, Pulls: a.transfers, Events: events, Host: a.host, Socket: a.socket, Init: small, Logger: a.log, Detach: a.detach, Only: a.cfg.Container,
	})
	if err != nil {
		return err
	}
	if err := a.begin(); err != nil {
		return err
	}
	return a.listen()
}

// smallBinaries finds those of copiers and of containers' inits.
func (a *agent) smallBinaries() (*os.File, error) {
	empty := filepath.Join(a.dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		return nil, err
	}
	f, err := initbinary.Find(empty)
	if err != nil {
		a.log.Debug("containers start by the agent's binary", "error", err)
	}
	if err := initbinary.FindCopier(); err != nil {
		a.log.Debug("builds copy by the agent's binary", "error", err)
	}
	return f, nil
}

// begin takes over what this agent is for: a container, or for an owner the clean-up after dead agents.
func (a *agent) begin() error {
	if a.cfg.Role == api.RoleDetached {
		return a.conts.Adopt(a.cfg.Container, flock.Inherit(lockFD))
	}
	if err := a.conts.Collect(context.Background()); err != nil {
		a.log.Warn("clean up after dead agents", "error", err)
	}
	return nil
}

// privateMounts keeps this agent's mounts to itself, and lets go of those that it inherited from another agent.
func privateMounts(l state.Layout) error {
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return api.Errorf(api.ErrUnsupported, "make a private mount namespace: %w: run as root, or where user namespaces are allowed", err)
	}
	return host.UnmountBelow(l.Graph(), l.GraphRun())
}

// enter joins the agents of the store. The last one to leave removes the run root, so a newcomer may find it gone.
func (a *agent) enter() error {
	for try := 0; ; try++ {
		if err := a.layout.Make(); err != nil {
			return err
		}
		var err error
		a.run, err = flock.Acquire(context.Background(), filepath.Join(a.layout.RunRoot, "lock"), flock.Shared)
		if errors.Is(err, os.ErrNotExist) && try < 100 {
			continue
		}
		if err != nil {
			return err
		}
		break
	}
	if err := a.layout.Make(); err != nil {
		return err
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	a.dir = filepath.Join(a.layout.Agents(), hex.EncodeToString(b[:]))
	if err := os.Mkdir(a.dir, 0o700); err != nil {
		return err
	}
	a.socket = filepath.Join(a.dir, "sock")
	var err error
	if a.own, err = flock.Try(filepath.Join(a.dir, "lock"), flock.Exclusive); err == nil && a.own == nil {
		err = errors.New("agent directory is taken")
	}
	if err != nil {
		return err
	}
	return removeDeadAgents(a.layout.Agents())
}

func removeDeadAgents(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		d := filepath.Join(dir, e.Name())
		if _, err := os.Lstat(filepath.Join(d, "lock")); err != nil {
			continue // just being made; one killed in that moment leaves an empty directory until the run root goes
		}
		if lock, err := flock.Try(filepath.Join(d, "lock"), flock.Exclusive); err == nil && lock != nil {
			_ = os.RemoveAll(d) // another newcomer may do the same
			lock.Unlock()
		}
	}
	return nil
}

func (a *agent) listen() error {
	l, err := unixsock.Listen(a.socket)
	if err != nil {
		return err
	}
	mux := routes(
		wire.Handle(a.wantDestroy), images.New(a.images, a.conts), a.transfers, builds.New(a.images, a.transfers, a.layout, a.log), a.conts,
	)
	a.server = &http.Server{Handler: a.counter.wrap(mux), ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelWarn)}
	go func() {
		if err := a.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("serve", "error", err)
		}
	}()
	return nil
}

// service is a room that serves some of api's routes.
type service interface{ Routes(mux *wire.Mux) }

// routes has a handler for each of api's routes.
func routes(destroy http.HandlerFunc, services ...service) *wire.Mux {
	mux := &wire.Mux{}
	for _, s := range services {
		s.Routes(mux)
	}
	mux.Handle(api.StoreDestroy, destroy)
	return mux
}

// stopServing lets an agent of a detached container send its last answers; an owner's agent has no one to answer.
func (a *agent) stopServing() {
	switch {
	case a.server == nil:
	case a.cfg.Role == api.RoleDetached:
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = a.server.Shutdown(ctx) // whoever does not read its answer by then goes without
	default:
		a.server.Close()
	}
}

// end leaves nothing of this agent behind but detached containers.
func (a *agent) end() {
	a.stopServing()
	if a.conts != nil && a.cfg.Role == api.RoleOwner {
		a.conts.Close()
		// Once more: an agent that was dying while this one came is dead by now.
		if err := a.conts.Collect(context.Background()); err != nil {
			a.log.Warn("clean up after dead agents", "error", err)
		}
	}
	if a.conts != nil {
		// If this is the last agent the run root goes, and with it what is known of a dead agent's processes.
		if err := a.conts.Collect(context.Background()); err != nil {
			a.log.Warn("clean up after dead agents", "error", err)
		}
	}
	if a.images != nil {
		if err := a.images.Close(); err != nil {
			a.log.Warn("close the store", "error", err)
		}
	}
	if a.dir != "" {
		_ = os.RemoveAll(a.dir) // the next agent's clean-up tries again
	}
	a.leave()
}

// leave removes the run root if no other agent of the store lives, and the store if the owner wants that.
func (a *agent) leave() {
	if a.run == nil {
		return
	}
	if a.run.Upgrade() {
		// An agent that was killed lets go of the run root a moment before its containers: Collect may have passed them by.
		if a.conts != nil {
			if err := a.conts.CleanRun(); err != nil {
				a.log.Error("the run root stays for the next agent", "error", err)
				a.run.Unlock()
				return
			}
		}
		_ = host.UnmountBelow(a.layout.RunRoot)
		_ = os.RemoveAll(a.layout.RunRoot) // what can't be removed is used again
		if a.destroy.Load() {
			_ = host.UnmountBelow(a.layout.Root)
			if err := os.RemoveAll(a.layout.Root); err != nil {
				a.log.Error("destroy the store", "error", err)
			}
		}
	}
	a.run.Unlock()
}

// leaving is how long Destroy waits for agents that are about to leave, as that of a container that was just removed.
const leaving = 3 * time.Second

// wantDestroy notes that the store is to be removed at the end, if this agent is its only one.
func (a *agent) wantDestroy(r *http.Request, _ wire.None) (wire.None, error) {
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		entries, err := os.ReadDir(a.layout.Agents())
		if err != nil {
			return wire.None{}, err
		}
		if len(entries) == 1 {
			a.destroy.Store(true)
			return wire.None{}, nil
		}
		if err := r.Context().Err(); err != nil {
			return wire.None{}, err
		}
		if time.Since(begin) > leaving {
			return wire.None{}, api.Errorf(api.ErrInUse, "destroy the store %s: other processes have it open, or containers run detached: end them first", a.layout.Root)
		}
		if err := removeDeadAgents(a.layout.Agents()); err != nil {
			return wire.None{}, err
		}
	}
}
