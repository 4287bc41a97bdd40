package trial

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/seccomp/gate"
	"github.com/caisson-dev/caisson/agent/internal/thread"
	"github.com/caisson-dev/caisson/internal/api"
)

// Run tries everything.
func Run() []api.Trial {
	tries := []struct {
		name string
		try  func() error
	}{
		{api.TrialMounts, mounts},
		{api.TrialOverlay, overlay},
		{api.TrialNamespaces, namespaces},
		{api.TrialProc, inChild},
		{api.TrialNetns, func() error { return unshare(unix.CLONE_NEWNET) }},
		{api.TrialNetwork, network.Try},
	}
	var results []api.Trial
	for _, t := range tries {
		r := api.Trial{Name: t.name}
		if err := t.try(); err != nil {
			r.Err = err.Error()
		}
		results = append(results, r)
	}
	return append(results, api.Trial{Name: api.TrialSeccomp, Err: text(filter())}) // the last, since it stays
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// namespaces are those of every container, but that of its network.
func namespaces() error {
	var errs []error
	for _, ns := range []struct {
		name string
		flag int
	}{{"pid", unix.CLONE_NEWPID}, {"ipc", unix.CLONE_NEWIPC}, {"uts", unix.CLONE_NEWUTS}} {
		if err := unshare(ns.flag); err != nil {
			errs = append(errs, fmt.Errorf("%s namespace: %w", ns.name, err))
		}
	}
	return errors.Join(append(errs, hostname())...)
}

func unshare(flags int) error {
	return thread.Run(func() error { return os.NewSyscallError("unshare", unix.Unshare(flags)) })
}

func hostname() error {
	return thread.Run(func() error {
		if err := unix.Unshare(unix.CLONE_NEWUTS); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		return os.NewSyscallError("sethostname", unix.Sethostname([]byte("trial")))
	})
}

// inMemory runs f in a mount namespace with a file system in memory at dir.
func inMemory(f func(dir string) error) error {
	return thread.Run(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
			return os.NewSyscallError("mount the root as a slave", err)
		}
		dir, err := place()
		if err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=1m"); err != nil {
			return os.NewSyscallError("mount tmpfs", err)
		}
		return f(dir)
	})
}

// place is a directory to mount on. What is in it is not seen, by this thread alone.
func place() (string, error) {
	for _, dir := range []string{"/tmp", "/run", "/mnt", "/var", "/etc"} {
		if st, err := os.Stat(dir); err == nil && st.IsDir() {
			return dir, nil
		}
	}
	return "", errors.New("there is no directory to mount on")
}

func mounts() error { return inMemory(func(string) error { return nil }) }

func overlay() error {
	return inMemory(func(dir string) error {
		opts := []string{}
		for _, name := range []string{"lower", "upper", "work", "merged"} {
			path := filepath.Join(dir, name)
			if err := os.Mkdir(path, 0o755); err != nil {
				return err
			}
			if name != "merged" {
				opts = append(opts, name+"dir="+path)
			}
		}
		if host.Rootless() {
			opts = append(opts, "userxattr")
		}
		return os.NewSyscallError("mount overlay", unix.Mount("overlay", filepath.Join(dir, "merged"), "overlay", 0, strings.Join(opts, ",")))
	})
}

// inChild has a child in pid and mount namespaces of its own do Child.
func inChild() error {
	cfg, err := json.Marshal(api.Config{Role: api.RoleTrialChild})
	if err != nil {
		return err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{api.AgentArg0}
	cmd.Env = append(os.Environ(), api.EnvHook+"="+api.HookAgent, api.EnvConfig+"="+string(cfg))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		if said.Len() > 0 {
			return errors.New(strings.TrimSpace(said.String()))
		}
		return err
	}
	return nil
}

// Child tries to mount proc as a container's first process has it, and says on standard error what does not work. It
// returns the process's exit code.
func Child() int {
	err := inMemory(func(dir string) error {
		return os.NewSyscallError("mount proc", unix.Mount("proc", dir, "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""))
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// filter installs a filter that allows everything.
func filter() error {
	const retAllow, allow = 0x06, 0x7fff0000 // BPF_RET|BPF_K, SECCOMP_RET_ALLOW
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	return gate.Install(0, []byte{retAllow, 0, 0, 0, allow & 0xff, allow >> 8 & 0xff, allow >> 16 & 0xff, allow >> 24 & 0xff})
}
