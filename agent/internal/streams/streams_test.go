//go:build linux

package streams_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/streams"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// process is one of this machine.
type process struct{ *os.Process }

func (p process) Signal(s syscall.Signal) error { return p.Process.Signal(s) }

// start runs a shell with pipes.
func start(t *testing.T, script string, p *streams.Pipes) *streams.Execution {
	cmd := exec.Command("sh", "-c", script)
	theirs := p.IO(api.Size{})
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs.Stdin, theirs.Stdout, theirs.Stderr
	require.NoError(t, cmd.Start())
	p.CloseTheirs()
	return &streams.Execution{Proc: process{cmd.Process}, Pipes: p, Begin: time.Now()}
}

func pipes(t *testing.T, stdin bool) *streams.Pipes {
	p, err := streams.New(stdin, false)
	require.NoError(t, err)
	return p
}

// client is the other side of Serve.
type client struct {
	t    *testing.T
	conn net.Conn
	fw   *api.FrameWriter
	out  map[api.Kind]string
}

func serve(t *testing.T, e *streams.Execution) *client {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close() })
	go e.Serve(theirs, bufio.NewReader(theirs))
	return &client{t: t, conn: ours, fw: api.NewFrameWriter(ours), out: map[api.Kind]string{}}
}

// end reads up to the last frame.
func (c *client) end() (st container.State) {
	for fr := api.NewFrameReader(c.conn); ; {
		kind, p, err := fr.Next()
		require.NoError(c.t, err)
		if kind == api.Exit {
			require.NoError(c.t, json.Unmarshal(p, &st))
			return st
		}
		if kind != api.Started {
			c.out[kind] += string(p)
		}
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	e := start(t, "cat; echo bad >&2; exit 3", pipes(t, true))
	told := make(chan container.State, 1)
	e.Ended = func(st container.State) { told <- st }
	c := serve(t, e)
	require.NoError(t, c.fw.Frame(api.Stdin, []byte("some ")))
	require.NoError(t, c.fw.Frame(api.Stdin, []byte("data")))
	require.NoError(t, c.fw.Frame(api.CloseInput, nil))
	st := c.end()
	assert.Equal(t, map[api.Kind]string{api.Stdout: "some data", api.Stderr: "bad\n"}, c.out)
	assert.Equal(t, 3, st.ExitCode)
	assert.Equal(t, container.StatusExited, st.Status)
	assert.False(t, st.Finished.Before(st.Started))
	assert.Equal(t, 3, (<-told).ExitCode)
}

// A client that goes kills the command.
func TestServeGone(t *testing.T) {
	t.Parallel()
	e := start(t, "exec sleep 1000", pipes(t, false))
	told := make(chan container.State, 1)
	e.Ended = func(st container.State) { told <- st }
	serve(t, e).conn.Close()
	assert.Equal(t, "SIGKILL", (<-told).Signal)
}

// A background process that holds the streams does not hold the answer.
func TestServeHeldStreams(t *testing.T) {
	t.Parallel()
	c := serve(t, start(t, "sleep 1000 & echo $!", pipes(t, false)))
	begin := time.Now()
	assert.Zero(t, c.end().ExitCode)
	assert.Less(t, time.Since(begin), time.Minute)
	require.NoError(t, exec.Command("kill", strings.TrimSpace(c.out[api.Stdout])).Run())
}

func TestCollect(t *testing.T) {
	t.Parallel()
	var out safe
	st, late, err := start(t, "echo out; echo err >&2; exit 4", pipes(t, false)).Collect(&out, time.Minute)
	require.NoError(t, err)
	assert.False(t, late)
	assert.Equal(t, 4, st.ExitCode)
	assert.ElementsMatch(t, []string{"out", "err"}, strings.Fields(out.String()))

	out = safe{}
	st, late, err = start(t, "echo begun; exec sleep 1000", pipes(t, false)).Collect(&out, 100*time.Millisecond)
	require.NoError(t, err)
	assert.True(t, late)
	assert.Equal(t, 137, st.ExitCode)
}

// safe is a buffer for several writers.
type safe struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safe) String() string { return s.b.String() }

