//go:build linux

package containers

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/launch"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/agent/internal/streams"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/answer"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) exec(w http.ResponseWriter, r *http.Request) {
	var req api.ExecRequest
	if err := wire.Decode(r.Body, &req); err != nil {
		wire.Fail(w, err)
		return
	}
	id := r.PathValue("id")
	m := s.mine(id)
	if m == nil {
		st, err := s.records.State(id)
		if err == nil {
			err = notRunning(id, st.State.Status)
		}
		wire.Fail(w, err)
		return
	}
	e, err := m.exec(req)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	e.Ended = m.emitExec(req.Args)
	if req.Detach {
		e.Leave()
		answer.JSON(w, wire.None{})
		return
	}
	conn, br, err := answer.Upgrade(w)
	if err != nil {
		_ = e.Abort() // there is no one to tell
		wire.Fail(w, err)
		return
	}
	e.Serve(conn, br)
}

// exec starts a command in the container.
func (m *managed) exec(req api.ExecRequest) (*streams.Execution, error) {
	run, err := m.current()
	if err != nil {
		return nil, err
	}
	st := m.state()
	if st.State.Status == container.StatusPaused {
		return nil, api.Errorf(api.ErrPaused, "container %s: it is paused: resume it first", names.Short(m.rec.ID))
	}
	proc, err := m.execSpec(req, st.RootFS, run.spec.Process)
	if err != nil {
		return nil, err
	}
	if err := launch.Runnable(launch.Program{Name: proc.Args[0], Dir: proc.Cwd, Env: proc.Env}, m.rec.Mounts, st.RootFS); err != nil {
		return nil, fmt.Errorf("exec in container %s: %w", names.Short(m.rec.ID), err)
	}
	p, err := execPipes(req)
	if err != nil {
		return nil, err
	}
	e := &streams.Execution{Pipes: p, Begin: time.Now()}
	started, err := run.rc.Exec(proc, p.IO(req.Size))
	p.CloseTheirs()
	if err == nil {
		e.Proc, e.PID = started, started.Pid
		if err = p.Terminal(); err != nil {
			err = errors.Join(err, e.Abort())
		}
	}
	if err != nil {
		p.CloseOurs()
		if run.proc.Ended() {
			return nil, notRunning(m.rec.ID, container.StatusExited)
		}
		return nil, fmt.Errorf("exec in container %s: %w", names.Short(m.rec.ID), err)
	}
	return e, nil
}

func (m *managed) execSpec(req api.ExecRequest, rootfs string, first *specs.Process) (*specs.Process, error) {
	c := spec.Command{Args: req.Args, Env: req.Env, Dir: req.Dir, TTY: req.TTY, Privileged: req.Privileged}
	if err := spec.ValidateExec(c, req.User); err != nil {
		return nil, err
	}
	who := req.User
	if who == "" {
		who = m.rec.User
	}
	u, home, err := launch.User(rootfs, who, m.rec.Options.Process.Groups...)
	if err != nil {
		return nil, err
	}
	if u, err = spec.FitUser(u, m.s.Host); err != nil {
		return nil, err
	}
	return m.rec.Exec(c, u, home, first, m.s.Host), nil
}

// execPipes are the command's streams. One that no one is connected to has none.
func execPipes(req api.ExecRequest) (*streams.Pipes, error) {
	if req.Detach && !req.TTY {
		return streams.Null()
	}
	return streams.New(req.Stdin, req.TTY)
}
