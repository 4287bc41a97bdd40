package main

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

func TestCreateOptions(t *testing.T) {
	t.Setenv("FROM_HERE", "x")
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("profile", []byte("{}"), 0o644))
	require.NoError(t, os.WriteFile("lines", []byte("X=file\n# a comment\nFROM_HERE\n"), 0o644))
	for _, tc := range []struct {
		args string
		want func(o *container.Options)
	}{
		{"box", func(*container.Options) {}},
		{"box echo -t hi", func(o *container.Options) { o.Cmd = []string{"echo", "-t", "hi"} }},
		{"-it --rm box", func(o *container.Options) { o.Stdin, o.TTY, o.AutoRemove = true, true, true }},
		{"-e A=b -e FROM_HERE -e NOT_HERE box", func(o *container.Options) { o.Env = []string{"A=b", "FROM_HERE=x", "NOT_HERE"} }},
		{"--entrypoint /x box y", func(o *container.Options) { o.Entrypoint, o.Cmd = []string{"/x"}, []string{"y"} }},
		{"--entrypoint= box", func(o *container.Options) { o.Entrypoint = []string{} }},
		{"-w /d -u 1:2 --name n --network host box", func(o *container.Options) {
			o.Dir, o.User, o.Name, o.Network = "/d", "1:2", "n", container.NetworkHost
		}},
		{"-p 80 -p 8080:80/udp -p 0.0.0.0:9000-9001:90-91 --network-alias a box", func(o *container.Options) {
			o.Ports = []container.Port{
				{Container: 80, Count: 1}, {Container: 80, Host: 8080, Protocol: "udp", Count: 1},
				{Container: 90, Host: 9000, HostIP: netip.IPv4Unspecified(), Count: 2},
			}
			o.Network, o.Networking.Endpoints = "", []container.Endpoint{{Network: "bridge", Aliases: []string{"a"}}}
		}},
		{"--ip 10.1.2.3 --mac-address 02:00:00:00:00:01 --network n --dns-option ndots:2 box", func(o *container.Options) {
			o.Network, o.Networking.Endpoints = "", []container.Endpoint{{Network: "n", IPv4: netip.MustParseAddr("10.1.2.3"), MAC: "02:00:00:00:00:01"}}
			o.Networking.DNS.Options = []string{"ndots:2"}
		}},
		{"--device-read-bps /dev/sda:1mb --device-write-iops /dev/sda:30 --device-read-bps /dev/sdb:2k box", func(o *container.Options) {
			o.Resources.BlockIO = []container.BlockIOLimit{{Device: "/dev/sda", ReadBPS: 1 << 20, WriteIOPS: 30}, {Device: "/dev/sdb", ReadBPS: 2 << 10}}
		}},
		{"-m 64m --memory-swap -1 --memory-reservation 32MB --cpus 1.5 --cpuset-cpus 0 --cpuset-mems 0 -c 512 --pids-limit -1 --blkio-weight 10 box", func(o *container.Options) {
			o.Resources = container.Resources{
				Memory: 64 << 20, MemorySwap: -1, MemoryReservation: 32 << 20, CPUs: 1.5, CPUSet: "0", MemoryNodes: "0",
				CPUShares: 512, PIDs: -1, BlockIOWeight: 10,
			}
		}},
		{"--shm-size 1g --ulimit nofile=1:2 --ulimit core=0 --ulimit nproc=-1 --oom-score-adj -5 --cgroup-parent /a box", func(o *container.Options) {
			o.Resources = container.Resources{
				ShmSize: 1 << 30, OOMScoreAdj: -5, CgroupParent: "/a",
				Ulimits: []container.Ulimit{{Name: "nofile", Soft: 1, Hard: 2}, {Name: "core"}, {Name: "nproc", Soft: -1, Hard: -1}},
			}
		}},
		{"--cap-add NET_ADMIN --cap-drop ALL --security-opt no-new-privileges --security-opt seccomp=unconfined --security-opt apparmor=p --security-opt systempaths=unconfined box", func(o *container.Options) {
			o.Security = container.Security{
				CapAdd: []string{"NET_ADMIN"}, CapDrop: []string{"ALL"}, NoNewPrivileges: true,
				Seccomp: container.Unconfined, AppArmor: "p", Unmasked: true,
			}
		}},
		{"--privileged --security-opt no-new-privileges:false --security-opt seccomp=profile box", func(o *container.Options) {
			o.Security = container.Security{Privileged: true, Seccomp: "{}"}
		}},
		{"--device /dev/a --device /dev/a:/dev/b --device /dev/a:r --device /dev/a:/dev/b:rm --device-cgroup-rule a box", func(o *container.Options) {
			o.Security.DeviceRules = []string{"a"}
			o.Resources.Devices = []container.Device{
				{Source: "/dev/a"}, {Source: "/dev/a", Target: "/dev/b"}, {Source: "/dev/a", Permissions: "r"},
				{Source: "/dev/a", Target: "/dev/b", Permissions: "rm"},
			}
		}},
		{"--read-only --init --group-add g --group-add 5 --sysctl net.a=1 --pid host --ipc container:c --uts host box", func(o *container.Options) {
			o.ReadOnly, o.Process.Init, o.Process.Groups, o.Namespaces.Sysctls = true, true, []string{"g", "5"}, map[string]string{"net.a": "1"}
			o.Namespaces = container.Namespaces{PID: "host", IPC: "container:c", UTS: "host", Sysctls: map[string]string{"net.a": "1"}}
		}},
		{"--host-port 80 --host-port 90-92 box", func(o *container.Options) { o.Networking.HostPorts = []uint16{80, 90, 91, 92} }},
		{"--host-port all box", func(o *container.Options) { o.Networking.AllHostPorts = true }},
		{"--ipc private --restart on-failure:3 --stop-signal INT --stop-timeout 5 -h host --domainname d box", func(o *container.Options) {
			o.Lifecycle.Restart = container.RestartPolicy{Mode: container.RestartOnFailure, MaxRetries: 3}
			o.Lifecycle.StopSignal, o.Lifecycle.StopTimeout, o.Networking.Hostname, o.Networking.Domain = "INT", 5*time.Second, "host", "d"
		}},
		{"-l a=1 -l b --label-file lines --env-file lines -e X=over --annotation a.b=c,d box", func(o *container.Options) {
			o.Labels = map[string]string{"a": "1", "b": "", "X": "file", "FROM_HERE": "x"}
			o.Env = []string{"X=file", "FROM_HERE=x", "X=over"}
			o.Annotations = map[string]string{"a.b": "c,d"}
		}},
		{"--health-cmd true --health-interval 1m --health-timeout 2s --health-start-period 3s --health-start-interval 1s --health-retries 4 box", func(o *container.Options) {
			o.Health = container.HealthConfig{
				Test: []string{"CMD-SHELL", "true"}, Interval: time.Minute, Timeout: 2 * time.Second, StartPeriod: 3 * time.Second,
				StartInterval: time.Second, Retries: 4,
			}
		}},
		{"--log-opt max-size=10m --log-opt max-file=3 box", func(o *container.Options) {
			o.Log = container.LogConfig{MaxSize: 10 << 20, MaxFiles: 3}
		}},
		{"--no-healthcheck --stop-timeout 0 box", func(o *container.Options) {
			o.Health.Test, o.Lifecycle.StopTimeout = []string{"NONE"}, time.Nanosecond
		}},
		{"-v data:/v --mount type=volume,src=data,dst=/l --tmpfs /t box", func(o *container.Options) {
			o.Mounts = []container.Mount{
				{Type: container.MountVolume, Source: "data", Target: "/v"}, {Type: container.MountVolume, Source: "data", Target: "/l"},
				{Type: container.MountTmpfs, Target: "/t"},
			}
			o.Annotations = map[string]string{"caisson.cli/flags": `{"mounts":["/l"]}`} // for inspect, which tells them apart
		}},
	} {
		t.Run(tc.args, func(t *testing.T) {
			flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
			flags.SetInterspersed(false)
			o := newCreateFlags(flags)
			require.NoError(t, flags.Parse(strings.Fields(tc.args)))
			got, err := o.options(flags.Args(), io.Discard)
			require.NoError(t, err)
			want := container.Options{Image: "box", Network: container.NetworkDefault, Pull: image.PullNever, Detach: true}
			tc.want(&want)
			require.Equal(t, want, got)
		})
	}
}

