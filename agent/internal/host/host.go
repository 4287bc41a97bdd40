package host

import (
	"slices"

	"github.com/caisson-dev/caisson/agent/internal/apparmor"
	"github.com/caisson-dev/caisson/agent/internal/seccomp"
)

// Host is what an agent found out about its surroundings when it began.
type Host struct {
	Arch     string // as Go names it: amd64
	Rootless bool   // in a user namespace of the agent's own, without rights on the host's cgroups
	// FixedCgroups: root may make no cgroup, because their file systems are mounted read-only, as in a container.
	FixedCgroups bool
	OneID        bool    // this user namespace maps a single id
	Cgroups      Cgroups // which hierarchies there are
	Kernel       seccomp.Kernel
	AppArmor     apparmor.Host
	Caps         []string // that this process has, and so can give: CAP_CHOWN
}

// Cgroups are the hierarchies that a host has.
type Cgroups string

// The hierarchies. In a hybrid host the controllers are those of version 1.
const (
	CgroupsV1     Cgroups = "v1"
	CgroupsHybrid Cgroups = "hybrid"
	CgroupsV2     Cgroups = "v2"
)

// Unified says whether there is the hierarchy of version 2 alone.
func (c Cgroups) Unified() bool { return c == CgroupsV2 }

// MayRaise says whether this process may raise limits: CAP_SYS_RESOURCE counts in the first user namespace alone.
func (h Host) MayRaise() bool { return !h.Rootless && slices.Contains(h.Caps, "CAP_SYS_RESOURCE") }

// Device is a device of the host.
type Device struct {
	Path         string // without symbolic links
	Type         string // b or c
	Major, Minor int64
	Mode         uint32 // the permissions, without the type
	UID, GID     uint32
}

// Disk is the number of a whole block device.
type Disk struct{ Major, Minor int64 }
