package spec

import (
	"fmt"
	"path"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/container"
)

// systemMounts are Docker's, which every container has.
func systemMounts(in Input) []specs.Mount {
	o := &in.Container.Options
	devpts := []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}
	if !in.Host.OneID {
		devpts = append(devpts, "gid=5") // unmapped: invalid argument
	}
	sys := specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}}
	if in.Host.Rootless && o.Network == container.NetworkHost {
		// sysfs belongs to the network namespace, and that to the host's user namespace.
		sys = specs.Mount{Destination: "/sys", Type: "none", Source: "/sys", Options: []string{"rbind", "nosuid", "noexec", "nodev", "ro"}}
	}
	mounts := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: devpts},
		sys,
	}
	mounts = append(mounts, ipcMounts(in)...)
	if sys.Type == "sysfs" && (!in.Host.Rootless || in.Host.Cgroups.Unified()) {
		mounts = append(mounts, specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"ro", "nosuid", "noexec", "nodev"}})
	}
	return slices.DeleteFunc(mounts, func(s specs.Mount) bool { return in.Container.mounts(s.Destination) })
}

// mounts says whether a mount of the user's takes the place.
func (c *Container) mounts(target string) bool {
	return slices.ContainsFunc(c.Mounts, func(m container.Mount) bool { return m.Target == target })
}

// ipcMounts are the files of the IPC namespace: message queues and shared memory.
func ipcMounts(in Input) []specs.Mount {
	bind := func(target, source string) specs.Mount {
		return specs.Mount{Destination: target, Type: "bind", Source: source, Options: []string{"bind", "rprivate", "nosuid", "noexec", "nodev"}}
	}
	o := &in.Container.Options
	mqueue := specs.Mount{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}}
	if o.Namespaces.IPC == container.NamespaceHost {
		shm := bind("/dev/shm", "/dev/shm")
		switch {
		case !in.Host.Rootless:
			return []specs.Mount{mqueue, shm}
		case !in.Mqueue:
			return []specs.Mount{shm}
		}
		return []specs.Mount{bind("/dev/mqueue", "/dev/mqueue"), shm} // it belongs to the host's user namespace
	}
	if in.Shm != "" {
		return []specs.Mount{mqueue, bind("/dev/shm", in.Shm)}
	}
	size := int64(64 << 20)
	if o.Resources.ShmSize != 0 {
		size = o.Resources.ShmSize
	}
	return []specs.Mount{mqueue, {
		Destination: "/dev/shm", Type: "tmpfs", Source: "shm",
		Options: []string{"nosuid", "noexec", "nodev", "mode=1777", fmt.Sprintf("size=%dk", (size+1023)/1024)},
	}}
}

// etc is where fileMounts are.
const etc = "/etc"

// fileMounts are the files that the engine writes for each container, unless a mount of the user's takes the place.
func fileMounts(in Input) []specs.Mount {
	var mounts []specs.Mount
	for _, name := range []string{"hostname", "hosts", "resolv.conf"} {
		target := etc + "/" + name
		if in.Files != "" && !in.Container.mounts(target) {
			mounts = append(mounts, specs.Mount{Destination: target, Type: "bind", Source: path.Join(in.Files, name), Options: []string{"rbind", "rprivate", "rw"}})
		}
	}
	return mounts
}

// addInit makes init the first process. It lies in /dev, which is the container's own: the image has no trace of it.
func addInit(s *specs.Spec, in Input) {
	program := "/dev/caisson-init"
	if in.Container.mounts("/dev") {
		program = "/sbin/caisson-init"
	}
	s.Mounts = append(s.Mounts, specs.Mount{
		Destination: program, Type: "bind", Source: path.Join(in.Files, "init"), Options: []string{"bind", "rprivate", "ro", "nosuid", "nodev"},
	})
	s.Process.Args = append([]string{program, "--"}, s.Process.Args...)
}
