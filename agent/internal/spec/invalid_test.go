package spec_test

import (
	"errors"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// anyValue are the fields that have no wrong value, alone or with others.
var anyValue = []string{
	"Options.ReadOnly", "Options.Stdin", "Options.TTY", "Options.Detach", "Options.Process.Init", "Options.Mounts.ReadOnly",
	"Options.ModifySpec", "Options.Security.NoNewPrivileges", "Options.Security.Unmasked", "Options.Ports.HostIP",
}

// ofNetworks are the fields that a network's description decides on: package networks has their tests.
var ofNetworks = []string{
	"Options.Networking.Endpoints.IPv4", "Options.Networking.Endpoints.IPv6",
}

// wrongOptions are a wrong value of each other field of Options, and the fields that exclude each other, by the field
// that the message names.
func wrongOptions() []wrong {
	res := func(text string, r container.Resources) wrong {
		return wrong{"Options.Resources." + text, container.Options{Resources: r}, nil}
	}
	sec := func(text string, s container.Security) wrong {
		return wrong{"Options.Security" + text, container.Options{Security: s}, nil}
	}
	mount := func(text string, m container.Mount) wrong {
		if m.Target == "" && !strings.HasPrefix(text, "Target") {
			m.Target = "/m"
		}
		return wrong{"Options.Mounts[0]." + text, container.Options{Mounts: []container.Mount{m}}, nil}
	}
	health := func(text string, h container.HealthConfig) wrong {
		if h.Test == nil {
			h.Test = []string{"CMD", "true"}
		}
		return wrong{"Options.Health." + text, container.Options{Health: h}, nil}
	}
	port := func(text string, p ...container.Port) wrong {
		return wrong{"Options.Ports" + text, container.Options{Ports: p}, nil}
	}
	join := func(text string, ep ...container.Endpoint) wrong {
		return wrong{"Options.Networking.Endpoints" + text, container.Options{Networking: container.NetworkingConfig{Endpoints: ep}}, nil}
	}
	other := container.NetworkMode("container:other")
	return []wrong{
		{"Options.Image", container.Options{}, nil},
		{"Options.Name", container.Options{Name: "-x"}, nil},
		{"Options.Name", container.Options{Name: strings.Repeat("x", 300)}, nil},
		{"Options.Entrypoint[0]", container.Options{Entrypoint: []string{""}}, nil},
		{"Options.Entrypoint[1]", container.Options{Entrypoint: []string{"a", "b\x00"}}, nil},
		{"Options.Cmd", container.Options{Entrypoint: []string{}}, nil},
		{"Options.Cmd", container.Options{Entrypoint: []string{}, Cmd: []string{""}}, nil},
		{"Options.Cmd[1]", container.Options{Cmd: []string{"a", "b\x00"}}, nil},
		{"Options.Env", container.Options{Env: []string{"=x"}}, nil},
		{"Options.Env", container.Options{Env: []string{"A=\x00"}}, nil},
		{"Options.Dir", container.Options{Dir: "x"}, nil},
		{"Options.Dir", container.Options{Dir: "/\x00"}, nil},
		{"Options.User", container.Options{User: "a:b:c"}, nil},
		{"Options.User", container.Options{User: "-1"}, nil},
		{"Options.User", container.Options{User: "0:99999999999"}, nil},
		{"Options.Process.Groups[0]", container.Options{Process: container.ProcessConfig{Groups: []string{""}}}, nil},
		{"Options.Networking.Hostname", container.Options{Networking: container.NetworkingConfig{Hostname: "a b"}}, nil},
		{"Options.Networking.Hostname", container.Options{Networking: container.NetworkingConfig{Hostname: strings.Repeat("x", 64)}}, nil},
		{"Options.Networking.Domain", container.Options{Networking: container.NetworkingConfig{Domain: "a b"}}, nil},
		{"Options.Labels", container.Options{Labels: map[string]string{"": "x"}}, nil},
		{"Options.Annotations", container.Options{Annotations: map[string]string{"": "x"}}, nil},
		mount(`Target "x"`, container.Mount{Source: "/tmp", Target: "x"}),
		mount(`Target "/"`, container.Mount{Source: "/tmp", Target: "/"}),
		mount(`Target "/proc/x"`, container.Mount{Source: "/tmp", Target: "/proc/x"}),
		{"Options.Mounts[1].Target", container.Options{Mounts: []container.Mount{{Source: "/tmp", Target: "/x"}, {Source: "/etc", Target: "/x/"}}}, nil},
		mount("Type", container.Mount{Type: "nfs"}),
		mount("Source", container.Mount{Source: "relative"}),
		mount("Source", container.Mount{Source: "/no/such"}),
		mount("Source", container.Mount{Type: container.MountVolume, Source: "/a/b"}),
		mount("Source", container.Mount{Type: container.MountTmpfs, Source: "/tmp"}),
		mount("Source", container.Mount{Type: container.MountImage}),
		mount("CreateSource", container.Mount{Type: container.MountVolume, CreateSource: true}),
		mount("Propagation", container.Mount{Source: "/tmp", Propagation: "sideways"}),
		mount("Propagation", container.Mount{Type: container.MountVolume, Propagation: container.PropagationRSlave}),
		mount("NoCopy", container.Mount{Source: "/tmp", NoCopy: true}),
		mount("Tmpfs", container.Mount{Source: "/tmp", Tmpfs: container.Tmpfs{Size: 1}}),
		mount("Tmpfs.Size", container.Mount{Type: container.MountTmpfs, Tmpfs: container.Tmpfs{Size: -1}}),
		mount("Tmpfs.Mode", container.Mount{Type: container.MountTmpfs, Tmpfs: container.Tmpfs{Mode: 0o10000}}),
		mount("Tmpfs.Options", container.Mount{Type: container.MountTmpfs, Tmpfs: container.Tmpfs{Options: []string{"size=1"}}}),
		{"Options.Network", container.Options{Network: "container:"}, nil},
		{"Options.Network", container.Options{Network: "host", Networking: container.NetworkingConfig{Endpoints: []container.Endpoint{{Network: "bridge"}}}}, nil},
		join("[0].Network", container.Endpoint{}),
		join("[1].Network", container.Endpoint{Network: "bridge"}, container.Endpoint{Network: "bridge"}),
		join("[0].Aliases[0]", container.Endpoint{Network: "app", Aliases: []string{"a b"}}),
		join("[0].Aliases[1]", container.Endpoint{Network: "app", Aliases: []string{"a", ""}}),
		join("[0].MAC", container.Endpoint{Network: "app", MAC: "zz"}),
		join("[0].MAC", container.Endpoint{Network: "app", MAC: "01:00:5e:00:00:01"}),
		port("[0].Container", container.Port{Host: 4000}),
		port("[0].Protocol", container.Port{Container: 1, Protocol: "icmp"}),
		port("[0].Count", container.Port{Container: 65535, Count: 2}),
		port("[0].HostLast", container.Port{Container: 1, HostLast: 2}),
		port("[0].HostLast", container.Port{Container: 1, Host: 3, HostLast: 2}),
		port("[0].HostLast", container.Port{Container: 1, Host: 3, HostLast: 5, Count: 3}),
		{"Options.Networking.Exposed[0]", container.Options{Networking: container.NetworkingConfig{Exposed: []string{"0"}}}, nil},
		{"Options.Networking.Exposed[1]", container.Options{Networking: container.NetworkingConfig{Exposed: []string{"53/udp", "80/icmp"}}}, nil},
		port("[1].Host", container.Port{Container: 1, Host: 4000}, container.Port{Container: 2, Host: 4000}),
		{"Options.Ports", container.Options{Network: "host", Ports: []container.Port{{Container: 1}}}, nil},
		{"Options.Ports", container.Options{Network: other, Ports: []container.Port{{Container: 1}}}, nil},
		{"Options.Networking.HostPorts", container.Options{Network: "host", Networking: container.NetworkingConfig{HostPorts: []uint16{80}}}, nil},
		{"Options.Networking.HostPorts", container.Options{Network: other, Networking: container.NetworkingConfig{HostPorts: []uint16{80}}}, nil},
		{"Options.Networking.HostPorts[1]", container.Options{Networking: container.NetworkingConfig{HostPorts: []uint16{80, 0}}}, nil},
		{"Options.Networking.AllHostPorts", container.Options{Network: "none", Networking: container.NetworkingConfig{AllHostPorts: true}}, nil},
		{"Options.Networking.Hosts[0]", container.Options{Networking: container.NetworkingConfig{Hosts: []string{"x"}}}, nil},
		{"Options.Networking.Hosts[0]", container.Options{Networking: container.NetworkingConfig{Hosts: []string{"x:y"}}}, nil},
		{"Options.Networking.Hosts", container.Options{Network: other, Networking: container.NetworkingConfig{Hosts: []string{"a:1.2.3.4"}}}, nil},
		{"Options.Networking.DNS.Servers[0]", container.Options{Networking: container.NetworkingConfig{DNS: container.DNS{Servers: []netip.Addr{{}}}}}, nil},
		{"Options.Networking.DNS.Search[0]", container.Options{Networking: container.NetworkingConfig{DNS: container.DNS{Search: []string{"a\nb"}}}}, nil},
		{"Options.Networking.DNS.Options[0]", container.Options{Networking: container.NetworkingConfig{DNS: container.DNS{Options: []string{""}}}}, nil},
		{"Options.Networking.DNS", container.Options{Network: other, Networking: container.NetworkingConfig{DNS: container.DNS{Servers: []netip.Addr{netip.MustParseAddr("9.9.9.9")}}}}, nil},
		{"Options.Networking.Hostname", container.Options{Network: other, Networking: container.NetworkingConfig{Hostname: "x"}}, nil},
		{"Options.Networking.Hostname", container.Options{Namespaces: container.Namespaces{UTS: "host"}, Networking: container.NetworkingConfig{Hostname: "x"}}, nil},
		{"Domain", container.Options{Namespaces: container.Namespaces{UTS: "host"}, Networking: container.NetworkingConfig{Domain: "x"}}, nil},
		{"Options.Lifecycle.StopSignal", container.Options{Lifecycle: container.LifecycleConfig{StopSignal: "SIGWHAT"}}, nil},
		{"Options.Lifecycle.StopSignal", container.Options{Lifecycle: container.LifecycleConfig{StopSignal: "65"}}, nil},
		{"Options.Lifecycle.StopTimeout", container.Options{Lifecycle: container.LifecycleConfig{StopTimeout: -time.Second}}, nil},
		{"Options.Lifecycle.IdleTimeout", container.Options{Lifecycle: container.LifecycleConfig{IdleTimeout: time.Minute}}, nil},
		{"Options.Lifecycle.IdleTimeout", container.Options{Lifecycle: container.LifecycleConfig{IdleTimeout: -1}, Detach: true}, nil},
		{"Options.Pull", container.Options{Pull: "sometimes"}, nil},
		{"Options.AutoRemove", container.Options{AutoRemove: true, Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartAlways}}}, nil},
		{"Options.Lifecycle.Restart.Mode", container.Options{Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: "sometimes"}}}, nil},
		{"Options.Lifecycle.Restart.MaxRetries", container.Options{Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartOnFailure, MaxRetries: -1}}}, nil},
		{"Options.Lifecycle.Restart.MaxRetries", container.Options{Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartAlways, MaxRetries: 1}}}, nil},
		{"Options.Log.MaxSize", container.Options{Log: container.LogConfig{MaxSize: 1}}, nil},
		{"Options.Log.MaxFiles", container.Options{Log: container.LogConfig{MaxFiles: -1}}, nil},
		{"Options.Log.MaxFiles", container.Options{Log: container.LogConfig{MaxFiles: 2}}, nil},
		health("Test", container.HealthConfig{Test: []string{"true"}}),
		health("Test", container.HealthConfig{Test: []string{"CMD"}}),
		health("Test", container.HealthConfig{Test: []string{"CMD-SHELL", "a", "b"}}),
		health("Test", container.HealthConfig{Test: []string{"NONE"}, Retries: 1}),
		health("Interval", container.HealthConfig{Interval: -1}),
		health("Timeout", container.HealthConfig{Timeout: time.Microsecond}),
		health("StartPeriod", container.HealthConfig{StartPeriod: -1}),
		health("StartInterval", container.HealthConfig{StartInterval: -1}),
		health("Retries", container.HealthConfig{Retries: -1}),
		res("Memory", container.Resources{Memory: 6<<20 - 1}),
		res("MemorySwap", container.Resources{MemorySwap: 8 << 20}),
		res("MemorySwap", container.Resources{Memory: 16 << 20, MemorySwap: 8 << 20}),
		res("MemorySwap", container.Resources{Memory: 16 << 20, MemorySwap: -2}),
		res("MemoryReservation", container.Resources{MemoryReservation: 1}),
		res("MemoryReservation", container.Resources{Memory: 16 << 20, MemoryReservation: 17 << 20}),
		res("CPUs", container.Resources{CPUs: -1}),
		res("CPUs", container.Resources{CPUs: 1e6}),
		res("CPUSet", container.Resources{CPUSet: "8000"}),
		res("CPUSet", container.Resources{CPUSet: "2-1"}),
		res("MemoryNodes", container.Resources{MemoryNodes: "999"}),
		res("CPUShares", container.Resources{CPUShares: 1}),
		res("CPUShares", container.Resources{CPUShares: 262145}),
		res("PIDs", container.Resources{PIDs: -2}),
		res("BlockIOWeight", container.Resources{BlockIOWeight: 9}),
		res("BlockIOWeight", container.Resources{BlockIOWeight: 1001}),
		res("BlockIO[0].Device", container.Resources{BlockIO: []container.BlockIOLimit{{Device: "sda", ReadBPS: 1}}}),
		res("BlockIO[0].Device", container.Resources{BlockIO: []container.BlockIOLimit{{Device: "/no/such", ReadBPS: 1}}}),
		res("BlockIO[0].Device", container.Resources{BlockIO: []container.BlockIOLimit{{Device: "/dev/null", ReadBPS: 1}}}),
		res("BlockIO[0]: no limit", container.Resources{BlockIO: []container.BlockIOLimit{{Device: "/dev/null"}}}),
		res("BlockIO[0].ReadBPS", container.Resources{BlockIO: []container.BlockIOLimit{{Device: "/dev/null", ReadBPS: -1}}}),
		res("BlockIO[0].WriteBPS", container.Resources{BlockIO: []container.BlockIOLimit{{Device: "/dev/null", WriteBPS: -1}}}),
		res("BlockIO[0].ReadIOPS", container.Resources{BlockIO: []container.BlockIOLimit{{Device: "/dev/null", ReadIOPS: -1}}}),
		res("BlockIO[0].WriteIOPS", container.Resources{BlockIO: []container.BlockIOLimit{{Device: "/dev/null", WriteIOPS: -1}}}),
		res("Ulimits[0].Name", container.Resources{Ulimits: []container.Ulimit{{Name: "files"}}}),
		res("Ulimits[0] core: soft", container.Resources{Ulimits: []container.Ulimit{{Name: "core", Soft: -7}}}),
		res("Ulimits[0] core: the soft limit 2 is above the hard", container.Resources{Ulimits: []container.Ulimit{{Name: "core", Soft: 2, Hard: 1}}}),
		res("ShmSize", container.Resources{ShmSize: -1}),
		{"Options.Resources.ShmSize", container.Options{Namespaces: container.Namespaces{IPC: "host"}, Resources: container.Resources{ShmSize: 1}}, nil},
		res("OOMScoreAdj", container.Resources{OOMScoreAdj: -1001}),
		res("OOMScoreAdj", container.Resources{OOMScoreAdj: 1001}),
		res("CgroupParent", container.Resources{CgroupParent: "a/../b"}),
		sec(".CapAdd[0]", container.Security{CapAdd: []string{"MAGIC"}}),
		sec(".CapDrop[0]", container.Security{CapDrop: []string{"MAGIC"}}),
		sec(": CAP_KILL is in CapAdd and in CapDrop", container.Security{CapAdd: []string{"KILL"}, CapDrop: []string{"KILL"}}),
		sec(".Privileged", container.Security{Privileged: true, CapDrop: []string{"KILL"}}),
		sec(".Seccomp", container.Security{Seccomp: "/etc/profile.json"}),
		sec(".Seccomp", container.Security{Seccomp: "{"}),
		{"Options.Security.AppArmor", container.Options{Security: container.Security{AppArmor: "no-such-profile"}}, api.ErrUnsupported},
		sec(".DeviceRules[0]", container.Security{DeviceRules: []string{"c 1:3"}}),
		{"Options.Namespaces.PID", container.Options{Namespaces: container.Namespaces{PID: "moon"}}, nil},
		{"Options.Namespaces.IPC", container.Options{Namespaces: container.Namespaces{IPC: "private"}}, nil},
		{"Options.Namespaces.UTS", container.Options{Namespaces: container.Namespaces{UTS: "container:"}}, nil},
		{"Options.Resources.Devices[0].Source", container.Options{Resources: container.Resources{Devices: []container.Device{{Source: "null"}}}}, nil},
		{"Options.Resources.Devices[0]: source", container.Options{Resources: container.Resources{Devices: []container.Device{{Source: "/no/such"}}}}, nil},
		{"Options.Resources.Devices[0]: source", container.Options{Resources: container.Resources{Devices: []container.Device{{Source: "/etc/passwd"}}}}, nil},
		{"Options.Resources.Devices[0].Target", container.Options{Resources: container.Resources{Devices: []container.Device{{Source: "/dev/null", Target: "x"}}}}, nil},
		{"Options.Resources.Devices[0].Permissions", container.Options{Resources: container.Resources{Devices: []container.Device{{Source: "/dev/null", Permissions: "x"}}}}, nil},
		{"Options.Namespaces.Sysctls", container.Options{Namespaces: container.Namespaces{Sysctls: map[string]string{"kernel.panic": "1"}}}, nil},
		{`Options.Namespaces.Sysctls "kernel.hostname": `, container.Options{Namespaces: container.Namespaces{Sysctls: map[string]string{"kernel.hostname": "1"}}}, nil},
		{`Options.Namespaces.Sysctls "kernel.domainname": `, container.Options{Namespaces: container.Namespaces{Sysctls: map[string]string{"kernel.domainname": "1"}}}, nil},
		{`Options.Namespaces.Sysctls "kernel/panic": `, container.Options{Namespaces: container.Namespaces{Sysctls: map[string]string{"kernel/panic": "1"}}}, nil},
		{"the value can't have a zero byte", container.Options{Namespaces: container.Namespaces{Sysctls: map[string]string{"net.core.somaxconn": "\x00"}}}, nil},
		{"Options.Resources.Devices[1].Target", container.Options{Resources: container.Resources{Devices: []container.Device{{Source: "/dev/null"}, {Source: "/dev/zero", Target: "/dev/null/"}}}}, nil},
		res("Ulimits[1] core: it is given twice", container.Resources{Ulimits: []container.Ulimit{{Name: "core"}, {Name: "core"}}}),
		{"Options.Mounts[0].Propagation", container.Options{Mounts: []container.Mount{{Source: "/tmp", Target: "/m", Propagation: container.PropagationRShared}}}, api.ErrUnsupported},
		mount("Tmpfs.Options", container.Mount{Type: container.MountTmpfs, Tmpfs: container.Tmpfs{Options: []string{"defaults"}}}),
		{"Options.Network", container.Options{Network: "host", Namespaces: container.Namespaces{Sysctls: map[string]string{"net.ipv4.ip_forward": "1"}}}, nil},
		{"Options.Namespaces.IPC", container.Options{Namespaces: container.Namespaces{IPC: "host", Sysctls: map[string]string{"kernel.sem": "1"}}}, nil},
	}
}

