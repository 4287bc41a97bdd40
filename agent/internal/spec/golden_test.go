package spec_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

var testImage = image.Config{Cmd: []string{"/bin/server"}, Env: []string{"PATH=/usr/bin:/bin", "MODE=image"}, WorkingDir: "/srv", Volumes: []string{"/data"}}

// optionCases are the options whose specifications the golden files have, by what is special in them.
var optionCases = []struct {
	name string
	opts container.Options
	in   func(*spec.Input) // what was looked up for them
}{
	{"command", container.Options{Entrypoint: []string{"/bin/sh"}, Cmd: []string{"-c", "true"}, Env: []string{"MODE=options", "PATH"}, Dir: "/tmp"}, nil},
	{"names", container.Options{Networking: container.NetworkingConfig{Hostname: "box", Domain: "example.org"}, Annotations: map[string]string{"a": "b"}}, nil},
	{"ports", container.Options{Ports: []container.Port{{Container: 80, Host: 8080}}}, nil},
	{"host network", container.Options{Network: "host"}, without(specs.NetworkNamespace)},
	{"no network", container.Options{Network: "none"}, nil},
	{"bind mounts", container.Options{Mounts: []container.Mount{{Source: "/srv/a", Target: "/data/a"}, {Source: "/srv/b", Target: "/b", ReadOnly: true, Propagation: container.PropagationRSlave}}}, nil},
	{"volume", container.Options{Mounts: []container.Mount{{Type: container.MountVolume, Source: "data", Target: "/data"}}}, nil},
	{"image mount", container.Options{Mounts: []container.Mount{{Type: container.MountImage, Source: "assets", Target: "/assets"}}}, nil},
	{"tmpfs", container.Options{Mounts: []container.Mount{{Type: container.MountTmpfs, Target: "/tmp"}, {Type: container.MountTmpfs, Target: "/run", ReadOnly: true, Tmpfs: container.Tmpfs{Size: 1 << 20, Mode: 0o700, Options: []string{"exec"}}}}}, nil},
	{"mounts in place of the engine's", container.Options{Mounts: []container.Mount{{Source: "/dev", Target: "/dev"}, {Source: "/srv/hosts", Target: "/etc/hosts"}}}, nil},
	{"read-only", container.Options{ReadOnly: true}, nil},
	{"init", container.Options{Process: container.ProcessConfig{Init: true}}, nil},
	{"init below a mount of /dev", container.Options{Process: container.ProcessConfig{Init: true}, Mounts: []container.Mount{{Source: "/dev", Target: "/dev"}}}, nil},
	{"user", container.Options{User: "app", Process: container.ProcessConfig{Groups: []string{"20"}}}, func(in *spec.Input) {
		in.User, in.Home = specs.User{UID: 1000, GID: 1000, AdditionalGids: []uint32{1000, 20}}, "/home/app"
	}},
	{"capabilities", container.Options{Security: container.Security{CapAdd: []string{"net_admin"}, CapDrop: []string{"CAP_CHOWN", "KILL"}}}, nil},
	{"no capabilities but one", container.Options{Security: container.Security{CapAdd: []string{"CHOWN"}, CapDrop: []string{"ALL"}}}, nil},
	{"all capabilities but one", container.Options{Security: container.Security{CapAdd: []string{"ALL"}, CapDrop: []string{"SYS_ADMIN"}}}, nil},
	{"privileged", container.Options{Security: container.Security{Privileged: true}}, devices},
	{"devices", container.Options{Resources: container.Resources{Devices: []container.Device{{Source: "/dev/fuse", Target: "/dev/mine", Permissions: "rw"}}}, Security: container.Security{DeviceRules: []string{"c 10:* r"}}}, devices},
	{"security", container.Options{Security: container.Security{NoNewPrivileges: true, Unmasked: true, AppArmor: "mine"}}, func(in *spec.Input) { in.AppArmor = "mine" }},
	{"limits", container.Options{Resources: container.Resources{
		Memory: 64 << 20, MemoryReservation: 32 << 20, CPUs: 1.5, CPUSet: "0-1", MemoryNodes: "0", CPUShares: 512, PIDs: 64, BlockIOWeight: 300,
		BlockIO: []container.BlockIOLimit{{Device: "/dev/sda", ReadBPS: 1 << 20, WriteIOPS: 100}}, OOMScoreAdj: 500, ShmSize: 1 << 20, CgroupParent: "mine/deep",
	}}, func(in *spec.Input) {
		in.Swap, in.Disks = true, []spec.Disk{{Disk: host.Disk{Major: 8}}}
	}},
	{"memory without an account of swap", container.Options{Resources: container.Resources{Memory: 64 << 20}}, nil},
	{"memory and swap", container.Options{Resources: container.Resources{Memory: 64 << 20, MemorySwap: -1}}, func(in *spec.Input) { in.Swap = true }},
	{"ulimits", container.Options{Resources: container.Resources{Ulimits: []container.Ulimit{{Name: "nofile", Soft: 64, Hard: 128}, {Name: "core", Soft: 0, Hard: -1}}}}, func(in *spec.Input) {
		in.Rlimits, _ = spec.Rlimits(in.Container.Options.Resources.Ulimits, map[string]uint64{"core": 4096})
	}},
	{"sysctls", container.Options{Namespaces: container.Namespaces{Sysctls: map[string]string{"net.ipv4.ip_forward": "1"}}}, nil},
	{"namespaces of the host", container.Options{Namespaces: container.Namespaces{PID: "host", IPC: "host", UTS: "host"}}, func(in *spec.Input) {
		without(specs.PIDNamespace, specs.IPCNamespace, specs.UTSNamespace)(in)
		in.Mqueue = true
	}},
	{"IPC of the host, without message queues", container.Options{Namespaces: container.Namespaces{IPC: "host"}}, without(specs.IPCNamespace)},
	{"namespaces of another container", container.Options{Network: "container:other", Namespaces: container.Namespaces{IPC: "container:other"}}, func(in *spec.Input) {
		in.Shm = "/run/other/shm"
		for i, ns := range in.Namespaces {
			if ns.Type == specs.NetworkNamespace || ns.Type == specs.IPCNamespace {
				in.Namespaces[i].Path = "/proc/42/fd/7"
			}
		}
	}},
	{"thermal paths", container.Options{}, func(in *spec.Input) {
		in.Thermal = []string{"/sys/devices/system/cpu/cpu0/thermal_throttle"}
	}},
}

