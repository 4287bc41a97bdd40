package shape

import (
	"slices"
	"time"

	docker "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/api/types/system"

	"github.com/caisson-dev/caisson/container"
)

// machines are architectures as uname names them.
var machines = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

// Info is docker info.
func Info(h *container.HostInfo, list []container.Info, images int, root string, now time.Time) *system.Info {
	can := func(name string) bool { return slices.Contains(h.Controllers, name) }
	info := &system.Info{
		ID: digest("host", h.Name, root), Containers: len(list), Images: images, Driver: Driver, DriverStatus: [][2]string{{"Backing Store", "containers/storage"}},
		Plugins:     system.PluginsInfo{Volume: []string{"local"}, Network: []string{"bridge", "host", "null"}, Log: []string{"json-file", "local", "none"}},
		MemoryLimit: can("memory"), SwapLimit: can("memory"), CPUCfsPeriod: can("cpu"), CPUCfsQuota: can("cpu"), CPUShares: can("cpu"),
		CPUSet: can("cpuset"), PidsLimit: can("pids"), IPv4Forwarding: true, SystemTime: now.Format(time.RFC3339Nano), LoggingDriver: "json-file",
		CgroupDriver: "cgroupfs", CgroupVersion: "1", KernelVersion: h.Kernel, OperatingSystem: first(h.System, "Linux"), OSVersion: h.SystemVersion,
		OSType: "linux", Architecture: first(machines[h.Arch], h.Arch), IndexServerAddress: "https://index.docker.io/v1/",
		RegistryConfig: &registry.ServiceConfig{IndexConfigs: map[string]*registry.IndexInfo{
			"docker.io": {Name: "docker.io", Mirrors: []string{}, Secure: true, Official: true},
		}, Mirrors: []string{}},
		NCPU: h.CPUs, MemTotal: h.Memory, DockerRootDir: root, Name: h.Name, Labels: []string{}, ServerVersion: ServerVersion,
		Runtimes:       map[string]system.RuntimeWithStatus{"runc": {Runtime: system.Runtime{Path: "runc"}}},
		DefaultRuntime: "runc", InitBinary: "caisson-agent-init", SecurityOptions: []string{"name=seccomp,profile=builtin"}, Isolation: docker.IsolationEmpty,
		CDISpecDirs: []string{}, Warnings: []string{},
	}
	info.Swarm.LocalNodeState = "inactive"
	if h.Cgroups == "v2" {
		info.CgroupVersion = "2"
		info.SecurityOptions = append(info.SecurityOptions, "name=cgroupns")
	}
	if len(h.Controllers) == 0 {
		info.CgroupDriver = "none"
	}
	if h.AppArmor {
		info.SecurityOptions = append(info.SecurityOptions, "name=apparmor")
	}
	if h.Rootless {
		info.SecurityOptions = append(info.SecurityOptions, "name=rootless")
	}
	for _, i := range list {
		switch i.State.Status {
		case container.StatusRunning, container.StatusRestarting:
			info.ContainersRunning++
		case container.StatusPaused:
			info.ContainersPaused++
		default:
			info.ContainersStopped++
		}
	}
	return info
}

// ServerVersion is the version of Docker whose API is served: 28 has 1.51 since its third minor version.
const ServerVersion = "28.5.2"