type wrong struct {
	text string // that the message has: the field first
	opts container.Options
	want error // nil: ErrInvalidArgument
}

// found are the facts of a host that has the directories /tmp and /etc, the device /dev/null, and no disk.
func found(o container.Options) spec.Facts {
	f := facts(hosts["rootful-v2"])
	f.HasProfile = false
	for _, m := range o.Mounts {
		var s spec.Source
		if m.Source != "/tmp" && m.Source != "/etc" {
			s.Err = errors.New("it does not exist")
		}
		f.Sources = append(f.Sources, s)
	}
	for _, d := range o.Resources.Devices {
		var err error
		if d.Source != "/dev/null" {
			err = errors.New("source " + d.Source + ": it does not exist")
		}
		f.Devices = append(f.Devices, err)
	}
	for range o.Resources.BlockIO {
		f.Disks = append(f.Disks, spec.Disk{Err: errors.New("it is not a block device")})
	}
	return f
}

// refuse is what happens to options on the way to a container of an image.
func refuse(o container.Options, f func(container.Options) spec.Facts, img image.Config) error {
	if err := spec.Validate(o); err != nil {
		return err
	}
	o = spec.Complete(o)
	if err := spec.Check(o, f(o)); err != nil {
		return err
	}
	_, err := spec.Join(o, img)
	return err
}

