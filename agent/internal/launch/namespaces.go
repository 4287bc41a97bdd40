//go:build linux

package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/process"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// namespaces are the container's, for as long as the files stay open: those of other containers by a descriptor, which
// means the same namespace even when its process ends and another gets its number.
func (s *Service) namespaces(o *container.Options, plan bool) (ns []specs.LinuxNamespace, open []*os.File, err error) {
	ns = []specs.LinuxNamespace{{Type: specs.MountNamespace}, {Type: specs.CgroupNamespace}}
	for _, sh := range spec.Sharings(*o) {
		switch id := spec.ContainerOf(sh.Mode); {
		case sh.Mode == "host":
		case id == "":
			ns = append(ns, specs.LinuxNamespace{Type: sh.Kind})
		case plan:
			ns = append(ns, specs.LinuxNamespace{Type: sh.Kind, Path: "/" + sh.Mode})
		default:
			f, err := s.openNamespace(id, sh)
			if err != nil {
				return nil, open, err
			}
			open = append(open, f)
			ns = append(ns, specs.LinuxNamespace{Type: sh.Kind, Path: fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd())})
		}
	}
	return ns, open, nil
}

func (s *Service) openNamespace(id string, ns spec.Sharing) (*os.File, error) {
	for range 2 {
		pid, err := s.cfg.Pid(id)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", ns.Field, err)
		}
		f, err := lookAt(pid, func(pid int) (*os.File, error) {
			if err := sameUserNamespace(pid); err != nil {
				return nil, err
			}
			return os.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, ns.File))
		})
		if err == nil {
			if again, err := s.cfg.Pid(id); err == nil && again == pid {
				return f, nil
			}
			f.Close()
		} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ESRCH) {
			return nil, fmt.Errorf("%s: container %s: %w", ns.Field, names.Short(id), err)
		}
	}
	return nil, api.Errorf(api.ErrNotRunning, "%s: container %s: it is not running: start it first", ns.Field, names.Short(id))
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

func sameUserNamespace(pid int) error {
	own, err := os.Readlink("/proc/self/ns/user")
	if err != nil {
		return err
	}
	its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/user", pid))
	if errors.Is(err, fs.ErrPermission) || err == nil && its != own {
		return api.Errorf(api.ErrUnsupported, "it belongs to another process's user namespace: make both containers from one process, or run as root")
	}
	return err
}
