package hostcheck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/caisson-dev/caisson/internal/agentbin"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/client"
)

// host is what the checks look at; tests put files in place of the host's.
type host struct {
	root     string // of its files
	uid      int
	user     string
	lookPath func(string) (string, error)
	clone    func() error // makes a user namespace and mounts in it
	agent    func() error
	try      func() ([]api.Trial, string, error) // by the agent, where there is one
	place    place
}

// tryTimeout bounds what takes a tenth of a second.
const tryTimeout = 30 * time.Second

// Check looks at the host, as it is for this user.
func Check() []Finding {
	h := host{root: "/", uid: os.Geteuid(), user: "USER", lookPath: exec.LookPath, clone: cloneUser, agent: agentbin.Look, place: findPlace("/", os.Getenv),
		try: func() ([]api.Trial, string, error) {
			ctx, cancel := context.WithTimeout(context.Background(), tryTimeout)
			defer cancel()
			return client.Try(ctx)
		}}
	if u, err := user.Current(); err == nil {
		h.user = u.Username
	}
	return h.check()
}

func (h host) check() []Finding {
	if h.mayMount() {
		r := h.tried()
		return append([]Finding{h.agentFound(), r.replace(api.TrialOverlay, h.overlay()), h.cgroups()}, h.trials(r)...)
	}
	users := h.userNamespaces()
	var r results
	if users.OK { // else there is nothing to try in
		r = h.tried()
	}
	findings := []Finding{h.agentFound(), r.replace(api.TrialOverlay, h.overlay()), h.kernel(), users, h.subIDs(), h.newuidmap(r.warning), h.cgroups()}
	if !users.OK {
		return findings
	}
	return append(findings, h.trials(r)...)
}

