package client

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"github.com/caisson-dev/caisson/internal/api"
)

// mayMount says whether this process can do an agent's work without a user namespace of its own.
func mayMount() bool {
	const capSysAdmin = 21
	if os.Geteuid() != 0 {
		return false
	}
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return true
	}
	_, rest, ok := strings.Cut(string(b), "\nCapEff:\t")
	if !ok {
		return true
	}
	hex, _, _ := strings.Cut(rest, "\n")
	caps, err := strconv.ParseUint(hex, 16, 64)
	return err != nil || caps&(1<<capSysAdmin) != 0
}

// startInUserNS starts the agent as root of a new user namespace. The child waits in its hook until its ids are mapped.
func startInUserNS(path string, attr *os.ProcAttr) (*os.Process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	defer r.Close()
	uid, gid := os.Geteuid(), os.Getegid()
	attr.Env = append([]string{api.EnvHook + "=" + api.HookUserNS,
		"_CONTAINERS_ROOTLESS_UID=" + strconv.Itoa(uid), "_CONTAINERS_ROOTLESS_GID=" + strconv.Itoa(gid)}, attr.Env...)
	attr.Files = append(attr.Files, r)
	attr.Sys.Cloneflags |= syscall.CLONE_NEWUSER
	p, err := os.StartProcess(path, []string{api.AgentArg0}, attr)
	if err != nil {
		return nil, userNSError(err)
	}
	if err := mapIDs(p.Pid, uid, gid); err != nil {
		return nil, errors.Join(err, p.Kill(), reap(p))
	}
	if _, err := w.Write([]byte{1}); err != nil {
		return nil, errors.Join(err, p.Kill(), reap(p))
	}
	return p, nil
}

func reap(p *os.Process) error {
	_, err := p.Wait()
	return err
}

func userNSError(err error) error {
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EACCES) {
		return api.Errorf(api.ErrUnsupported, "make a user namespace: %w: this host does not let user %d make one: "+
			"run as root, or set the sysctls user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1 and kernel.apparmor_restrict_unprivileged_userns=0", err, os.Geteuid())
	}
	return err
}

// mapIDs gives the namespace the user's subordinate ids, or where there are none the user's own id alone.
func mapIDs(pid, uid, gid int) error {
	um, gm := subIDs("/etc/subuid", uid), subIDs("/etc/subgid", uid)
	newuidmap, e1 := exec.LookPath("newuidmap")
	newgidmap, e2 := exec.LookPath("newgidmap")
	if len(um) > 0 && len(gm) > 0 && e1 == nil && e2 == nil {
		if err := runMapper(newuidmap, pid, uid, um); err != nil {
			return err
		}
		return runMapper(newgidmap, pid, gid, gm)
	}
	for _, f := range []struct{ name, text string }{
		{"setgroups", "deny"},
		{"gid_map", fmt.Sprintf("0 %d 1", gid)},
		{"uid_map", fmt.Sprintf("0 %d 1", uid)},
	} {
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", pid, f.name), []byte(f.text), 0); err != nil {
			return userNSError(err)
		}
	}
	return nil
}

type idRange struct{ start, count int }

func runMapper(tool string, pid, id int, ranges []idRange) error {
	args := []string{strconv.Itoa(pid), "0", strconv.Itoa(id), "1"}
	next := 1
	for _, r := range ranges {
		args = append(args, strconv.Itoa(next), strconv.Itoa(r.start), strconv.Itoa(r.count))
		next += r.count
	}
	if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
		return api.Errorf(api.ErrUnsupported, "%s: %w: %s: check that it is setuid root (Debian: apt-get install --reinstall uidmap) and the user's line in /etc/subuid and /etc/subgid", tool, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// subIDs reads a user's ranges from subuid(5) or subgid(5), where a line begins with the user's name or number.
func subIDs(file string, uid int) []idRange {
	name := ""
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		name = u.Username
	}
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	var ranges []idRange
	for s := bufio.NewScanner(f); s.Scan(); {
		parts := strings.Split(strings.TrimSpace(s.Text()), ":")
		if len(parts) != 3 || (parts[0] != name && parts[0] != strconv.Itoa(uid)) {
			continue
		}
		start, e1 := strconv.Atoi(parts[1])
		count, e2 := strconv.Atoi(parts[2])
		if e1 == nil && e2 == nil && count > 0 {
			ranges = append(ranges, idRange{start, count})
		}
	}
	return ranges
}
