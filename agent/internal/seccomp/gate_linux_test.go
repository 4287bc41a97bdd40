package seccomp_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/seccomp"
	"github.com/caisson-dev/caisson/agent/internal/seccomp/gate"
)

// ends asserts that the process exits as the gate makes it, without having
// been let past its fifo's stand-in.
func (p *process) ends(t *testing.T) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	select {
	case err := <-done:
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, 125, exit.ExitCode(), p.stderr.String())
		require.Empty(t, p.stdout.String())
	case <-time.After(10 * time.Second):
		t.Fatal("the process goes on without a filter")
	}
}

func TestGateParentGone(t *testing.T) {
	p := startProcess(t, "gate", nil)
	p.conn.Close()
	p.ends(t)
}

func TestGateParentGoneHalfway(t *testing.T) {
	program := defaultProgram(t)
	for _, n := range []int{1, gate.HeaderSize - 1, gate.HeaderSize, gate.HeaderSize + 12, len(program) - 1} {
		p := startProcess(t, "gate", nil)
		_, err := p.conn.Write(program[:n])
		require.NoError(t, err)
		p.conn.Close()
		p.ends(t)
	}
}

func TestGateSlowParent(t *testing.T) {
	requireRoot(t)
	program := defaultProgram(t)
	p := startProcess(t, "gate", nil)
	for _, b := range program[:40] {
		_, err := p.conn.Write([]byte{b})
		require.NoError(t, err)
		require.Eventually(t, func() bool { return p.unread(t) == 0 }, 10*time.Second, 100*time.Microsecond)
	}
	_, err := p.conn.Write(program[40:])
	require.NoError(t, err)
	require.NoError(t, seccomp.Await(p.conn, 10*time.Second))
	require.Equal(t, "EPERM", p.verdicts(t)["unshare"])
}

// unread is how many bytes the process has not read yet.
func (p *process) unread(t *testing.T) (n int) {
	t.Helper()
	raw, err := p.conn.SyscallConn()
	require.NoError(t, err)
	var cerr error
	require.NoError(t, raw.Control(func(fd uintptr) { n, cerr = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) }))
	require.NoError(t, cerr)
	return n
}

func TestGateMalformed(t *testing.T) {
	requireRoot(t)
	garbage := make([]byte, 64)
	badMagic := append([]byte("BPF0"), 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0)
	noReturn, err := gate.Encode(0, []byte{0x20, 0, 0, 0, 0, 0, 0, 0}) // a load and nothing after
	require.NoError(t, err)
	farJump, err := gate.Encode(0, []byte{0x15, 0, 9, 9, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0xff, 0x7f})
	require.NoError(t, err)
	listener, err := gate.Encode(1<<3, []byte{6, 0, 0, 0, 0, 0, 0xff, 0x7f}) // would return a descriptor
	require.NoError(t, err)
	for _, test := range []struct {
		name    string
		program []byte
		want    string
	}{
		{"garbage", garbage, "malformed program"},
		{"magic", badMagic, "malformed program"},
		{"no return", noReturn, "the kernel refused the filter as malformed"},
		{"jump", farJump, "the kernel refused the filter as malformed"},
		{"flags", listener, "malformed program"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := startProcess(t, "gate", nil)
			_, err := p.conn.Write(test.program) // Send would not
			require.NoError(t, err)
			err = seccomp.Await(p.conn, 10*time.Second)
			require.ErrorIs(t, err, seccomp.ErrNotInstalled)
			require.ErrorContains(t, err, test.want)
			p.ends(t)

			if _, _, err := gate.Decode(test.program); err != nil {
				require.ErrorIs(t, seccomp.Send(p.conn, test.program, time.Second), gate.ErrProgram)
			}
		})
	}
}

// TestGateThreadWithOwnFilter: TSYNC is all or nothing.
func TestGateThreadWithOwnFilter(t *testing.T) {
	requireRoot(t)
	p := startProcess(t, "gate-own-filter", nil)
	err := seccomp.Send(p.conn, defaultProgram(t), 10*time.Second)
	require.ErrorIs(t, err, seccomp.ErrNotInstalled)
	require.ErrorContains(t, err, "another thread has a filter of its own")
	p.ends(t)
}

func TestGateWithoutPrivilege(t *testing.T) {
	requireRoot(t)
	p := startProcess(t, "gate-late", nil)
	err := seccomp.Send(p.conn, defaultProgram(t), 10*time.Second)
	require.ErrorIs(t, err, seccomp.ErrNotInstalled)
	require.ErrorContains(t, err, "neither CAP_SYS_ADMIN nor no_new_privs")
	p.ends(t)
}

// TestGateDeniesAnswer: a filter that denies the answer is not taken for one.
func TestGateDeniesAnswer(t *testing.T) {
	requireRoot(t)
	s := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{on("sendto", specs.ActErrno)}}
	program, err := seccomp.Compile(s, runtime.GOARCH)
	require.NoError(t, err)
	p := startProcess(t, "gate", nil)
	err = seccomp.Send(p.conn, program, 10*time.Second)
	require.ErrorIs(t, err, seccomp.ErrNotInstalled)
	require.ErrorContains(t, err, "the profile denies sendto")
}

func TestDirectParentGone(t *testing.T) {
	p := startProcess(t, "direct", nil)
	p.conn.Close()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 3, exit.ExitCode())
	require.Contains(t, p.stderr.String(), "seccomp: the parent closed the gate before it had sent a program")
}

func TestSendToNobody(t *testing.T) {
	parent, child, err := seccomp.Pair()
	require.NoError(t, err)
	defer parent.Close()
	start := time.Now()
	err = seccomp.Send(parent, defaultProgram(t), 50*time.Millisecond)
	require.ErrorIs(t, err, seccomp.ErrTimeout)
	require.Less(t, time.Since(start), 5*time.Second)

	child.Close()
	err = seccomp.Send(parent, defaultProgram(t), time.Second)
	require.ErrorIs(t, err, seccomp.ErrNotInstalled)
}

// TestSendHostileAnswer: what answers may be under the container's control.
func TestSendHostileAnswer(t *testing.T) {
	for _, answer := range []string{"okay\n", "ok", "\n", string(make([]byte, 1<<20))} {
		a, b := net.Pipe()
		go func() {
			b.Read(make([]byte, 1<<16))
			b.Write([]byte(answer))
			b.Close()
		}()
		err := seccomp.Send(a, defaultProgram(t), 5*time.Second)
		require.Error(t, err)
		require.True(t, errors.Is(err, seccomp.ErrNotInstalled), err)
		require.Less(t, len(err.Error()), 8192)
		a.Close()
	}
}

// TestDescriptorIsNotLeaked: the program that is executed does not inherit the
// gate.
func TestDescriptorIsNotLeaked(t *testing.T) {
	requireRoot(t)
	p := startProcess(t, "gate-exec", nil)
	require.NoError(t, seccomp.Send(p.conn, defaultProgram(t), 10*time.Second))
	_, err := p.start.Write([]byte{1})
	require.NoError(t, err)
	require.NoError(t, p.cmd.Wait(), p.stderr.String())
	require.Contains(t, p.stdout.String(), "Seccomp:\t2")
	require.NotContains(t, p.stdout.String(), "socket:")
}

var _ seccomp.Conn = (*os.File)(nil)
