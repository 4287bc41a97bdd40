package main

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

func TestMount(t *testing.T) {
	here, err := filepath.Abs("here")
	require.NoError(t, err)
	for _, tc := range []struct {
		spec string
		want container.Mount
		err  string
	}{
		{"/a:/b", container.Mount{Type: container.MountBind, Source: "/a", Target: "/b", CreateSource: true}, ""},
		{"/a:/b:ro", container.Mount{Type: container.MountBind, Source: "/a", Target: "/b", CreateSource: true, ReadOnly: true}, ""},
		{"/a:/b:rw", container.Mount{Type: container.MountBind, Source: "/a", Target: "/b", CreateSource: true}, ""},
		{"./here:/b", container.Mount{Type: container.MountBind, Source: here, Target: "/b", CreateSource: true}, ""},
		{"data:/b", container.Mount{Type: container.MountVolume, Source: "data", Target: "/b"}, ""},
		{"/b", container.Mount{Type: container.MountVolume, Target: "/b"}, ""},
		{"/b:ro", container.Mount{Type: container.MountVolume, Target: "/b", ReadOnly: true}, ""},
		{"/b:ro,nocopy", container.Mount{Type: container.MountVolume, Target: "/b", ReadOnly: true, NoCopy: true}, ""},
		{"/a:/b:ro,rslave", container.Mount{Type: container.MountBind, Source: "/a", Target: "/b", CreateSource: true, ReadOnly: true, Propagation: container.PropagationRSlave}, ""},
		{"/a:b", container.Mount{}, "not an absolute path"},
		{"a/b:/c", container.Mount{}, "is not a valid volume name"},
		{"/a:/b:/c", container.Mount{}, "mode"},
		{"/a:/b:ro:x", container.Mount{}, "mode"},
		{":/b", container.Mount{}, "source is empty"},
		{"", container.Mount{}, "SOURCE:TARGET"},
		{"a:", container.Mount{}, "SOURCE:TARGET"},
	} {
		t.Run(tc.spec, func(t *testing.T) {
			got, err := mount(tc.spec)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

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

func TestLongMount(t *testing.T) {
	here, err := filepath.Abs("here")
	require.NoError(t, err)
	for spec, want := range map[string]container.Mount{
		"target=/a": {Type: container.MountVolume, Target: "/a"},
		"type=volume,source=d,dst=/a,volume-nocopy": {Type: container.MountVolume, Source: "d", Target: "/a", NoCopy: true},
		"type=bind,src=here,destination=/a,ro":      {Type: container.MountBind, Source: here, Target: "/a", ReadOnly: true},
		"type=bind,src=/s,dst=/a,readonly=false,bind-propagation=rslave,bind-create-src": {
			Type: container.MountBind, Source: "/s", Target: "/a", Propagation: container.PropagationRSlave, CreateSource: true,
		},
		`type=bind,"src=/a,b",dst=/a`:                     {Type: container.MountBind, Source: "/a,b", Target: "/a"},
		"type=tmpfs,dst=/a,tmpfs-size=1m,tmpfs-mode=1770": {Type: container.MountTmpfs, Target: "/a", Tmpfs: container.Tmpfs{Size: 1 << 20, Mode: 0o1770}},
		"type=image,src=box,dst=/a":                       {Type: container.MountImage, Source: "box", Target: "/a"},
	} {
		got, err := longMount(spec)
		require.NoError(t, err, spec)
		require.Equal(t, want, got.Mount, spec)
	}
	got, err := tmpfs("/a:size=64k,mode=700,noexec,exec,uid=5,ro")
	require.NoError(t, err)
	require.Equal(t, container.Mount{
		Type: container.MountTmpfs, Target: "/a", ReadOnly: true, Tmpfs: container.Tmpfs{Size: 64 << 10, Mode: 0o700, Options: []string{"exec", "uid=5"}},
	}, got)
}

func TestBuildInput(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "ctx"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ctx", "Other"), []byte("FROM a"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Outside"), []byte("FROM b"), 0o644))
	t.Chdir(dir)
	for _, tc := range []struct {
		name, dir, file, stdin string
		dockerfile, text       string
		context, tar           bool
	}{
		{"directory", "ctx", "", "", "", "", true, false},
		{"file in the context", "ctx", "ctx/Other", "", "Other", "", true, false},
		{"file outside", "ctx", "Outside", "", "", "FROM b", true, false},
		{"file on standard input", "ctx", "-", "FROM c", "", "FROM c", true, false},
		{"all on standard input", "-", "", "FROM d", "", "FROM d", false, false},
		{"zstd'd tar", "-", "", "\x28\xb5\x2f\xfd and so on", "", "", false, true},
		{"gzip'd tar", "-", "", "\x1f\x8b and so on", "", "", false, true},
		{"tar", "-", "sub/File", strings.Repeat("\x00", 257) + "ustar" + strings.Repeat("\x00", 600), "sub/File", "", false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var o image.BuildOptions
			require.NoError(t, buildInput(&o, tc.dir, tc.file, strings.NewReader(tc.stdin)))
			require.Equal(t, tc.dockerfile, o.Dockerfile)
			require.Equal(t, tc.text, o.DockerfileText)
			require.Equal(t, tc.context, o.Context != nil)
			require.Equal(t, tc.tar, o.Tar != nil)
			if tc.tar {
				all, err := io.ReadAll(o.Tar)
				require.NoError(t, err)
				require.Equal(t, tc.stdin, string(all))
			}
		})
	}
	var o image.BuildOptions
	require.ErrorContains(t, buildInput(&o, "nowhere", "", nil), "nowhere")
	require.ErrorContains(t, buildInput(&o, "Outside", "", nil), "not a directory")
	require.ErrorContains(t, buildInput(&o, "ctx", "missing", nil), "missing")
	require.ErrorContains(t, buildInput(&o, "-", "-", nil), "can't be both")
	require.ErrorContains(t, buildInput(&o, "-", "", strings.NewReader(" \n")), "empty")
}

