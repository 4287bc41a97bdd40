package containers

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	docker "github.com/moby/moby/api/types/container"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	"github.com/caisson-dev/caisson/dockerapi/shape"
)

// execs are the commands that clients have made. Docker keeps one for a while after its end, so that its code can be asked
// for.
type execs struct {
	mu  sync.Mutex
	all map[string]*exec
}

// keepFor is how long a command is kept that has ended.
const keepFor = 5 * time.Minute

// exec is a command in a container.
type exec struct {
	id, container string
	in            docker.ExecCreateRequest
	keys          string

	mu      sync.Mutex
	begun   bool
	cmd     *container.Cmd // while it runs, and after
	running bool
	code    *int
	ended   time.Time
	size    container.Size
}

func (e *execs) add(x *exec) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, old := range e.all {
		if old.over(keepFor) {
			delete(e.all, id)
		}
	}
	if e.all == nil {
		e.all = map[string]*exec{}
	}
	e.all[x.id] = x
}

func (x *exec) over(since time.Duration) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.code != nil && !x.running && time.Since(x.ended) > since
}

func (e *execs) get(id string) (*exec, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	x := e.all[id]
	if x == nil {
		return nil, wire.NotFound("No such exec instance: %s", id)
	}
	return x, nil
}

// forget drops the commands of a container that is gone.
func (e *execs) forget(container string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, x := range e.all {
		if x.container == container {
			delete(e.all, id)
		}
	}
}

// of are the ids of the commands of a container that have not ended; nil if there are none, as in Docker.
func (e *execs) of(container string) (ids []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, x := range e.all {
		if x.container == container && !x.over(0) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (s *Service) execCreate(w http.ResponseWriter, r *wire.Request) error {
	var in docker.ExecCreateRequest
	if err := r.Decode(&in, false); err != nil {
		return err
	}
	if len(in.Cmd) == 0 || in.Cmd[0] == "" {
		return wire.BadRequest("No exec command specified")
	}
	c, info, err := s.Backend.Inspect(r.Context(), r.Name)
	if err != nil {
		return err
	}
	switch {
	case info.State.Status == container.StatusPaused:
		return wire.Conflict("container %s is paused, unpause the container before exec", c.ID())
	case info.State.Status == container.StatusRestarting:
		return wire.Conflict("container %s is restarting, wait until the container is running", c.ID())
	case !shape.Running(info.State.Status):
		return wire.Conflict("container %s is not running", c.ID())
	}
	keys, err := detachKeys(in.DetachKeys, in.Tty)
	if err != nil {
		return err
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id) // it never fails
	x := &exec{id: hex.EncodeToString(id), container: c.ID(), in: in, keys: keys, size: consoleSize(in.ConsoleSize)}
	s.execs.add(x)
	wire.Reply(w, http.StatusCreated, docker.ExecCreateResponse{ID: x.id})
	return nil
}

// consoleSize is height and width.
func consoleSize(s *[2]uint) container.Size {
	if s == nil || s[0] > 65535 || s[1] > 65535 {
		return container.Size{}
	}
	return container.Size{Height: uint16(s[0]), Width: uint16(s[1])}
}

func (s *Service) execInspect(w http.ResponseWriter, r *wire.Request) error {
	x, err := s.execs.get(r.Name)
	if err != nil {
		return err
	}
	x.mu.Lock()
	out := docker.ExecInspectResponse{
		ID: x.id, Running: x.running, ExitCode: x.code, OpenStdin: x.in.AttachStdin, OpenStdout: x.in.AttachStdout, OpenStderr: x.in.AttachStderr,
		CanRemove: x.code != nil && !x.running, ContainerID: x.container, DetachKeys: []byte(x.keys),
		ProcessConfig: &docker.ExecProcessConfig{
			Tty: x.in.Tty, Entrypoint: x.in.Cmd[0], Arguments: x.in.Cmd[1:], Privileged: &x.in.Privileged, User: x.in.User,
		},
	}
	cmd := x.cmd
	x.mu.Unlock()
	if cmd != nil {
		out.Pid = cmd.Pid()
	}
	return wire.OK(w, out)
}

func (s *Service) execResize(w http.ResponseWriter, r *wire.Request) error {
	size, err := sizeOf(r)
	if err != nil {
		return err
	}
	x, err := s.execs.get(r.Name)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.size = size // for a start that is to come
	if x.cmd != nil {
		if err := x.cmd.Resize(size); err != nil {
			return err
		}
	}
	return wire.Empty(w, http.StatusOK)
}

func (s *Service) execStart(w http.ResponseWriter, r *wire.Request) error {
	var in docker.ExecStartRequest
	if err := r.Decode(&in, true); err != nil {
		return err
	}
	x, err := s.execs.get(r.Name)
	if err != nil {
		return err
	}
	c, info, err := s.Backend.Inspect(r.Context(), x.container)
	if err != nil {
		return err
	}
	if !shape.Running(info.State.Status) {
		return wire.Conflict("container %s is not running", x.container)
	}
	if info.State.Status == container.StatusPaused {
		return wire.Conflict("container %s is paused, unpause the container before exec", x.container)
	}
	if err := x.begin(in); err != nil {
		return err
	}
	// The command goes on when its client goes, as in Docker.
	ctx := context.WithoutCancel(r.Context())
	if in.Detach {
		if err := x.start(ctx, c, nil, wire.Streams{}); err != nil {
			return execError(err)
		}
		go x.wait()
		return wire.Empty(w, http.StatusOK)
	}
	conn, err := wire.Hijack(w, r, wire.MediaType(r.Version, x.in.Tty))
	if err != nil {
		x.end(container.State{ExitCode: 128})
		return err
	}
	defer conn.Finish()
	x.serve(ctx, c, conn)
	return nil
}

// begin makes sure that a command is started once.
func (x *exec) begin(in docker.ExecStartRequest) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.code != nil:
		return wire.Conflict("exec command %s has already run", x.id)
	case x.begun:
		return wire.Conflict("exec command %s is already running", x.id)
	}
	x.begun = true
	if size := consoleSize(in.ConsoleSize); size != (container.Size{}) {
		x.size = size
	}
	return nil
}

