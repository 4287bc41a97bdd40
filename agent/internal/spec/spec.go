package spec

import (
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/host"
)

// Input is all that a specification follows from. Everything that has to be looked up has been.
type Input struct {
	Container  *Container
	Host       host.Host
	RootFS     string
	User       specs.User
	Home       string   // of the user, for HOME
	Files      string   // the directory of hostname, hosts and resolv.conf
	Sources    []string // of Container.Mounts, in their order: paths on the host
	Namespaces []specs.LinuxNamespace
	Shm        string   // where the /dev/shm of another container is, that this one shares
	Devices    []Device // those of DevicesOf
	Disks      []Disk   // of Resources.BlockIO, in their order
	Thermal    []string // paths to mask, which differ between hosts
	AppArmor   string   // the profile, which the kernel has
	Rlimits    []specs.POSIXRlimit
	Swap       bool // the kernel accounts for swap
	Mqueue     bool // the host has /dev/mqueue
}

// New makes the OCI runtime specification, with Docker's defaults (moby/moby daemon/pkg/oci/defaults.go).
func New(in Input) (*specs.Spec, error) {
	c := in.Container
	o := &c.Options
	s := &specs.Spec{
		Version:     specs.Version,
		Root:        &specs.Root{Path: in.RootFS, Readonly: o.ReadOnly},
		Annotations: maps.Clone(o.Annotations),
		Process:     &specs.Process{Args: slices.Clone(c.Command), Env: c.environment(in.Home, o.TTY), Cwd: c.Dir, User: in.User, Rlimits: in.Rlimits},
		Linux: &specs.Linux{
			Namespaces:  in.Namespaces,
			CgroupsPath: c.CgroupPath(),
			Resources:   Resources(o.Resources, in.Disks, in.Swap),
			Sysctl:      sysctls(*o, in.Host.Rootless),
		},
	}
	if adj := o.Resources.OOMScoreAdj; adj != 0 {
		s.Process.OOMScoreAdj = &adj
	}
	if in.Host.Rootless || in.Host.FixedCgroups {
		s.Linux.CgroupsPath = "" // a path that is asked for and can't be made would be an error
	}
	if o.Namespaces.UTS == "" {
		s.Hostname, s.Domainname = c.Hostname, o.Networking.Domain
	}
	s.Mounts = systemMounts(in)
	if !c.mounts(etc) {
		s.Mounts = append(s.Mounts, fileMounts(in)...)
	}
	if err := addDevices(s, in); err != nil {
		return nil, err
	}
	for i, m := range c.Mounts {
		s.Mounts = append(s.Mounts, mount(m, in.Sources[i]))
		if m.Target == etc { // it would hide them
			s.Mounts = append(s.Mounts, fileMounts(in)...)
		}
	}
	if o.Process.Init {
		addInit(s, in)
	}
	return s, confine(s, in)
}
