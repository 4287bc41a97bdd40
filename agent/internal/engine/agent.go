//go:build linux

package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/builds/work"
	"github.com/caisson-dev/caisson/agent/internal/containers"
	"github.com/caisson-dev/caisson/agent/internal/eventlog"
	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/images/transfer"
	"github.com/caisson-dev/caisson/agent/internal/initbinary"
	"github.com/caisson-dev/caisson/agent/internal/logbridge"
	"github.com/caisson-dev/caisson/agent/internal/state"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/flock"
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
	work      *work.Service
	server    *http.Server
	requests  *requests
	destroy   atomic.Bool // the owner wants the store gone
}

// Main is the agent's process. It returns its exit code.
func Main() int {
	a := &agent{line: newLifeline(os.NewFile(api.LifelineFD, "lifeline")), requests: newRequests()}
	if code, done := a.tryOnly(); done {
		return code
	}
	outlive()
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

// outlive makes signals that are meant for the owner, or for a client that is gone, end nothing here. They are caught and
// not ignored: what is ignored, a container that is started would ignore too.
func outlive() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
}

// start makes everything ready to serve.
func (a *agent) start() error {
	if err := a.configure(); err != nil {
		return err
	}
	if err := privateMounts(a.layout); err != nil {
		return err
	}
	h, err := host.Find()
	if err != nil {
		return err
	}
	if err := a.enter(); err != nil {
		return err
	}
	if err := a.userDir(); err != nil {
		return err
	}
	if err := a.open(h); err != nil {
		return err
	}
	if err := a.begin(); err != nil {
		return err
	}
	return a.listen()
}

// configure reads what the owner says, and begins to log.
func (a *agent) configure() error {
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
	return nil
}

// open opens the store's rooms.
func (a *agent) open(h host.Host) error {
	a.host = h
	events, err := eventlog.Open(a.layout.Events(), a.log)
	if err != nil {
		return err
	}
	a.images, err = images.Open(images.Config{
		Layout: a.layout, OneID: h.OneID, Sweep: work.Sweep, Emit: events.Emit, Logger: a.log,
	})
	if err != nil {
		return err
	}
	a.transfers = transfer.New(a.images)
	small, err := a.smallBinary()
	if err != nil {
		return err
	}
	a.conts, err = containers.New(containers.Config{
		Layout: a.layout, Images: a.images, Pulls: a.transfers, Events: events, Host: h, Socket: a.socket, Init: small,
		Logger: a.log, Detach: a.detach, Only: a.cfg.Container,
	})
	if err != nil {
		return err
	}
	a.work = work.New(work.Config{Images: a.images, Networks: a.conts.Networks(), Host: h, Init: small, Logger: a.log})
	return nil
}

// smallBinary finds that of containers' inits.
func (a *agent) smallBinary() (*os.File, error) {
	empty := filepath.Join(a.dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		return nil, err
	}
	f, err := initbinary.Find(empty)
	if err != nil {
		a.log.Debug("containers start by the agent's binary", "error", err)
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
