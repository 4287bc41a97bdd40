//go:build linux

package launch

import (
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
)

// Start looks up what the specification of a container that starts needs, and makes it. It is closed when the
// container's process has it.
func (s *Service) Start(c *spec.Container, rootfs string) (*Inputs, error) {
	return s.inputs(c, rootfs, false)
}

// Plan is Start for a container that does not start yet: what is there at a start alone has names that stand for it.
func (s *Service) Plan(c *spec.Container, rootfs string) (*Inputs, error) {
	return s.inputs(c, rootfs, true)
}

func (s *Service) inputs(c *spec.Container, rootfs string, plan bool) (*Inputs, error) {
	in := &Inputs{plan: plan, log: s.cfg.Logger, Input: spec.Input{
		Container: c, Host: s.cfg.Host, RootFS: rootfs, Files: s.cfg.Dir(c.ID), Thermal: host.ThermalPaths(),
	}}
	if err := in.fill(s); err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

// Inputs is a spec.Input and what must stay open until the container's process has used it.
type Inputs struct {
	spec.Input
	plan bool // nothing starts
	log  *slog.Logger
	open []*os.File
	undo []func() error
}

// Close lets go of it.
func (in *Inputs) Close() {
	for _, f := range in.open {
		f.Close()
	}
	for _, f := range slices.Backward(in.undo) {
		if err := f(); err != nil {
			in.log.Warn("let go of what a container's start needed", "container", in.Container.ID, "error", err)
		}
	}
}

func (in *Inputs) fill(s *Service) error {
	o := &in.Container.Options
	var err error
	if in.User, in.Home, err = User(in.RootFS, in.Container.User, o.Process.Groups...); err != nil {
		return err
	}
	if in.User, err = spec.FitUser(in.User, s.cfg.Host); err != nil {
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
	if err := s.writeFiles(in.Container); err != nil {
		return err
	}
	if o.Process.Init {
		if err := s.writeInit(in.Container.ID); err != nil {
			return err
		}
	}
	return in.sources(s)
}

// limits looks up what limits need.
func (in *Inputs) limits(s *Service, r container.Resources) {
	in.Mqueue = host.HasMqueue()
	in.Swap = r.Memory != 0 && s.cfg.Host.CountsSwap()
	in.Disks = Disks(r)
	var cut []container.Ulimit
	in.Rlimits, cut = spec.Rlimits(r.Ulimits, s.hardLimits(r.Ulimits))
	for _, u := range cut {
		s.cfg.Logger.Warn("ulimit cut to the present hard limit", "name", u.Name, "asked", u.Hard)
	}
}