func (h host) read(name string) string {
	b, err := os.ReadFile(filepath.Join(h.root, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// status returns a field of /proc/self/status.
func (h host) status(field string) string {
	for line := range strings.Lines(h.read("proc/self/status")) {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// mayMount says whether the engine needs no user namespace: root with CAP_SYS_ADMIN.
func (h host) mayMount() bool {
	const capSysAdmin = 21
	caps, err := strconv.ParseUint(h.status("CapEff"), 16, 64)
	return h.uid == 0 && (err != nil || caps&(1<<capSysAdmin) != 0)
}

func (h host) agentFound() Finding {
	f := Finding{Name: Agent, Required: true}
	err := h.agent()
	var none *agentbin.NotFoundError
	switch {
	case errors.As(err, &none):
		f.Problem, f.Fix = none.Problem(), none.Fix()
	case err != nil:
		f.Problem, f.Fix = err.Error(), "set "+agentbin.EnvAgent+" to the binary of an agent, or unset it"
	default:
		f.OK = true
	}
	return f
}

func (h host) overlay() Finding {
	f := Finding{Name: "overlay", Required: true}
	modules, err := filepath.Glob(filepath.Join(h.root, "lib/modules", h.read("proc/sys/kernel/osrelease"), "kernel/fs/overlayfs/overlay.ko*"))
	f.OK = strings.Contains(h.read("proc/filesystems"), "\toverlay") || err == nil && len(modules) > 0
	if !f.OK {
		f.Problem, f.Fix = "the kernel has no overlay file system", "sudo modprobe overlay"
	}
	return f
}

func (h host) kernel() Finding {
	f := Finding{Name: "kernel", Required: true}
	release := h.read("proc/sys/kernel/osrelease")
	var major, minor int
	_, err := fmt.Sscanf(release, "%d.%d", &major, &minor)
	f.OK = err == nil && (major > 5 || major == 5 && minor >= 11)
	if !f.OK {
		f.Problem = "kernel " + release + " does not allow ordinary users to mount overlay: Linux 5.11 and later do"
		f.Fix = "sudo go test … (as root), or a newer kernel"
	}
	return f
}

func (h host) userNamespaces() Finding {
	f := Finding{Name: "user namespaces", Required: true}
	err := h.clone()
	if err == nil {
		f.OK = true
		return f
	}
	f.Problem = fmt.Sprintf("%s may not make a user namespace: %v", h.user, err)
	f.Fix = "run the tests as root"
	for _, c := range []struct{ file, bad, why, fix string }{
		{"proc/sys/user/max_user_namespaces", "0", "the sysctl user.max_user_namespaces is 0", "sudo sysctl -w user.max_user_namespaces=15000"},
		{"proc/sys/kernel/unprivileged_userns_clone", "0", "the sysctl kernel.unprivileged_userns_clone is 0", "sudo sysctl -w kernel.unprivileged_userns_clone=1"},
		{"proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor does not allow ordinary users to make them",
			"sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
	} {
		if h.read(c.file) == c.bad {
			f.Problem, f.Fix = c.why, c.fix
			return f
		}
	}
	if h.status("Seccomp") == "2" {
		f.Problem += ": this process runs under a seccomp filter, as in a container"
		if h.place == machine { // it has none of the marks that are known
			f.Fix = docker.unconfined()
		}
	}
	if h.place != machine {
		f.Fix = h.place.unconfined()
	}
	return f
}

// cloneUser makes a user namespace and one of mounts in it, as the engine does, in a child that then has nothing to
// execute.
func cloneUser() error {
	pid, err := syscall.ForkExec("/proc/self/no-such-program", nil, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWUSER,
		Unshareflags: syscall.CLONE_NEWNS,
		UidMappings:  []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings:  []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
	}})
	if err == nil {
		return fmt.Errorf("process %d runs no program", pid)
	}
	if errors.Is(err, syscall.ENOENT) {
		return nil
	}
	return err
}

func (h host) subIDs() Finding {
	f := Finding{Name: "subordinate ids", OK: h.hasRange("etc/subuid") && h.hasRange("etc/subgid")}
	if !f.OK {
		f.Problem = "/etc/subuid and /etc/subgid have no line for " + h.user + ": containers have only one user id, so images with files of several users and the option User don't work"
		f.Fix = "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + h.user
	}
	return f
}

func (h host) hasRange(file string) bool {
	for line := range strings.Lines(h.read(file)) {
		name, _, _ := strings.Cut(line, ":")
		if name == h.user || name == strconv.Itoa(h.uid) {
			return true
		}
	}
	return false
}

func (h host) newuidmap(failed string) Finding {
	f := Finding{Name: "newuidmap", OK: true}
	if failed != "" {
		f.OK = false
		f.Problem = failed + ": containers have only one user id"
		f.Fix = "sudo apt-get install --reinstall uidmap, and check the lines of " + h.user + " in /etc/subuid and /etc/subgid"
		if h.place != machine {
			f.Fix = "run as root of the outer container, with ids in its /etc/subuid that it has itself (cat /proc/self/uid_map)"
		}
	}
	for _, program := range []string{"newuidmap", "newgidmap"} {
		if _, err := h.lookPath(program); err != nil {
			f.OK = false
			f.Problem = program + " is not on PATH: subordinate ids can't be used"
			f.Fix = "sudo apt-get install uidmap"
		}
	}
	return f
}

// cgroups looks whether a cgroup can be made below the one that the engine takes.
func (h host) cgroups() Finding {
	f := Finding{Name: "cgroups"}
	dirs := []string{filepath.Join(h.root, "sys/fs/cgroup")}
	if one := filepath.Join(dirs[0], "memory"); syscall.Access(one, 0) == nil { // of version 1, where what is above tells nothing
		dirs = []string{one}
	}
	if !h.mayMount() {
		dirs = nil
		for line := range strings.Lines(h.read("proc/self/cgroup")) {
			if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok && !strings.Contains(path, "..") {
				dirs = append(dirs, filepath.Join(h.root, "sys/fs/cgroup", path), filepath.Join(h.root, "sys/fs/cgroup/unified", path))
			}
		}
	}
	for _, d := range dirs {
		if syscall.Access(d, 2 /* W_OK */) == nil {
			f.OK = true
			return f
		}
	}
	f.Problem = "no cgroup is delegated to " + h.user + ": option Resources and Pause don't work"
	f.Fix = "systemd-run --user --scope -p Delegate=yes go test ./..."
	if h.place != machine {
		f.Fix = h.place.privileged()
	}
	if h.uid == 0 {
		f.Problem = "/sys/fs/cgroup is not writable: option Resources and Pause don't work"
		f.Fix = h.place.privileged()
	}
	return f
}
