//go:build linux

package containers

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/seccomp"
)

// specInput is all that a specification follows from. Everything that has to be looked up has been.
type specInput struct {
	Record     *Record
	RootFS     string
	User       specs.User
	Home       string   // of the user, for HOME
	Files      string   // the directory of hostname, hosts and resolv.conf
	Sources    []string // of Record.Mounts, in their order: paths on the host
	Namespaces []specs.LinuxNamespace
	Shm        string // where the /dev/shm of another container is, that this one shares
	Devices    []hostDevice
	Thermal    []string // paths to mask, which differ between hosts
	Caps       []string // that this process can give
	AppArmor   string   // the profile, which the kernel has
	Rlimits    []specs.POSIXRlimit
	Kernel     seccomp.Kernel
	Rootless   bool
	OneID      bool // the user namespace maps a single id
	CgroupV2   bool
	Swap       bool // the kernel accounts for swap
	Mqueue     bool // the host has /dev/mqueue
}

// newSpec makes the OCI runtime specification, with Docker's defaults (moby/moby daemon/pkg/oci/defaults.go).
func newSpec(in specInput) (*specs.Spec, error) {
	rec := in.Record
	o := &rec.Options
	resources, err := linuxResources(o.Resources, in.Swap)
	if err != nil {
		return nil, err
	}
	s := &specs.Spec{
		Version:     specs.Version,
		Root:        &specs.Root{Path: in.RootFS, Readonly: o.ReadOnly},
		Annotations: o.Annotations,
		Process:     &specs.Process{Args: rec.Command, Env: environment(in), Cwd: rec.Dir, User: in.User, Rlimits: in.Rlimits},
		Linux: &specs.Linux{
			Namespaces:  in.Namespaces,
			CgroupsPath: cgroupPath(rec),
			Resources:   resources,
			Sysctl:      o.Namespaces.Sysctls,
		},
	}
	if o.Resources.OOMScoreAdj != 0 {
		s.Process.OOMScoreAdj = &o.Resources.OOMScoreAdj
	}
	if in.Rootless {
		s.Linux.CgroupsPath = "" // a path that is asked for and can't be made would be an error
	}
	if o.Namespaces.UTS == "" {
		s.Hostname, s.Domainname = hostname(rec), o.Networking.Domain
	}
	s.Mounts = append(systemMounts(in), fileMounts(in)...)
	if err := addDevices(s, in); err != nil {
		return nil, err
	}
	for i, m := range rec.Mounts {
		s.Mounts = append(s.Mounts, mount(m, in.Sources[i]))
	}
	if o.Process.Init {
		addInit(s, in)
	}
	return s, confine(s, in)
}

// hostname is what the container calls itself.
func hostname(rec *Record) string {
	if rec.Hostname != "" {
		return rec.Hostname
	}
	return names.Short(rec.ID)
}

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment is the image's and the options', in which PATH, HOSTNAME and HOME are never missing, as in Docker.
func environment(in specInput) []string {
	env := []string{defaultPath, "HOSTNAME=" + hostname(in.Record)}
	if in.Home != "" {
		env = append(env, "HOME="+in.Home)
	}
	return mergeEnv(env, in.Record.Env)
}

// mergeEnv adds to env; a later value of a name replaces the earlier one in its place.
func mergeEnv(env, add []string) []string {
	env = slices.Clone(env)
	for _, kv := range add {
		k, _, ok := strings.Cut(kv, "=")
		i := slices.IndexFunc(env, func(have string) bool { return strings.HasPrefix(have, k+"=") })
		switch {
		case !ok && i >= 0:
			env = slices.Delete(env, i, i+1) // as docker run -e NAME with NAME unset
		case !ok:
		case i >= 0:
			env[i] = kv
		default:
			env = append(env, kv)
		}
	}
	return env
}
