//go:build linux

package runc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/process"
	"github.com/caisson-dev/caisson/agent/internal/seccomp"
	"github.com/caisson-dev/caisson/internal/api"
)

// gateTimeout bounds the wait for a container's init to install its filter; it takes a millisecond.
const gateTimeout = 30 * time.Second

// IO is a process's standard streams. The caller closes its copies when Start has returned.
type IO struct {
	Stdin, Stdout, Stderr *os.File
	Console               *os.File // a unix socket that gets the master of a new terminal, instead of the three
	Width, Height         uint16   // of that terminal, in characters
}

// Process is a running process of a container.
type Process struct {
	*process.Process
	wait func() (*os.ProcessState, error)
}

// started returns a process that libcontainer has just started.
func started(lp *libcontainer.Process) (*Process, error) {
	pid, err := lp.Pid()
	if err != nil {
		return nil, err
	}
	p, err := process.Open(pid)
	if err != nil {
		return nil, err
	}
	return &Process{p, lp.Wait}, nil
}

// abandon ends what is started in vain. p may be nil.
func abandon(lp *libcontainer.Process, p *Process) {
	_ = lp.Signal(unix.SIGKILL) // it may have ended already; Wait tells
	if p != nil {
		_ = p.Await()
		p.Close()
	}
	_, _ = lp.Wait()
}

// Start starts the container's first process, confined before it executes anything of the image.
func (c *Container) Start(stdio IO) (*Process, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := newProcess(c.spec.Process, stdio)
	p.Init = true
	g, err := c.gate(p)
	if err != nil {
		return nil, err
	}
	defer g.close()
	if err := c.r.onThread(func() error { return c.lc.Start(p) }); err != nil {
		return nil, startError(err)
	}
	first, err := started(p)
	if err == nil {
		err = c.keepFreezer()
	}
	if err == nil {
		err = c.keepCgroups()
	}
	if err == nil {
		err = c.hold(first)
	}
	if err == nil {
		err = g.send()
	}
	if err == nil {
		err = c.lc.Exec()
	}
	if err != nil {
		abandon(p, first)
		return nil, err
	}
	g.executed()
	c.first.Store(first)
	return first, nil
}

// keepFreezer notes where the container is frozen while nobody can destroy it.
func (c *Container) keepFreezer() error {
	dir, err := process.Freezer(c.lc)
	if err == nil {
		c.freezer.Store(&dir)
	}
	return err
}

// Exec starts another process in the running container.
func (c *Container) Exec(spec *specs.Process, stdio IO) (*Process, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var e *Process
	joins := c.joins(spec, stdio)
	err := c.first.Load().Settled(func() (err error) {
		if joins {
			if e, err = c.join(spec, stdio); !cannotJoin(err) {
				return err
			}
		}
		e, err = c.exec(spec, stdio)
		return err
	}, api.ErrCommandNotFound, api.ErrNotExecutable)
	return e, err
}

// exec is libcontainer's way.
func (c *Container) exec(spec *specs.Process, stdio IO) (*Process, error) {
	p := newProcess(spec, stdio)
	g, err := c.gate(p)
	if err != nil {
		return nil, err
	}
	defer g.close()
	if err := g.post(); err != nil {
		return nil, err
	}
	if err := c.r.onThread(func() error { return withoutStrays(func() error { return c.lc.Run(p) }) }); err != nil {
		return nil, startError(err)
	}
	e, err := started(p)
	if err == nil {
		err = g.await()
	}
	if err != nil {
		abandon(p, e)
		return nil, err
	}
	g.executed()
	return e, nil
}

// gate connects the agent with the thread or call that installs the filter in the new process. Its first extra file
// always is the gate's place: without a filter it is a pipe. Both are closed when the process executes its command. The
// second is the small binary's, as package initbinary wants it.
func (c *Container) gate(p *libcontainer.Process) (*gate, error) {
	g, err := c.openGate()
	if err != nil {
		return nil, err
	}
	p.ExtraFiles = []*os.File{g.child}
	if c.r.init != nil {
		p.ExtraFiles = append(p.ExtraFiles, c.r.init)
	}
	return g, nil
}

func (c *Container) openGate() (g *gate, err error) {
	g = &gate{}
	if c.spec.Linux.Seccomp == nil {
		g.parent, g.child, err = os.Pipe()
		return g, err
	}
	if g.program, err = c.r.filters.Compile(c.spec.Linux.Seccomp, runtime.GOARCH); err != nil {
		return nil, err
	}
	g.parent, g.child, err = seccomp.Pair()
	return g, err
}

type gate struct {
	parent, child *os.File
	program       []byte // nil: no filter
}

func (g *gate) send() error {
	g.child.Close()
	if g.program == nil {
		return nil
	}
	return seccomp.Send(g.parent, g.program, gateTimeout)
}

// post leaves the program in the socket for a process that reads it before libcontainer goes on.
func (g *gate) post() error {
	if g.program == nil {
		return nil
	}
	return seccomp.Post(g.parent, g.program, gateTimeout)
}

// await makes sure that the process has the filter: its Run says only that it got as far as libcontainer.
func (g *gate) await() error {
	g.child.Close()
	if g.program == nil {
		return nil
	}
	return seccomp.Await(g.parent, gateTimeout)
}

