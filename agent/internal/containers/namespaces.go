//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/process"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// shared is a namespace option: whose namespace a container has.
type shared struct {
	kind  specs.LinuxNamespaceType
	proc  string // its name in /proc/PID/ns
	field string
	mode  string
}

func sharedNamespaces(o *container.Options) []shared {
	return []shared{
		{specs.PIDNamespace, "pid", "Options.Namespaces.PID", string(o.Namespaces.PID)},
		{specs.IPCNamespace, "ipc", "Options.Namespaces.IPC", string(o.Namespaces.IPC)},
		{specs.UTSNamespace, "uts", "Options.Namespaces.UTS", string(o.Namespaces.UTS)},
		{specs.NetworkNamespace, "net", "Options.Network", string(o.Network)},
	}
}

// ofContainer is the container that a mode names, or nothing.
func ofContainer(mode string) string {
	name, _ := strings.CutPrefix(mode, "container:")
	if name == mode {
		return ""
	}
	return name
}

func validateNamespaces(o *container.Options) error {
	for _, ns := range sharedNamespaces(o) {
		if ns.mode == "container:" {
			return invalid("%s %q: name the container", ns.field, ns.mode)
		}
		if ns.kind == specs.NetworkNamespace || ns.mode == "" || ns.mode == "host" || ofContainer(ns.mode) != "" {
			continue
		}
		return invalid("%s %q: use host or container:NAME", ns.field, ns.mode)
	}
	switch named := o.Networking.Hostname + o.Networking.Domain; {
	case named != "" && o.Namespaces.UTS != "":
		return invalid("Options.Networking.Hostname and Domain: they are those of Options.Namespaces.UTS %q: leave one out", o.Namespaces.UTS)
	case o.Networking.Hostname != "" && ofContainer(string(o.Network)) != "":
		return invalid("Options.Networking.Hostname %q: the container has the name and the network of another: leave Hostname or Options.Network out", o.Networking.Hostname)
	case o.Resources.ShmSize != 0 && o.Namespaces.IPC != "":
		return invalid("Options.Resources.ShmSize: /dev/shm is that of Options.Namespaces.IPC %q: leave one out", o.Namespaces.IPC)
	}
	if ofContainer(string(o.Network)) != "" {
		switch {
		case len(o.Networking.Hosts) > 0:
			return invalid("Options.Networking.Hosts: /etc/hosts is that of Options.Network %q: leave one out", o.Network)
		case len(o.Networking.DNS.Servers)+len(o.Networking.DNS.Search)+len(o.Networking.DNS.Options) > 0:
			return invalid("Options.Networking.DNS: /etc/resolv.conf is that of Options.Network %q: leave one out", o.Network)
		}
	}
	return nil
}

// canShare: what leaves its first process behind in a namespace of others is found again by its cgroup alone.
func (h Host) canShare(o *container.Options) error {
	if h.Rootless && o.Namespaces.PID != "" {
		return unsupported("Options.Namespaces.PID %q: this user has no rights on the host's cgroups, and processes that the container leaves behind could not be found: run as root", o.Namespaces.PID)
	}
	return nil
}

// joins finds the containers whose namespaces are shared. It writes their ids in place of their names.
func (s *Service) joins(o *container.Options) error {
	for _, ns := range sharedNamespaces(o) {
		name := ofContainer(ns.mode)
		if name == "" {
			continue
		}
		id, err := s.lookup(name)
		if err != nil {
			return fmt.Errorf("%s: %w", ns.field, err)
		}
		mode := "container:" + id
		switch ns.kind {
		case specs.PIDNamespace:
			o.Namespaces.PID = container.NamespaceMode(mode)
		case specs.IPCNamespace:
			o.Namespaces.IPC = container.NamespaceMode(mode)
		case specs.UTSNamespace:
			o.Namespaces.UTS = container.NamespaceMode(mode)
		default:
			o.Network = container.NetworkMode(mode)
		}
	}
	return nil
}

// namespaces are the container's, for as long as the files stay open: those of other containers by a descriptor, which
// means the same namespace even when its process ends and another gets its number.
func (s *Service) namespaces(o *container.Options, plan bool) (ns []specs.LinuxNamespace, open []*os.File, err error) {
	ns = []specs.LinuxNamespace{{Type: specs.MountNamespace}, {Type: specs.CgroupNamespace}}
	for _, sh := range sharedNamespaces(o) {
		switch id := ofContainer(sh.mode); {
		case sh.mode == "host":
		case id == "":
			ns = append(ns, specs.LinuxNamespace{Type: sh.kind})
		case plan:
			ns = append(ns, specs.LinuxNamespace{Type: sh.kind, Path: "/" + sh.mode})
		default:
			f, err := s.openNamespace(id, sh)
			if err != nil {
				return nil, open, err
			}
			open = append(open, f)
			ns = append(ns, specs.LinuxNamespace{Type: sh.kind, Path: fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd())})
		}
	}
	return ns, open, nil
}

func (s *Service) openNamespace(id string, ns shared) (*os.File, error) {
	for range 2 {
		pid, err := s.pidOf(id)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", ns.field, err)
		}
		f, err := lookAt(pid, func(pid int) (*os.File, error) {
			if err := sameUserNamespace(pid); err != nil {
				return nil, err
			}
			return os.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, ns.proc))
		})
		if err == nil {
			if again, err := s.pidOf(id); err == nil && again == pid {
				return f, nil
			}
			f.Close()
		} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ESRCH) {
			return nil, fmt.Errorf("%s: container %s: %w", ns.field, names.Short(id), err)
		}
	}
	return nil, notRunning(id, container.StatusExited)
}

// lookAt is process.Look at one that may be another agent's.
func lookAt[T any](pid int, f func(pid int) (T, error)) (found T, err error) {
	p, err := process.Open(pid)
	if err != nil {
		return found, err
	}
	defer p.Close()
	return process.Look(p, f)
}

// pidOf is the process of a container that runs, whichever agent has it.
func (s *Service) pidOf(id string) (int, error) {
	info, err := s.info(context.Background(), id, map[string]bool{})
	if err != nil {
		return 0, err
	}
	if info.Pid == 0 {
		return 0, notRunning(id, info.State.Status)
	}
	return info.Pid, nil
}

func sameUserNamespace(pid int) error {
	own, err := os.Readlink("/proc/self/ns/user")
	if err != nil {
		return err
	}
	its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/user", pid))
	if errors.Is(err, fs.ErrPermission) || err == nil && its != own {
		return unsupported("it belongs to another process's user namespace: make both containers from one process, or run as root")
	}
	return err
}

// sharedFiles is the container whose hosts and resolv.conf this one has too, or nothing.
func sharedFiles(o *container.Options) string { return ofContainer(string(o.Network)) }

// newHostname is what a new container calls itself.
func (s *Service) newHostname(rec *Record) (string, error) {
	o := &rec.Options
	if o.Networking.Hostname != "" {
		return o.Networking.Hostname, nil
	}
	for _, mode := range []string{string(o.Namespaces.UTS), string(o.Network)} {
		if id := ofContainer(mode); id != "" {
			other, err := s.loadRecord(id)
			if err != nil {
				return "", err
			}
			return hostname(other), nil
		}
		if mode == "host" {
			name, err := os.Hostname()
			if err != nil {
				return "", api.Errorf(api.ErrUnsupported, "the host's name: %w", err)
			}
			return name, nil
		}
	}
	return names.Short(rec.ID), nil
}
