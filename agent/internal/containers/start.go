//go:build linux

package containers

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/launch"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/agent/internal/streams"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

const killSignal = unix.SIGKILL

func (s *Service) start(r *http.Request, _ wire.None) (wire.None, error) {
	m := s.mine(r.PathValue("id"))
	if m == nil {
		return wire.None{}, records.NotFound(r.PathValue("id"))
	}
	return wire.None{}, m.start()
}

// start runs the container's process. It is not given up when the caller goes: what is begun is made or undone.
func (m *managed) start() error {
	m.op.Lock()
	defer m.op.Unlock()
	if st := m.state(); live(st.State.Status) {
		return api.Errorf(api.ErrRunning, "container %s: it is %s already", names.Short(m.rec.ID), st.State.Status)
	}
	m.mu.Lock()
	m.restarts, m.st.Restarts = restarts{}, 0
	m.mu.Unlock()
	return m.startLocked()
}

// startLocked is start, and the restart policy's; m.op is held.
func (m *managed) startLocked() error {
	r, err := m.present()
	if err != nil {
		return err
	}
	begin := time.Now()
	pipes, err := streams.New(m.rec.Options.Stdin, m.rec.Options.TTY)
	if err != nil {
		return err
	}
	rootfs, err := m.launch(r, pipes)
	if err == nil {
		if err = pipes.Terminal(); err != nil {
			err = errors.Join(err, m.abandon(r))
		}
	}
	pipes.CloseTheirs()
	if err != nil {
		pipes.CloseOurs()
		err = fmt.Errorf("start container %s: %w", names.Short(m.rec.ID), errors.Join(err, r.net.Leave(), m.s.unmount(m.rec.ID)))
		m.failed(r, err)
		return err
	}
	r.input.Connect(pipes)
	m.mu.Lock()
	m.st.State = container.State{Status: container.StatusRunning, Started: begin}
	m.st.Pid, m.st.RootFS = r.proc.Pid, rootfs
	m.st.Networks, m.st.Ports = r.net.Info()
	m.st.Health = nil
	if m.rec.Health != nil {
		m.st.Health = &container.Health{Status: container.HealthStarting}
	}
	err = m.saveState()
	m.mu.Unlock()
	m.s.emitAll(m.rec.Began())
	close(r.started)
	copied := pipes.Log(r.log)
	go m.watch(r, begin, copied)
	go m.watchLog(r)
	if m.rec.Health != nil {
		go m.watchHealth(r)
	}
	return err
}

// failed leaves the container as one that could not be started, as Docker does: exited, with the reason.
func (m *managed) failed(r *run, err error) {
	code := 128
	switch {
	case errors.Is(err, api.ErrCommandNotFound):
		code = 127
	case errors.Is(err, api.ErrNotExecutable):
		code = 126
	}
	st := container.State{Status: container.StatusExited, ExitCode: code, Error: err.Error(), Finished: time.Now()}
	m.mu.Lock()
	m.st.Ended(st)
	if serr := m.saveState(); serr != nil {
		m.s.Logger.Error("save container state", "container", m.rec.ID, "error", serr)
	}
	m.mu.Unlock()
	m.s.emitAll(m.rec.Ended(st))
	_ = r.log.Close() // nothing was written
	m.over(r, st, err)
}

// launch mounts the root file system, joins the networks and starts the process. It returns where the root file
// system is.
func (m *managed) launch(r *run, p *streams.Pipes) (string, error) {
	joined := make(chan error, 1)
	go func() { // beside the mount: neither needs the other
		var err error
		r.net, err = m.joinNetworks()
		joined <- err
	}()
	rootfs, err := m.s.Images.Storage().Mount(m.rec.ID, "")
	if nerr := <-joined; nerr != nil {
		return "", errors.Join(nerr, err)
	}
	if err != nil {
		return "", fmt.Errorf("mount the root file system: %w", err)
	}
	if err := launch.Runnable(launch.Program{Name: m.rec.Command[0], Dir: m.rec.Dir, Env: m.rec.Env}, m.rec.Mounts, rootfs); err != nil {
		return "", err
	}
	if err := launch.Mark(rootfs); err != nil {
		return "", err
	}
	in, err := m.s.launch.Start(&m.rec.Container, rootfs)
	if err != nil {
		return "", err
	}
	defer in.Close()
	made, err := m.spec(r, in)
	if err != nil {
		return "", err
	}
	rc, err := m.s.rt.Create(m.rec.ID, made)
	if err != nil {
		return "", err
	}
	proc, err := rc.Start(p.IO(r.input.Size()))
	if err != nil {
		return "", errors.Join(err, rc.Destroy())
	}
	r.rc, r.proc, r.spec = rc, proc, made
	return rootfs, nil
}

