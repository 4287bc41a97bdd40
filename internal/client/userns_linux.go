package client

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
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

// startInUserNS starts the agent as root of a new user namespace. Where the user's subordinate ids can't be mapped, as in an
// outer container, the namespace has one id, and the warning says why.
func startInUserNS(path string, attr *os.ProcAttr) (p *os.Process, warning string, err error) {
	uid, gid := os.Geteuid(), os.Getegid()
	ranges := subordinate(uid)
	if ranges != nil {
		p, err = startMapped(path, attr, func(pid int) error { return ranges.write(pid, uid, gid) })
		var me *mapperError
		if !errors.As(err, &me) {
			return p, "", err
		}
		warning = me.Error()
	}
	p, err = startMapped(path, attr, func(pid int) error { return mapOne(pid, uid, gid) })
	return p, warning, err
}

// startMapped starts the agent in a new user namespace. The child waits in its hook until write has mapped its ids.
func startMapped(path string, attr *os.ProcAttr, write func(pid int) error) (*os.Process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	defer r.Close()
	in, sys := *attr, *attr.Sys
	in.Env = append([]string{api.EnvHook + "=" + api.HookUserNS,
		"_CONTAINERS_ROOTLESS_UID=" + strconv.Itoa(os.Geteuid()), "_CONTAINERS_ROOTLESS_GID=" + strconv.Itoa(os.Getegid())}, attr.Env...)
	in.Files = append(attr.Files[:len(attr.Files):len(attr.Files)], r)
	sys.Cloneflags |= syscall.CLONE_NEWUSER
	in.Sys = &sys
	p, err := os.StartProcess(path, []string{api.AgentArg0}, &in)
	if err != nil {
		return nil, userNSError(err)
	}
	if err := write(p.Pid); err != nil {
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
		fix := "run as root, or set the sysctls user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1 and kernel.apparmor_restrict_unprivileged_userns=0"
		if os.Geteuid() == 0 {
			fix = "give the outer container CAP_SYS_ADMIN, or a seccomp profile that allows user namespaces"
		}
		return api.Errorf(api.ErrUnsupported, "make a user namespace: %w: this host does not let user %d make one: %s", err, os.Geteuid(), fix)
	}
	return err
}

// idRanges are a user's subordinate ids, and the programs that map them.
type idRanges struct {
	uids, gids           []idRange
	newuidmap, newgidmap string
}

// subordinate returns nil for a user who has none, or where a program lacks.
func subordinate(uid int) *idRanges {
	r := &idRanges{uids: subIDs("/etc/subuid", uid), gids: subIDs("/etc/subgid", uid)}
	var e1, e2 error
	r.newuidmap, e1 = exec.LookPath("newuidmap")
	r.newgidmap, e2 = exec.LookPath("newgidmap")
	if len(r.uids) == 0 || len(r.gids) == 0 || e1 != nil || e2 != nil {
		return nil
	}
	return r
}

func (r *idRanges) write(pid, uid, gid int) error {
	if err := runMapper(r.newuidmap, pid, uid, r.uids); err != nil {
		return err
	}
	return runMapper(r.newgidmap, pid, gid, r.gids)
}

// mapOne gives the namespace the user's own id alone.
func mapOne(pid, uid, gid int) error {
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
		return &mapperError{tool, err, strings.TrimSpace(string(out))}
	}
	return nil
}

// mapperError is that a program could not map the user's subordinate ids.
type mapperError struct {
	tool string
	err  error
	said string
}

func (e *mapperError) Error() string {
	return fmt.Sprintf("subordinate ids can't be mapped: %s: %v: %s", filepath.Base(e.tool), e.err, e.said)
}

func (e *mapperError) Unwrap() error { return e.err }

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