// serve runs the command with a client connected, until the command ends or the client goes.
func (x *exec) serve(ctx context.Context, c *container.Container, conn *wire.Conn) {
	client, cancel := context.WithCancel(ctx)
	defer cancel()
	streams := wire.Multiplex(&wire.Sink{W: conn, Broken: cancel}, x.in.Tty)
	in := wire.NewInput(client, conn, !x.in.AttachStdin || x.in.Tty, cancel)
	var stdin io.Reader
	if x.in.AttachStdin {
		stdin = in
	} else {
		go in.Discard()
	}
	if err := x.start(ctx, c, stdin, streams.Chosen(x.in.AttachStdout, x.in.AttachStderr || x.in.Tty)); err != nil {
		_, _ = io.WriteString(streams.Stderr, execError(err).Error()+"\r\n") // the client is gone when it fails
		return
	}
	ended := make(chan struct{})
	go func() {
		x.wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-client.Done():
	}
}

// start starts the command, and remembers how it ended if it could not be started.
func (x *exec) start(ctx context.Context, c *container.Container, stdin io.Reader, streams wire.Streams) error {
	x.mu.Lock()
	cmd := c.Command(x.in.Cmd[0], x.in.Cmd[1:]...)
	cmd.Env, cmd.Dir, cmd.User, cmd.TTY, cmd.Privileged, cmd.Size = x.in.Env, x.in.WorkingDir, x.in.User, x.in.Tty, x.in.Privileged, x.size
	cmd.Stdin = stdin
	if streams.Stdout != nil {
		cmd.Stdout = streams.Stdout
	}
	if streams.Stderr != nil {
		cmd.Stderr = streams.Stderr
	}
	x.mu.Unlock()
	err := cmd.Start(ctx)
	switch {
	case errors.Is(err, container.ErrCommandNotFound):
		x.end(container.State{ExitCode: 127})
	case errors.Is(err, container.ErrNotExecutable):
		x.end(container.State{ExitCode: 126})
	case err != nil:
		x.end(container.State{ExitCode: 128})
	default:
		x.mu.Lock()
		x.cmd, x.running = cmd, true
		if x.size != cmd.Size {
			_ = cmd.Resize(x.size) // it has ended
		}
		x.mu.Unlock()
	}
	return err
}

// wait waits until the command has ended.
func (x *exec) wait() {
	err := x.cmd.Wait()
	st := container.State{}
	if e, ok := errors.AsType[*container.ExitError](err); ok {
		st = e.State
	} else if err != nil {
		st.ExitCode = 137 // the container or the engine went
	}
	x.end(st)
}

func (x *exec) end(st container.State) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.running, x.code, x.ended = false, &st.ExitCode, time.Now()
}

// execError has Docker's texts, by which some clients choose an exit code.
func execError(err error) error {
	const runtime = "OCI runtime exec failed: exec failed: unable to start container process: exec: "
	switch {
	case errors.Is(err, container.ErrCommandNotFound):
		return wire.BadRequest("%s%w: executable file not found in $PATH: no such file or directory", runtime, err)
	case errors.Is(err, container.ErrNotExecutable):
		return wire.BadRequest("%s%w: permission denied", runtime, err)
	}
	return err
}
