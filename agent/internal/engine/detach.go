//go:build linux

package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/internal/api"
)

// lockFD is where an agent of a detached container inherits the container's lock.
const lockFD = 4

// detach starts an agent for one container. It shares this one's user namespace, and nothing else.
func (a *agent) detach(ctx context.Context, id string, lock *os.File) (string, error) {
	cfg, err := json.Marshal(api.Config{Role: api.RoleDetached, Root: a.cfg.Root, RunRoot: a.cfg.RunRoot, ReadOnly: a.cfg.ReadOnly, Container: id, Debug: a.cfg.Debug})
	if err != nil {
		return "", err
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return "", os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "lifeline"), os.NewFile(uintptr(fds[1]), "lifeline")
	defer ours.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		theirs.Close()
		return "", err
	}
	defer null.Close()
	files := []*os.File{null, null, null, theirs, lock}
	if a.cfg.Debug {
		files[2] = os.Stderr
	}
	p, err := os.StartProcess("/proc/self/exe", []string{api.AgentArg0}, &os.ProcAttr{
		Dir: "/", Files: files,
		Env: append([]string{api.EnvConfig + "=" + string(cfg), api.EnvHook + "=" + api.HookAgent}, os.Environ()...),
		Sys: &syscall.SysProcAttr{Setsid: true, Cloneflags: syscall.CLONE_NEWNS},
	})
	theirs.Close()
	if err != nil {
		return "", fmt.Errorf("start an agent for the detached container: %w", err)
	}
	go p.Wait() // only to reap it while this agent lives
	stop := context.AfterFunc(ctx, func() { _ = ours.SetReadDeadline(time.Now()) })
	defer stop()
	var hello api.Hello
	if err := json.NewDecoder(ours).Decode(&hello); err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", api.Errorf(api.ErrAgentGone, "the agent of the detached container %s ended while it began: %w", names.Short(id), err)
	}
	if hello.Err != nil {
		return "", hello.Err
	}
	return hello.Socket, nil
}