// spec makes the specification for a run whose root file system is mounted and whose networks are joined.
func (m *managed) spec(r *run, in *launch.Inputs) (*specs.Spec, error) {
	if err := m.writeNetFiles(r.net); err != nil {
		return nil, err
	}
	made, err := spec.New(in.Input)
	if err != nil {
		return nil, err
	}
	r.net.Apply(made)
	return m.s.modified(m.rec.ID, made)
}

// watch waits for the process's end and cleans up after it.
func (m *managed) watch(r *run, begin time.Time, copied *sync.WaitGroup) {
	ps, err := r.proc.Wait()
	st := container.State{Status: container.StatusExited, ExitCode: 255}
	if err != nil {
		st.Error = err.Error()
	} else {
		st = streams.ExitState(ps)
	}
	st.Started, st.Finished, st.OOMKilled = begin, time.Now(), m.s.oomKilled(m.rec)
	copied.Wait()
	_ = r.log.Close() // its writes are done
	st.LogLost, _ = r.log.Lost()
	r.input.Disconnect()
	m.op.Lock()
	defer m.op.Unlock()
	if err := errors.Join(r.rc.Destroy(), r.net.Leave(), m.s.unmount(m.rec.ID)); err != nil {
		m.s.Logger.Error("clean up after container", "container", m.rec.ID, "error", err)
	}
	m.mu.Lock()
	m.st.Ended(st)
	leaves := m.leaves()
	if leaves {
		m.leaving = make(chan struct{})
		defer close(m.leaving)
	}
	m.plan(r, st)
	err = m.saveState()
	m.mu.Unlock()
	if err != nil {
		m.s.Logger.Error("save container state", "container", m.rec.ID, "error", err)
	}
	m.s.emitAll(append(m.rec.Ended(st), m.rec.Left()...))
	if leaves {
		m.s.remember(m.rec.ID, st)
		r.status = st // erase finds the run unfinished otherwise
		m.over(r, st, m.eraseAfter())
	} else {
		m.over(r, st, nil)
	}
	m.s.notify()
}

// watchLog notes that the log of a container that runs lacks something; how much, watch does at the end.
func (m *managed) watchLog(r *run) {
	select {
	case <-r.log.Loss():
	case <-r.done:
		return
	}
	lost, why := r.log.Lost()
	m.s.Logger.Error("the container's log can't be written", "container", m.rec.ID, "error", why)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run != r || !live(m.st.State.Status) {
		return
	}
	m.st.State.LogLost = lost
	if err := m.saveState(); err != nil {
		m.s.Logger.Error("save container state", "container", m.rec.ID, "error", err)
	}
}

// eraseAfter erases without touching the run, which is about to be over.
func (m *managed) eraseAfter() error {
	m.mu.Lock()
	m.run = nil
	m.mu.Unlock()
	if err := m.erase(); err != nil {
		m.s.Logger.Error("auto-remove container", "container", m.rec.ID, "error", err)
	}
	return nil
}

// abandon ends a process that could not be connected.
func (m *managed) abandon(r *run) error {
	err := r.rc.Signal(killSignal)
	_, werr := r.proc.Wait()
	return errors.Join(err, werr, r.rc.Destroy())
}

func (s *Service) unmount(id string) error {
	_, err := s.Images.Storage().Unmount(id, true)
	if err != nil {
		return fmt.Errorf("unmount the root file system: %w", err)
	}
	return nil
}
