package spec

import "github.com/caisson-dev/caisson/agent/internal/host"

// Facts are what was looked up on the host for the options of one container, which are complete.
type Facts struct {
	Host        host.Host
	NumCPU      int              // processors
	Processors  string           // the numbers of those that are online, such as 0-7
	MemoryNodes string           // the same of memory nodes
	OOMScoreAdj int              // this process's own
	Controllers map[string]error // why a container can't be limited by each of those that Controllers names; nil if it can
	Swap        bool             // the kernel counts the swap of a cgroup
	DiskWeights bool             // the kernel weighs cgroups that use a block device
	DiskLimits  bool             // the kernel limits the use of block devices
	Sources     []Source         // of Options.Mounts, in their order; those of bind mounts alone
	Devices     []error          // of Options.Resources.Devices, in their order: why one is not to be had
	Disks       []Disk           // of Options.Resources.BlockIO, in their order
	AppArmor    bool             // the host uses AppArmor
	HasProfile  bool             // the host has loaded Options.Security.AppArmor, or does not tell
}

// Source is what a bind mount's source is like.
type Source struct {
	Err     error  // it is not to be had
	Private string // the mount point that it is on, if nothing comes from there into another mount namespace
}

// Disk is a block device, or why it is none whose use can be limited.
type Disk struct {
	host.Disk
	Err error
}