// TestBadFlags: what is wrong is said, with the flag, before anything is done.
func TestBadFlags(t *testing.T) {
	for args, want := range map[string]string{
		"-m x": "--memory", "--memory 99999999999g": "too large", "--ulimit nofile": "--ulimit", "--ulimit nofile=2:1": "soft",
		"--restart sometimes": "on-failure", "--restart always:3": "only on-failure takes", "--restart on-failure:x": "only on-failure takes",
		"--security-opt nonsense": "nonsense", "--security-opt seccomp=/not/there": "/not/there", "--security-opt no-new-privileges=x": "x",
		"--device :/x": `--device ":/x"`, "--device /a:x": "permissions", "--device /a:/b:/c": "SOURCE", "--device /a:": "permissions",
		"--mount type=bind": "target", "--mount type=bind,x=y,dst=/a": `"x"`, "--mount readonly=x,dst=/a": "readonly",
		"--mount type=tmpfs,dst=/a,tmpfs-size=x": "tmpfs-size", "--tmpfs /a:size=x": "size", "--tmpfs /a:mode=9": "mode",
		"-l =x": "--label", "--sysctl =1": "--sysctl", "--env-file /not/there": "/not/there", "--label-file /not/there": "/not/there",
		"--health-interval x": "--health-interval", "--no-healthcheck --health-cmd x": "conflicts", "--ip x": "--ip",
		"--attach stdoot": "stdoot", "--log-opt max-size=x": "max-size=x", "--log-opt tag=x": "max-file", "--pull sometimes": "missing, always or never",
	} {
		t.Run(args, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := run(context.Background(), append(append([]string{"run"}, strings.Fields(args)...), "box"), strings.NewReader(""), &out, &errs)
			require.Equal(t, 125, code)
			require.Contains(t, errs.String(), want)
			require.Contains(t, errs.String(), "Run 'caisson run --help'")
		})
	}
}
