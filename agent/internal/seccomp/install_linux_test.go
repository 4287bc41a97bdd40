package seccomp_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/seccomp"
	"github.com/caisson-dev/caisson/agent/internal/seccomp/gate"
)

const modeEnv = "CAISSON_SECCOMP_TEST_MODE"

// The re-executed test binary stands for a container's process. Its part runs
// in an init function, as it does there.
func init() {
	mode := os.Getenv(modeEnv)
	if mode == "" {
		return
	}
	os.Unsetenv(modeEnv)
	switch mode {
	case "gate", "gate-uid":
		gate.Gate(3)
		if mode == "gate-uid" {
			dropPrivileges()
		}
		waitForStart()
	case "gate-own-filter":
		ownFilter()
		gate.Gate(3)
		waitForStart()
	case "gate-late":
		dropPrivileges()
		gate.Gate(3)
		waitForStart()
	case "gate-exec":
		gate.Gate(3)
		waitForStart()
		if path := os.Getenv("CAISSON_SECCOMP_TEST_EXEC"); path != "" {
			panic(syscall.Exec(path, []string{path}, nil))
		}
		panic(syscall.Exec("/bin/sh", []string{"sh", "-c", "grep Seccomp: /proc/self/status; ls -l /proc/self/fd"}, nil))
	case "direct":
		if err := gate.Direct(3); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
	}
	json.NewEncoder(os.Stdout).Encode(verdicts())
	os.Exit(0)
}

// dropPrivileges does to the main thread and the uid what libcontainer does.
func dropPrivileges() {
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_KEEPCAPS, 1, 0)
	if err := syscall.Setuid(1000); err != nil {
		panic(err)
	}
	h := struct {
		version uint32
		pid     int32
	}{version: 0x20080522}
	var none [6]uint32
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CAPSET, uintptrOf(&h), uintptrOf(&none), 0); errno != 0 {
		panic(errno)
	}
}

// ownFilter gives a thread a filter that the others do not have.
func ownFilter() {
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		allowAll := [8]byte{6, 0, 0, 0, 0, 0, 0xff, 0x7f}
		prog := unix.SockFprog{Len: 1, Filter: (*unix.SockFilter)(unsafe.Pointer(&allowAll))}
		if _, _, errno := syscall.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptrOf(&prog)); errno != 0 {
			panic(errno)
		}
		close(done)
		select {}
	}()
	<-done
}

// waitForStart stands for the exec fifo.
func waitForStart() {
	var b [1]byte
	if n, err := os.Stdin.Read(b[:]); n != 1 {
		panic(err)
	}
}

// verdicts makes each probe's call on the main thread and on another one.
func verdicts() map[string]string {
	out := map[string]string{}
	main := probeAll()
	done := make(chan map[string]string)
	go func() {
		runtime.LockOSThread()
		done <- probeAll()
	}()
	other := <-done
	for name, v := range main {
		if other[name] != v {
			v += ", on another thread " + other[name]
		}
		out[name] = v
	}
	return out
}

func probeAll() map[string]string {
	out := map[string]string{}
	for _, p := range probes {
		out[p.name] = "ok"
		if _, _, errno := syscall.RawSyscall6(p.nr, p.args[0], p.args[1], p.args[2], p.args[3], p.args[4], p.args[5]); errno != 0 {
			out[p.name] = errnoName(errno)
		}
	}
	return out
}

func errnoName(e syscall.Errno) string {
	switch e {
	case syscall.EPERM:
		return "EPERM"
	case syscall.ENOSYS:
		return "ENOSYS"
	}
	return "other"
}

// process is a re-executed test binary, with the parent's end of its gate.
type process struct {
	cmd    *exec.Cmd
	conn   *os.File
	start  *os.File
	stdout strings.Builder
	stderr strings.Builder
}

func startProcess(t testing.TB, mode string, preload []byte) *process {
	t.Helper()
	parent, child, err := seccomp.Pair()
	require.NoError(t, err)
	if preload != nil {
		require.NoError(t, seccomp.Post(parent, preload, time.Second))
	}
	r, w, err := os.Pipe()
	require.NoError(t, err)
	p := &process{conn: parent, start: w}
	p.cmd = exec.Command("/proc/self/exe")
	p.cmd.Env = append(os.Environ(), modeEnv+"="+mode)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = r, &p.stdout, &p.stderr
	p.cmd.ExtraFiles = []*os.File{child}
	require.NoError(t, p.cmd.Start())
	child.Close()
	r.Close()
	t.Cleanup(p.stop)
	return p
}

func (p *process) stop() {
	p.conn.Close()
	p.start.Close()
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

func (p *process) verdicts(t *testing.T) map[string]string {
	t.Helper()
	p.start.Write([]byte{1})
	require.NoError(t, p.cmd.Wait(), p.stderr.String())
	var out map[string]string
	require.NoError(t, json.Unmarshal([]byte(p.stdout.String()), &out), p.stdout.String())
	return out
}

func defaultProgram(t testing.TB) []byte {
	t.Helper()
	k, err := seccomp.RunningKernel()
	require.NoError(t, err)
	profile, err := seccomp.Profile(dockerCaps, runtime.GOARCH, k)
	require.NoError(t, err)
	program, err := seccomp.Compile(profile, runtime.GOARCH)
	require.NoError(t, err)
	return program
}

func TestInstallDefaultProfile(t *testing.T) {
	requireRoot(t)
	program := defaultProgram(t)
	want := map[string]string{}
	for _, p := range probes {
		want[p.name] = p.filtered
	}
	t.Run("unfiltered", func(t *testing.T) {
		got := startProcess(t, "none", nil).verdicts(t)
		for _, p := range probes {
			if !p.always {
				require.NotEqual(t, p.filtered, got[p.name], "%s: the probe says nothing", p.name)
			}
		}
	})
	for _, mode := range []string{"gate", "gate-uid"} {
		t.Run(mode, func(t *testing.T) {
			p := startProcess(t, mode, nil)
			require.NoError(t, seccomp.Send(p.conn, program, 10*time.Second))
			got := p.verdicts(t)
			if mode == "gate-uid" {
				delete(got, "chroot") // needs the capability that was dropped
				delete(want, "chroot")
			}
			require.Equal(t, want, got)
		})
	}
	t.Run("direct", func(t *testing.T) {
		p := startProcess(t, "direct", program)
		require.NoError(t, seccomp.Await(p.conn, 10*time.Second))
		want["chroot"] = "other"
		require.Equal(t, want, p.verdicts(t))
	})
}
