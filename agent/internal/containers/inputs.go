//go:build linux

package containers

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/etcfiles"
	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
)

// specInput looks up what the specification needs. Its files are open until it is closed.
func (s *Service) specInput(rec *Record, rootfs string) (*inputs, error) {
	in := s.newInputs(rec, rootfs)
	if err := in.fill(s, rec); err != nil {
		in.close(s.Logger)
		return nil, err
	}
	return in, nil
}

func (s *Service) newInputs(rec *Record, rootfs string) *inputs {
	return &inputs{Input: spec.Input{
		Container: &rec.Container, Host: s.Host, RootFS: rootfs, Files: s.dir(rec.ID), Thermal: host.ThermalPaths(),
	}}
}

// inputs is a spec.Input and what must stay open until the container's process has used it.
type inputs struct {
	spec.Input
	plan bool // nothing starts: what is there at a start alone has names that stand for it
	open []*os.File
	undo []func() error
}

func (in *inputs) close(log *slog.Logger) {
	for _, f := range in.open {
		f.Close()
	}
	for _, f := range slices.Backward(in.undo) {
		if err := f(); err != nil {
			log.Warn("let go of what a container's start needed", "container", in.Container.ID, "error", err)
		}
	}
}

func (in *inputs) fill(s *Service, rec *Record) error {
	o := &rec.Options
	var err error
	if in.User, in.Home, err = resolveUser(in.RootFS, rec.User, o.Process.Groups...); err != nil {
		return err
	}
	if in.User, err = spec.FitUser(in.User, s.Host); err != nil {
		return err
	}
	if in.Namespaces, in.open, err = s.namespaces(o, in.plan); err != nil {
		return err
	}
	if id := spec.ContainerOf(string(o.Namespaces.IPC)); id != "" && in.plan {
		in.Shm = "/dev/shm of container " + id
	} else if id != "" {
		if err := in.shareMemory(s, id); err != nil {
			return fmt.Errorf("Options.Namespaces.IPC: /dev/shm of container %s: %w", names.Short(id), err)
		}
	}
	if in.AppArmor, err = s.appArmor(o.Security); err != nil {
		return err
	}
	in.limits(s, o.Resources)
	if in.Devices, err = devices(*o); err != nil {
		return err
	}
	if err := s.writeFiles(rec); err != nil {
		return err
	}
	if o.Process.Init {
		if err := s.writeInit(rec); err != nil {
			return err
		}
	}
	return in.sources(s)
}

// limits looks up what limits need.
func (in *inputs) limits(s *Service, r container.Resources) {
	in.Mqueue = host.HasMqueue()
	in.Swap = r.Memory != 0 && s.Host.CountsSwap()
	in.Disks = disks(r)
	var cut []container.Ulimit
	in.Rlimits, cut = spec.Rlimits(r.Ulimits, s.hardLimits(r.Ulimits))
	for _, u := range cut {
		s.Logger.Warn("ulimit cut to the present hard limit", "name", u.Name, "asked", u.Hard)
	}
}

// sources finds where the mounts' files are on the host.
func (in *inputs) sources(s *Service) error {
	for _, m := range in.Container.Mounts {
		src := m.Source
		var err error
		switch m.Type {
		case container.MountVolume:
			if src = s.volumes.Path(m.Source); !in.plan {
				src, err = s.volumes.Prepare(m, in.RootFS)
			}
		case container.MountBind:
			if _, serr := os.Stat(src); serr != nil {
				err = invalid("mount %s: source: %w", m.Target, serr)
			}
		case container.MountImage:
			if src = "/image " + m.Source; !in.plan {
				src, err = in.mountImage(s, m)
			}
		}
		if err != nil {
			return err
		}
		in.Sources = append(in.Sources, src)
	}
	return nil
}

// mountImage mounts an image until the container has it.
func (in *inputs) mountImage(s *Service, m container.Mount) (string, error) {
	st := s.Images.Storage()
	// The mount is one for all containers of this agent, and goes with the first that lets go of it.
	s.imageMounts.Lock()
	in.undo = append(in.undo, func() error { s.imageMounts.Unlock(); return nil })
	id := strings.TrimPrefix(m.Source, "sha256:")
	dir, err := st.MountImage(id, nil, "")
	if err != nil {
		return "", fmt.Errorf("mount %s: image %s: %w", m.Target, names.Short(id), err)
	}
	in.undo = append(in.undo, func() error {
		_, err := st.UnmountImage(id, true)
		return err
	})
	return dir, nil
}

// writeFiles writes hostname, hosts and resolv.conf for a container without a network of its own.
func (s *Service) writeFiles(rec *Record) error {
	o, err := etcOptions(rec)
	if err != nil {
		return err
	}
	if rec.Options.Network == container.NetworkHost {
		o.Base, err = etcfiles.Read("/etc")
	} else if id := spec.ContainerOf(string(rec.Options.Network)); id != "" {
		o.Base, err = etcfiles.Read(s.dir(id))
	}
	if err != nil {
		return err
	}
	return etcfiles.Render(o).Write(s.dir(rec.ID))
}

// etcOptions are what the container's options say about its files.
func etcOptions(rec *Record) (etcfiles.Options, error) {
	o := rec.Options
	out := etcfiles.Options{
		Hostname: rec.Hostname, Domain: o.Networking.Domain,
		Servers: o.Networking.DNS.Servers, Search: o.Networking.DNS.Search, ResolvOptions: o.Networking.DNS.Options,
	}
	for _, h := range o.Networking.Hosts {
		host, err := etcfiles.ParseHost(h)
		if err != nil {
			return out, invalid("Options.Networking.Hosts %w", err)
		}
		out.Hosts = append(out.Hosts, host)
	}
	return out, nil
}

// oomKilled reads the kernel's count while the cgroup still is there.
func (s *Service) oomKilled(rec *Record) bool {
	if s.Host.Rootless {
		return false
	}
	file, key := filepath.Join("/sys/fs/cgroup/memory", rec.CgroupPath(), "memory.oom_control"), "oom_kill"
	if s.Host.Cgroups.Unified() {
		file = filepath.Join("/sys/fs/cgroup", rec.CgroupPath(), "memory.events")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), " "); ok && k == key {
			n, err := strconv.Atoi(v)
			return err == nil && n > 0
		}
	}
	return false
}
