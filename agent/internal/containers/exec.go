//go:build linux

package containers

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/runtime"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
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
		st, err := s.loadState(id)
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
	e.ended = m.emitExec(req.Args)
	if req.Detach {
		e.leave()
		wire.Reply(w, wire.None{})
		return
	}
	conn, br, err := wire.Hijack(w)
	if err != nil {
		_ = e.abort() // there is no one to tell
		wire.Fail(w, err)
		return
	}
	e.serve(conn, br)
}

// execution is a command that runs in a container, and its streams.
type execution struct {
	proc  *runtime.Process
	pipes *pipes
	begin time.Time
	over  atomic.Bool           // the command has ended
	ended func(container.State) // tells how
}

// exec starts a command in the container.
func (m *managed) exec(req api.ExecRequest) (*execution, error) {
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
	if err := runnable(program{proc.Args[0], proc.Cwd, proc.Env}, m.rec.Mounts, st.RootFS); err != nil {
		return nil, fmt.Errorf("exec in container %s: %w", names.Short(m.rec.ID), err)
	}
	connect := newPipes
	if req.Detach && !req.TTY {
		connect = nullPipes
	}
	p, err := connect(req.Stdin, req.TTY)
	if err != nil {
		return nil, err
	}
	e := &execution{pipes: p, begin: time.Now()}
	e.proc, err = run.rc.Exec(proc, p.io(req.Size))
	p.closeTheirs()
	if err == nil {
		if err = p.terminal(); err != nil {
			err = errors.Join(err, e.abort())
		}
	}
	if err != nil {
		p.closeOurs()
		if run.proc.Ended() {
			return nil, notRunning(m.rec.ID, container.StatusExited)
		}
		return nil, fmt.Errorf("exec in container %s: %w", names.Short(m.rec.ID), err)
	}
	return e, nil
}

func (m *managed) execSpec(req api.ExecRequest, rootfs string, first *specs.Process) (*specs.Process, error) {
	c := spec.Command{Args: req.Args, Env: req.Env, Dir: req.Dir, Privileged: req.Privileged}
	if err := spec.ValidateExec(c, req.User); err != nil {
		return nil, err
	}
	who := req.User
	if who == "" {
		who = m.rec.User
	}
	u, home, err := resolveUser(rootfs, who, m.rec.Options.Process.Groups...)
	if err != nil {
		return nil, err
	}
	if u, err = spec.FitUser(u, m.s.Host); err != nil {
		return nil, err
	}
	return m.rec.Exec(c, u, home, first, m.s.Host), nil
}

// serve connects a client with the command until it has ended. A client that goes before kills it.
func (e *execution) serve(conn net.Conn, br *bufio.Reader) {
	defer conn.Close()
	fw := api.NewFrameWriter(conn)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		e.readInput(api.NewFrameReader(br))
	}()
	var out sync.WaitGroup
	outputs := map[api.Kind]*os.File{api.Stdout: e.pipes.stdout, api.Stderr: e.pipes.stderr}
	if e.pipes.master != nil {
		outputs = map[api.Kind]*os.File{api.Stdout: e.pipes.master}
	}
	for kind, f := range outputs {
		out.Go(func() { e.copyFrames(fw, kind, f) })
	}
	ended := make(chan struct{})
	go func() {
		select {
		case <-gone:
			e.kill()
		case <-ended:
		}
	}()
	ps, err := e.proc.Wait()
	close(ended)
	st := container.State{Status: container.StatusExited, Started: e.begin, Finished: time.Now()}
	// A background process of the command's may hold the streams open: as docker exec, wait for it a while only.
	e.over.Store(true)
	for _, f := range outputs {
		closing(f)
	}
	out.Wait()
	e.pipes.closeOurs()
	// The client is gone when these fail.
	if err != nil {
		_ = fw.JSON(api.Failure, api.ToError(err))
		return
	}
	exitStatus(&st, ps.Sys())
	e.ended(st)
	_ = fw.JSON(api.Exit, st)
}

// streamGrace is how long a stream of an ended command may be silent before it is given up: others hold it.
const streamGrace = 500 * time.Millisecond

func closing(f *os.File) {
	_ = f.SetReadDeadline(time.Now().Add(streamGrace)) // closed already: nothing to wait for
}

func (e *execution) copyFrames(fw *api.FrameWriter, kind api.Kind, f *os.File) {
	buf := make([]byte, 64<<10)
	for {
		if e.over.Load() {
			closing(f)
		}
		n, err := f.Read(buf)
		if n > 0 {
			if fw.Frame(kind, buf[:n]) != nil {
				return // the client is gone: the command is being killed
			}
		}
		if err != nil {
			return
		}
	}
}

func (e *execution) readInput(fr *api.FrameReader) {
	for {
		kind, p, err := fr.Next()
		if err != nil {
			return
		}
		stdin := e.pipes.stdin
		if e.pipes.master != nil {
			stdin = e.pipes.master
		}
		switch {
		case kind == api.Resize && e.pipes.master != nil:
			var size api.Size
			if json.Unmarshal(p, &size) == nil {
				_ = resize(e.pipes.master, size) // the command has ended
			}
		case kind == api.Stdin && stdin != nil:
			_, _ = stdin.Write(p) // the command does not want it
		case kind == api.CloseInput && e.pipes.stdin != nil:
			e.pipes.stdin.Close()
		}
	}
}

// leave lets the command run with no one connected. What it writes to a terminal is discarded.
func (e *execution) leave() {
	if m := e.pipes.master; m != nil {
		go func() { _, _ = io.Copy(io.Discard, m) }() // it ends with the terminal
	}
	go func() {
		if ps, err := e.proc.Wait(); err == nil {
			var st container.State
			exitStatus(&st, ps.Sys())
			e.ended(st)
		}
		e.pipes.closeOurs()
	}()
}

// abort ends a command that no one is connected to. It must be waited for: the container's first process can't end
// before every other one of its pid namespace is reaped.
func (e *execution) abort() error {
	e.kill()
	ps, err := e.proc.Wait()
	e.pipes.closeOurs()
	if err == nil && e.ended != nil {
		var st container.State
		exitStatus(&st, ps.Sys())
		e.ended(st)
	}
	return err
}

func (e *execution) kill() {
	_ = e.proc.Signal(syscall.SIGKILL) // it may have ended
}