func TestLeaveAndAbort(t *testing.T) {
	t.Parallel()
	null, err := streams.Null()
	require.NoError(t, err)
	e := start(t, "cat; echo nothing; exit 5", null)
	told := make(chan container.State, 1)
	e.Ended = func(st container.State) { told <- st }
	e.Leave()
	assert.Equal(t, 5, (<-told).ExitCode)

	e = start(t, "exec sleep 1000", pipes(t, true))
	e.Ended = func(st container.State) { told <- st }
	require.NoError(t, e.Abort())
	assert.Equal(t, 137, (<-told).ExitCode)
}

// A terminal comes by the console's socket, and gets the size that was set before.
func TestTerminal(t *testing.T) {
	t.Parallel()
	p, err := streams.New(false, true)
	require.NoError(t, err)
	theirs := p.IO(api.Size{Width: 80, Height: 24})
	assert.EqualValues(t, 80, theirs.Width)
	assert.EqualValues(t, 24, theirs.Height)
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the machine has no /dev/ptmx")
	}
	require.NoError(t, err)
	defer ptmx.Close()
	require.NoError(t, unix.Sendmsg(int(theirs.Console.Fd()), []byte("terminal"), unix.UnixRights(int(ptmx.Fd())), nil, 0))
	require.NoError(t, p.Terminal())
	p.CloseTheirs()
	size := func() unix.Winsize {
		ws, err := unix.IoctlGetWinsize(int(ptmx.Fd()), unix.TIOCGWINSZ)
		require.NoError(t, err)
		return *ws
	}
	var in streams.Input
	in.Write([]byte("no one reads this yet"))
	in.Resize(api.Size{Width: 100, Height: 30})
	in.Connect(p)
	assert.Equal(t, unix.Winsize{Row: 30, Col: 100}, size())
	in.Resize(api.Size{})
	in.Resize(api.Size{Width: 90, Height: 20})
	assert.Equal(t, unix.Winsize{Row: 20, Col: 90}, size())
	assert.Equal(t, api.Size{Width: 90, Height: 20}, in.Size())
	in.Close() // a terminal stays
	in.Resize(api.Size{Width: 91, Height: 20})
	assert.Equal(t, unix.Winsize{Row: 20, Col: 91}, size())
	in.Disconnect()
	in.Resize(api.Size{Width: 1, Height: 1})
	in.Write([]byte("gone"))
	assert.Equal(t, unix.Winsize{Row: 20, Col: 91}, size())
	p.CloseOurs()
}

func TestNoTerminal(t *testing.T) {
	t.Parallel()
	p, err := streams.New(false, true)
	require.NoError(t, err)
	p.CloseTheirs()
	require.ErrorContains(t, p.Terminal(), "sent no terminal")
	p.CloseOurs()
	plain := pipes(t, false)
	require.NoError(t, plain.Terminal(), "none is asked for")
	plain.CloseTheirs()
	plain.CloseOurs()
}

func TestInput(t *testing.T) {
	t.Parallel()
	p := pipes(t, true)
	var in streams.Input
	in.Connect(p)
	in.Write([]byte("data"))
	in.Close()
	in.Write([]byte("late"))
	got, err := io.ReadAll(p.IO(api.Size{}).Stdin)
	require.NoError(t, err)
	assert.Equal(t, "data", string(got))
	p.CloseTheirs()
	p.CloseOurs()
}

func TestExitState(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]container.State{
		"exit 0":        {Status: container.StatusExited},
		"exit 7":        {Status: container.StatusExited, ExitCode: 7},
		"kill -TERM $$": {Status: container.StatusExited, ExitCode: 143, Signal: "SIGTERM"},
		"kill -35 $$":   {Status: container.StatusExited, ExitCode: 163, Signal: "35"},
	} {
		cmd := exec.Command("sh", "-c", script)
		_ = cmd.Run()
		assert.Equal(t, want, streams.ExitState(cmd.ProcessState), script)
	}
}
