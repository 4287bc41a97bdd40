package spec_test

import (
	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/seccomp"
	"github.com/caisson-dev/caisson/agent/internal/spec"
)

// allCaps are those of a process that has most.
var allCaps = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
	"CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_ADMIN",
	"CAP_SYS_RESOURCE", "CAP_MKNOD", "CAP_AUDIT_WRITE", "CAP_SETFCAP",
}

// hosts are those that a specification may be for.
var hosts = map[string]host.Host{
	"rootful-v1":      newHost(host.CgroupsV1, false, false),
	"rootful-hybrid":  newHost(host.CgroupsHybrid, false, false),
	"rootful-v2":      newHost(host.CgroupsV2, false, false),
	"subordinate-ids": newHost(host.CgroupsV2, true, false),
	"one-id":          newHost(host.CgroupsV1, true, true),
}

func newHost(c host.Cgroups, rootless, oneID bool) host.Host {
	return host.Host{
		Arch: "amd64", Rootless: rootless, OneID: oneID, Cgroups: c, Kernel: seccomp.Kernel{Major: 6, Minor: 12}, Caps: allCaps,
	}
}

// facts are those of a host that has everything, with nothing looked up yet.
func facts(h host.Host) spec.Facts {
	return spec.Facts{Host: h, NumCPU: 2, Processors: "0-1", MemoryNodes: "0", Swap: true, DiskWeights: true, DiskLimits: true, AppArmor: true, HasProfile: true}
}