func TestFamiliar(t *testing.T) {
	require.Equal(t, name{"alpine", "3", none}, familiar("docker.io/library/alpine:3"))
	require.Equal(t, name{"me/app", none, none}, familiar("docker.io/me/app"))
	require.Equal(t, name{"127.0.0.1:5000/a", "1", none}, familiar("127.0.0.1:5000/a:1"))
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	require.Equal(t, name{"alpine", none, digest}, familiar("docker.io/library/alpine@"+digest))
	require.Equal(t, "docker.io/library/alpine:latest", fullName("alpine"))
	require.Equal(t, "alpine:3", familiarString("docker.io/library/alpine:3", digest))
	require.Equal(t, "0123456789ab", familiarString("01234", digest))
	require.Equal(t, "0123456789ab", familiarString(digest, digest))
}

func TestImageRows(t *testing.T) {
	rows := imageRows([]image.Image{
		{ID: "sha256:" + strings.Repeat("a", 64), Names: []string{"docker.io/library/a:1", "localhost/b:2"}, Size: 4_020_000, Created: time.Now().Add(-3 * time.Hour)},
		{ID: "sha256:" + strings.Repeat("b", 64)},
		{ID: "sha256:" + strings.Repeat("c", 64), Names: []string{"docker.io/library/c:1"}, Digests: []string{
			"docker.io/library/c@sha256:" + strings.Repeat("1", 64), "docker.io/me/c@sha256:" + strings.Repeat("2", 64),
		}},
	}, false)
	require.Len(t, rows, 5)
	require.Equal(t, []string{"c", "1", "sha256:" + strings.Repeat("1", 64)}, []string{rows[3].Repository, rows[3].Tag, rows[3].Digest})
	require.Equal(t, []string{"me/c", none, "sha256:" + strings.Repeat("2", 64)}, []string{rows[4].Repository, rows[4].Tag, rows[4].Digest})
	require.Equal(t, []string{"a", "1", "aaaaaaaaaaaa", "3 hours ago", "4.02MB"}, []string{rows[0].Repository, rows[0].Tag, rows[0].ID, rows[0].CreatedSince, rows[0].Size})
	require.Equal(t, "localhost/b", rows[1].Repository)
	require.Equal(t, []string{none, none, "N/A", "0B"}, []string{rows[2].Repository, rows[2].Tag, rows[2].CreatedSince, rows[2].Size})
}

func TestPsRow(t *testing.T) {
	now := time.Now()
	info := container.Info{
		ID: strings.Repeat("c", 64), Name: "web", Image: "docker.io/library/app:1", Created: now.Add(-2 * time.Hour),
		Command: []string{"/bin/program", "with", "arguments"},
		State:   container.State{Status: container.StatusExited, ExitCode: 3, Started: now.Add(-time.Hour), Finished: now.Add(-5 * time.Minute)},
		Labels:  map[string]string{"b": "2", "a": "1"},
	}
	row := newPsRow(info, false)
	require.Equal(t, `"/bin/program with a…"`, row.Command)
	require.Equal(t, "Exited (3) 5 minutes ago", row.Status)
	require.Equal(t, "2 hours ago", row.RunningFor)
	require.Equal(t, "app:1", row.Image)
	require.Equal(t, "a=1,b=2", row.Labels)
	for state, want := range map[container.Status]string{
		container.StatusRunning: "Up About an hour", container.StatusPaused: "Up About an hour (Paused)", container.StatusCreated: "Created",
	} {
		info.State.Status = state
		require.Equal(t, want, statusText(info))
	}
}

// TestUsage needs no store.
func TestUsage(t *testing.T) {
	for _, tc := range []struct {
		args string
		code int
		out  string
		err  string
	}{
		{"", 0, "Commands:", ""},
		{"--help", 0, "container prune", ""},
		{"run --help", 0, "--entrypoint", ""},
		{"image prune --help", 0, "Usage: caisson image prune", ""},
		{"nothing", 1, "", "unknown command: nothing"},
		{"image nothing", 1, "", "unknown command: image"},
		{"--nothing", 125, "", "unknown flag: --nothing"},
		{"ps --nothing", 125, "", "Run 'caisson ps --help'"},
		{"tag one", 1, "", "takes 2 arguments"},
		{"ps one", 1, "", "takes no arguments"},
		{"run", 1, "", "takes at least 1 argument"},
		{"run -a stdout -d box", 1, "", "--detach"},
		{"strat", 1, "", "Did you mean start"},
		{"container ls extra", 1, "", "'caisson container ls' takes no arguments"},
		{"help image ls", 0, "Usage: caisson image ls", ""},
		{"help nosuch", 1, "", "unknown help topic: nosuch"},
		{"completion bash", 0, "bash completion", ""},
		{"completion fish", 0, "fish completion", ""},
		{"completion zsh", 0, "#compdef caisson", ""},
		{"container", 0, "", "Manage containers"},
		{"run --help", 0, "caisson run --rm -it", ""},
	} {
		t.Run(tc.args, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := run(context.Background(), strings.Fields(tc.args), strings.NewReader(""), &out, &errs)
			require.Equal(t, tc.code, code, "%s", &errs)
			require.Contains(t, out.String(), tc.out)
			require.Contains(t, errs.String(), tc.err)
		})
	}
}
