//go:build linux

package work

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/builds/files"
	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/runc"
	"github.com/caisson-dev/caisson/container"
)

// Run is a step that runs a command.
type Run struct {
	Args   []string  // not empty
	Env    []string  // KEY=VALUE; PATH and HOME are added where they are missing
	Dir    string    // made for the step's user where it is missing; "" is /
	User   string    // by names or numbers, such as bob:staff; "" is root
	Stdin  []byte    // nil is /dev/null
	Output io.Writer // gets standard output and error, in one stream, from one goroutine; nil discards
	// Network is "" or "default" for a network of its own that leads out, "host" or "none".
	Network string
	Hosts   []string // lines of /etc/hosts, NAME:ADDRESS; the address host-gateway is this host's
	// Insecure gives the step what a privileged container has.
	Insecure  bool
	Resources container.Resources
	Mounts    []Mount
}

// ExitError says that a step's command did not end with code 0.
type ExitError struct {
	Code   int            // 128 and the signal's number for one that was killed
	Signal syscall.Signal // 0: it was not killed
	Full   bool           // the file system that it wrote on has no room left, which is likely to be why
}

func (e *ExitError) Error() string {
	if e.Signal != 0 {
		return fmt.Sprintf("killed by signal %d (%s)", int(e.Signal), unix.SignalName(e.Signal))
	}
	return fmt.Sprintf("exit code %d", e.Code)
}

// step is one call of Run.
type step struct {
	r    *Root
	run  Run
	id   string
	dir  string
	undo []func() error // in order
}

// Run runs a step to its end. When it returns, nothing of it is left: no process, mount, network or file, but what it wrote in
// the root.
//
// Errors: *ExitError; api.ErrCommandNotFound, ErrNotExecutable and ErrInvalidArgument when it can't be started as it is
// wanted; *MissingError for a mount's path; the cause of ctx when that ended.
func (r *Root) Run(ctx context.Context, run Run) (err error) {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	s := &step{r: r, run: run, id: names.NewID()}
	s.dir = r.w.s.stepDir(s.id)
	defer func() { err = errors.Join(err, s.end()) }()
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return err
	}
	s.defers(func() error { return removeAll(s.dir) })
	return s.start(ctx)
}

// defers has f called when the step is over, before what was deferred earlier.
func (s *step) defers(f func() error) { s.undo = append(s.undo, f) }

func (s *step) end() error {
	var errs []error
	for i := len(s.undo) - 1; i >= 0; i-- {
		errs = append(errs, s.undo[i]())
	}
	return errors.Join(errs...)
}

// start starts the command and waits for its end.
func (s *step) start(ctx context.Context) error {
	made, err := s.spec(ctx)
	if err != nil {
		return err
	}
	out, err := newPipe(s.run.Output)
	if err != nil {
		return err
	}
	defer out.close()
	stdin, err := input(s.run.Stdin)
	if err != nil {
		return err
	}
	defer stdin.Close()
	rc, err := s.r.w.s.rt().Create(s.id, made)
	if err != nil {
		return err
	}
	s.defers(rc.Destroy)
	proc, err := rc.Start(runc.IO{Stdin: stdin, Stdout: out.w, Stderr: out.w})
	if err != nil {
		return err
	}
	out.copy()
	return s.wait(ctx, rc, proc, out)
}

// wait waits for the end of the command, and kills all of the step when ctx ends before.
func (s *step) wait(ctx context.Context, rc *runc.Container, proc *runc.Process, out *pipe) error {
	ended := make(chan struct{})
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		select {
		case <-ended:
		case <-ctx.Done():
			rc.KillUntil(ended)
		}
	}()
	ps, err := proc.Wait()
	close(ended)
	<-killed
	if derr := out.drain(); derr != nil {
		return derr
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	err = exitError(ps)
	var exit *ExitError
	if errors.As(err, &exit) {
		exit.Full = diskspace.Exhausted(s.r.mounted)
	}
	return err
}

func exitError(ps *os.ProcessState) error {
	ws, ok := ps.Sys().(syscall.WaitStatus)
	switch {
	case ok && ws.Signaled():
		return &ExitError{Code: 128 + int(ws.Signal()), Signal: ws.Signal()}
	case ps.ExitCode() != 0:
		return &ExitError{Code: ps.ExitCode()}
	}
	return nil
}

// pipe takes what a step prints.
type pipe struct {
	r, w *os.File
	to   io.Writer
	done chan struct{}
	err  error // of to, once done is closed
}

func newPipe(to io.Writer) (*pipe, error) {
	if to == nil {
		w, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		return &pipe{w: w}, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &pipe{r: r, w: w, to: to}, nil
}

// copy begins to copy, now that the step has its end of the pipe.
func (p *pipe) copy() {
	p.w.Close()
	if p.r == nil {
		return
	}
	p.done = make(chan struct{})
	go func() {
		defer close(p.done)
		buf := make([]byte, 32<<10)
		for {
			n, err := p.r.Read(buf)
			if n > 0 && p.err == nil {
				p.err = p.pass(buf[:n])
			}
			if err != nil {
				return // what the step prints is read to its end in any case: it must not stop
			}
		}
	}()
}

// pass gives output on. A writer that can't take it is no reason for an error, and one that panics is the step's.
func (p *pipe) pass(b []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("output of the step: panic: %v\n%s", r, debug.Stack())
		}
	}()
	_, _ = p.to.Write(b)
	return nil
}

// drain waits for what the step printed last. All that had the pipe are gone.
func (p *pipe) drain() error {
	if p.done == nil {
		return nil
	}
	<-p.done
	return p.err
}

func (p *pipe) close() {
	p.w.Close()
	if p.r != nil {
		p.r.Close()
	}
}

// input is a file to be read, of which no copy is on a disk.
func input(b []byte) (*os.File, error) {
	if b == nil {
		return os.Open(os.DevNull)
	}
	fd, err := unix.MemfdCreate("stdin", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "stdin")
	if _, err := f.Write(b); err != nil {
		f.Close()
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// workdir makes the working directory for the step's user, where it is missing.
func (s *step) workdir(dir string, uid, gid int) error {
	var owner *files.Owner
	if uid != 0 || gid != 0 {
		owner = &files.Owner{UID: uid, GID: gid}
	}
	_, err := files.Mkdir(s.r.root, dir, owner)
	return err
}
