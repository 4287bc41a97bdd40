//go:build linux

package streams

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// Process is a process that runs.
type Process interface {
	Wait() (*os.ProcessState, error)
	Signal(syscall.Signal) error
}

// Execution is a command that runs, and its streams. It is served, left or aborted, or collected, once.
type Execution struct {
	Proc  Process
	PID   int // on the host
	Pipes *Pipes
	Begin time.Time
	Ended func(container.State) // is told how the command ended; nil: no one is

	over atomic.Bool // the command has ended
}

// Serve connects a client with the command until it has ended. A client that goes before kills it.
func (e *Execution) Serve(conn net.Conn, br *bufio.Reader) {
	defer conn.Close()
	fw := api.NewFrameWriter(conn)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		e.readInput(api.NewFrameReader(br))
	}()
	_ = fw.JSON(api.Started, api.ExecStarted{PID: e.PID}) // a client that is gone is found below
	var out sync.WaitGroup
	for kind, f := range e.Pipes.outputs() {
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
	ps, err := e.Proc.Wait()
	close(ended)
	finished := time.Now()
	// A background process of the command's may hold the streams open: as docker exec, wait for it a while only.
	e.over.Store(true)
	for _, f := range e.Pipes.outputs() {
		closing(f)
	}
	out.Wait()
	e.Pipes.CloseOurs()
	// The client is gone when these fail.
	if err != nil {
		_ = fw.JSON(api.Failure, api.ToError(err))
		return
	}
	st := ExitState(ps)
	st.Started, st.Finished = e.Begin, finished
	e.tell(st)
	_ = fw.JSON(api.Exit, st)
}

// streamGrace is how long a stream of an ended command may be silent before it is given up: others hold it.
const streamGrace = 500 * time.Millisecond

func closing(f *os.File) {
	_ = f.SetReadDeadline(time.Now().Add(streamGrace)) // closed already: nothing to wait for
}

func (e *Execution) copyFrames(fw *api.FrameWriter, kind api.Kind, f *os.File) {
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

func (e *Execution) readInput(fr *api.FrameReader) {
	var in Input
	in.Connect(e.Pipes)
	for {
		kind, p, err := fr.Next()
		if err != nil {
			return
		}
		switch kind {
		case api.Resize:
			var size api.Size
			if json.Unmarshal(p, &size) == nil {
				in.Resize(size)
			}
		case api.Stdin:
			in.Write(p)
		case api.CloseInput:
			in.Close()
		}
	}
}

// Leave lets the command run with no one connected. What it writes to a terminal is discarded.
func (e *Execution) Leave() {
	if m := e.Pipes.master; m != nil {
		go func() { _, _ = io.Copy(io.Discard, m) }() // it ends with the terminal
	}
	go func() {
		if ps, err := e.Proc.Wait(); err == nil {
			e.tell(ExitState(ps))
		}
		e.Pipes.CloseOurs()
	}()
}

// Abort ends a command that no one is connected to. It must be waited for: a container's first process can't end before
// every other one of its pid namespace is reaped.
func (e *Execution) Abort() error {
	e.kill()
	ps, err := e.Proc.Wait()
	e.Pipes.CloseOurs()
	if err == nil {
		e.tell(ExitState(ps))
	}
	return err
}

// Collect writes what the command writes to out, and returns how it ended. After timeout it is killed, and late.
func (e *Execution) Collect(out io.Writer, timeout time.Duration) (st container.State, late bool, err error) {
	var copied sync.WaitGroup
	for _, f := range e.Pipes.outputs() {
		copied.Go(func() { _, _ = io.Copy(out, f) }) // ends with its writers, or below
	}
	killed := make(chan struct{})
	kill := time.AfterFunc(timeout, func() {
		close(killed)
		e.kill()
	})
	ps, err := e.Proc.Wait()
	if late = !kill.Stop(); late {
		<-killed
	}
	for _, f := range e.Pipes.outputs() {
		closing(f)
	}
	copied.Wait()
	e.Pipes.CloseOurs()
	if err != nil {
		return st, late, err
	}
	return ExitState(ps), late, nil
}

func (e *Execution) kill() {
	_ = e.Proc.Signal(syscall.SIGKILL) // it may have ended
}

func (e *Execution) tell(st container.State) {
	if e.Ended != nil {
		e.Ended(st)
	}
}

// ExitState is how a process ended.
func ExitState(ps *os.ProcessState) container.State {
	st := container.State{Status: container.StatusExited}
	ws, ok := ps.Sys().(syscall.WaitStatus)
	switch {
	case !ok:
		st.ExitCode = 255
	case ws.Signaled():
		st.ExitCode, st.Signal = 128+int(ws.Signal()), spec.SignalName(ws.Signal())
	default:
		st.ExitCode = ws.ExitStatus()
	}
	return st
}