// TestInvalid: a wrong value of any field is refused, by the field's name and with a remedy, as are fields that exclude
// each other.
func TestInvalid(t *testing.T) {
	require.NoError(t, refuse(container.Options{Image: "app"}, found, testImage), "what is right")
	var texts []string
	for _, tc := range wrongOptions() {
		texts = append(texts, tc.text)
		t.Run(tc.text, func(t *testing.T) {
			if tc.text != "Options.Image" {
				tc.opts.Image = "app"
			}
			if tc.want == nil {
				tc.want = api.ErrInvalidArgument
			}
			err := refuse(tc.opts, found, testImage)
			require.ErrorIs(t, err, tc.want)
			assert.ErrorContains(t, err, tc.text)
		})
	}
	assert.Empty(t, untested(reflect.TypeFor[container.Options](), texts), "fields without a wrong value here: add one, or add them to anyValue")
}

// untested are the fields of a struct that none of the texts names. A text names one by its path, or by the path of what
// it is in and its own name.
func untested(t reflect.Type, texts []string) (missing []string) {
	named := map[string]bool{}
	for _, text := range texts {
		named[indexRE.ReplaceAllString(pathRE.FindString(text), "")] = true
	}
	var walk func(reflect.Type, string)
	walk = func(t reflect.Type, path string) {
		for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() == reflect.Struct && t.PkgPath() == reflect.TypeFor[container.Options]().PkgPath() {
			for i := range t.NumField() {
				walk(t.Field(i).Type, path+"."+t.Field(i).Name)
			}
			return
		}
		parent, leaf := path[:strings.LastIndex(path, ".")], strings.ToLower(path[strings.LastIndex(path, ".")+1:])
		byParent := slices.ContainsFunc(texts, func(text string) bool {
			return strings.HasPrefix(indexRE.ReplaceAllString(text, ""), parent) && strings.Contains(strings.ToLower(text[len(parent):]), leaf)
		})
		if !named[path] && !byParent && !slices.Contains(anyValue, path) && !slices.Contains(ofNetworks, path) {
			missing = append(missing, path)
		}
	}
	walk(t, t.Name())
	return missing
}

var (
	pathRE  = regexp.MustCompile(`^[A-Za-z0-9.\[\]]+`)
	indexRE = regexp.MustCompile(`\[\d+\]`)
)