func without(kinds ...specs.LinuxNamespaceType) func(*spec.Input) {
	return func(in *spec.Input) {
		in.Namespaces = slices.DeleteFunc(in.Namespaces, func(ns specs.LinuxNamespace) bool { return slices.Contains(kinds, ns.Type) })
	}
}

func devices(in *spec.Input) {
	for _, d := range spec.DevicesOf(in.Container.Options) {
		found := []host.Device{{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229, Mode: 0o666}}
		if d.Source == "/dev" {
			found = append(found, host.Device{Path: "/dev/null", Type: "c", Major: 1, Minor: 3, Mode: 0o666}, host.Device{Path: "/dev/disk/sda", Type: "b", Major: 8, Mode: 0o660, GID: 6})
		}
		in.Devices = append(in.Devices, spec.Place(d, d.Source, found)...)
	}
}

// makeSpec makes a specification as the engine does, without a seccomp profile, which has its own test.
func makeSpec(t *testing.T, h host.Host, o container.Options, look func(*spec.Input)) *specs.Spec {
	t.Helper()
	o.Image, o.Security.Seccomp = "app", container.Unconfined
	require.NoError(t, spec.Validate(o))
	c, err := spec.Join(spec.Complete(o), testImage)
	require.NoError(t, err)
	c.ID, c.Hostname = strings.Repeat("0123456789abcdef", 4), "0123456789ab"
	if o.Networking.Hostname != "" {
		c.Hostname = o.Networking.Hostname
	}
	in := spec.Input{
		Container: &c, Host: h, RootFS: "/store/root", Files: "/store/files", User: specs.User{AdditionalGids: []uint32{0}}, Home: "/root",
		Namespaces: []specs.LinuxNamespace{
			{Type: specs.MountNamespace}, {Type: specs.CgroupNamespace}, {Type: specs.PIDNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace}, {Type: specs.NetworkNamespace},
		},
	}
	for _, m := range c.Mounts {
		source := m.Source
		if m.Type != container.MountBind {
			source = "/store/" + string(m.Type) + "/" + m.Source
		}
		in.Sources = append(in.Sources, source)
	}
	if look != nil {
		look(&in)
	}
	in.User, err = spec.FitUser(in.User, h)
	if err != nil {
		require.True(t, h.OneID)
		return nil // the host has no such user
	}
	made, err := spec.New(in)
	require.NoError(t, err)
	return made
}

// TestGolden: the specification of a container without options, on each kind of host, is the one in testdata; and of
// each option, what it changes.
func TestGolden(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		h := hosts[name]
		plain := makeSpec(t, h, container.Options{}, nil)
		golden(t, "default-"+name+".json", indented(t, plain)+"\n")
		var changes strings.Builder
		for _, c := range optionCases {
			fmt.Fprintf(&changes, "== %s\n", c.name)
			if made := makeSpec(t, h, c.opts, c.in); made == nil {
				changes.WriteString("refused: the user namespace has one id\n")
			} else {
				changes.WriteString(difference(lines(t, plain), lines(t, made)))
			}
		}
		if !h.Rootless {
			name = "rootful" // the hierarchies of cgroups are libcontainer's affair
		}
		golden(t, "options-"+name+".txt", changes.String())
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "%s: if this is meant, go test ./internal/spec -update writes it anew", file)
}

func indented(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	require.NoError(t, err)
	return string(b)
}

// lines are a specification's values with their paths. What has a name of its own in a list has that for its index.
func lines(t *testing.T, s *specs.Spec) (out []string) {
	t.Helper()
	b, err := json.Marshal(s)
	require.NoError(t, err)
	var v any
	require.NoError(t, json.Unmarshal(b, &v))
	var walk func(string, any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				walk(path+"."+k, e)
			}
		case []any:
			for i, e := range v {
				walk(path+"["+index(i, e)+"]", e)
			}
		default:
			out = append(out, fmt.Sprintf("%s: %v", strings.TrimPrefix(path, "."), v))
		}
	}
	walk("", v)
	slices.Sort(out)
	return out
}

func index(i int, v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return "" // a word
	}
	_, rule := m["allow"]
	_, device := m["fileMode"]
	_, mount := m["destination"]
	switch {
	case rule:
		return fmt.Sprint(i)
	case device:
		return fmt.Sprint(m["path"])
	case mount:
		return fmt.Sprint(m["destination"])
	}
	return fmt.Sprint(m["type"])
}

func difference(before, after []string) string {
	var b strings.Builder
	for _, l := range before {
		if !slices.Contains(after, l) {
			b.WriteString("- " + l + "\n")
		}
	}
	for _, l := range after {
		if !slices.Contains(before, l) {
			b.WriteString("+ " + l + "\n")
		}
	}
	return b.String()
}