// executed waits until the process is its command, and libcontainer's program no more: what is asked about it, joined or
// signalled from now on is the command. One that does not get there, such as one on a file system that hangs, is as good as
// started.
func (g *gate) executed() {
	g.child.Close()
	_ = seccomp.Executed(g.parent, gateTimeout)
}

func (g *gate) close() {
	g.child.Close()
	g.parent.Close()
}

func newProcess(p *specs.Process, stdio IO) *libcontainer.Process {
	noNew := p.NoNewPrivileges
	lp := &libcontainer.Process{
		Args: p.Args, Env: p.Env, Cwd: p.Cwd,
		UID: int(p.User.UID), GID: int(p.User.GID),
		NoNewPrivileges: &noNew,
		AppArmorProfile: p.ApparmorProfile,
		Label:           p.SelinuxLabel,
	}
	for _, g := range p.User.AdditionalGids {
		lp.AdditionalGroups = append(lp.AdditionalGroups, int(g))
	}
	if c := p.Capabilities; c != nil {
		lp.Capabilities = &configs.Capabilities{Bounding: c.Bounding, Effective: c.Effective, Inheritable: c.Inheritable, Permitted: c.Permitted, Ambient: c.Ambient}
	}
	for _, r := range p.Rlimits {
		if n, ok := rlimits[r.Type]; ok {
			lp.Rlimits = append(lp.Rlimits, configs.Rlimit{Type: n, Soft: r.Soft, Hard: r.Hard})
		}
	}
	if stdio.Console != nil {
		lp.ConsoleSocket, lp.ConsoleWidth, lp.ConsoleHeight = stdio.Console, stdio.Width, stdio.Height
		return lp
	}
	// A nil *os.File in an io.Reader is not nil.
	if stdio.Stdin != nil {
		lp.Stdin = stdio.Stdin
	}
	if stdio.Stdout != nil {
		lp.Stdout = stdio.Stdout
	}
	if stdio.Stderr != nil {
		lp.Stderr = stdio.Stderr
	}
	return lp
}

var rlimits = map[string]int{
	"RLIMIT_AS": unix.RLIMIT_AS, "RLIMIT_CORE": unix.RLIMIT_CORE, "RLIMIT_CPU": unix.RLIMIT_CPU,
	"RLIMIT_DATA": unix.RLIMIT_DATA, "RLIMIT_FSIZE": unix.RLIMIT_FSIZE, "RLIMIT_LOCKS": unix.RLIMIT_LOCKS,
	"RLIMIT_MEMLOCK": unix.RLIMIT_MEMLOCK, "RLIMIT_MSGQUEUE": unix.RLIMIT_MSGQUEUE, "RLIMIT_NICE": unix.RLIMIT_NICE,
	"RLIMIT_NOFILE": unix.RLIMIT_NOFILE, "RLIMIT_NPROC": unix.RLIMIT_NPROC, "RLIMIT_RSS": unix.RLIMIT_RSS,
	"RLIMIT_RTPRIO": unix.RLIMIT_RTPRIO, "RLIMIT_RTTIME": unix.RLIMIT_RTTIME,
	"RLIMIT_SIGPENDING": unix.RLIMIT_SIGPENDING, "RLIMIT_STACK": unix.RLIMIT_STACK,
}

// startError gives libcontainer's texts the sentinels that a caller matches.
func startError(err error) error {
	text := err.Error()
	if _, rest, ok := strings.Cut(text, "chdir to cwd ("); ok {
		dir, why, _ := strings.Cut(rest, ") set in config.json failed: ")
		return api.Errorf(api.ErrNotExecutable, "working directory %s: %s", dir, why)
	}
	switch {
	case strings.Contains(text, "can't copy bootstrap data to pipe"):
		return api.Errorf(api.ErrNotRunning, "the process that prepares the command was killed: %w", err)
	case errors.Is(err, exec.ErrNotFound), strings.Contains(text, exec.ErrNotFound.Error()),
		strings.Contains(text, "exec: ") && strings.Contains(text, syscall.ENOENT.Error()),
		strings.Contains(text, "exec: ") && strings.Contains(text, syscall.ENOTDIR.Error()):
		return api.Errorf(api.ErrCommandNotFound, "%s: no such command in the container", cause(text))
	case strings.Contains(text, "exec: ") && (strings.Contains(text, syscall.EACCES.Error()) || strings.Contains(text, "is a directory")):
		return api.Errorf(api.ErrNotExecutable, "%s: the command can't be executed", cause(text))
	}
	return err
}

// cause cuts the layers that libcontainer puts before the reason.
func cause(text string) string {
	if i := strings.LastIndex(text, "exec: "); i >= 0 {
		return text[i:]
	}
	return text
}

// Wait waits for the process's end.
func (p *Process) Wait() (*os.ProcessState, error) {
	// First: the wait of one that is traced returns when it stops.
	if err := p.Await(); err != nil {
		return nil, fmt.Errorf("wait for process %d: %w", p.Pid, err)
	}
	st, err := p.wait()
	p.Close()
	var ee *exec.ExitError
	if errors.As(err, &ee) {
		return ee.ProcessState, nil
	}
	if err != nil {
		return nil, fmt.Errorf("wait for process %d: %w", p.Pid, err)
	}
	return st, nil
}
