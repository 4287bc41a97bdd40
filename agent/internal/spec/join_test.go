package spec_test

import (
	"fmt"
	"math"
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

// TestJoinCommand: Docker's table of ENTRYPOINT and CMD (https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact).
func TestJoinCommand(t *testing.T) {
	both := image.Config{Entrypoint: []string{"ep"}, Cmd: []string{"cmd"}}
	for _, c := range []struct {
		name string
		img  image.Config
		opts container.Options
		want []string // nil: refused
	}{
		{"the image's", both, container.Options{}, []string{"ep", "cmd"}},
		{"the image's CMD alone", image.Config{Cmd: []string{"cmd"}}, container.Options{}, []string{"cmd"}},
		{"Cmd", both, container.Options{Cmd: []string{"mine"}}, []string{"ep", "mine"}},
		{"an empty Cmd", both, container.Options{Cmd: []string{}}, []string{"ep"}},
		{"Entrypoint takes CMD away", both, container.Options{Entrypoint: []string{"mine"}}, []string{"mine"}},
		{"Entrypoint and Cmd", both, container.Options{Entrypoint: []string{"mine"}, Cmd: []string{"too"}}, []string{"mine", "too"}},
		{"an empty Entrypoint", both, container.Options{Entrypoint: []string{}, Cmd: []string{"mine"}}, []string{"mine"}},
		{"an empty Entrypoint alone", both, container.Options{Entrypoint: []string{}}, nil},
		{"nothing", image.Config{}, container.Options{}, nil},
		{"an empty program", image.Config{}, container.Options{Cmd: []string{""}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			joined, err := spec.Join(c.opts, c.img)
			if c.want == nil {
				require.ErrorIs(t, err, api.ErrInvalidArgument)
				require.ErrorContains(t, err, "set Options.Cmd")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, joined.Command)
		})
	}
}

func TestJoin(t *testing.T) {
	img := image.Config{Cmd: []string{"x"}, Env: []string{"A=image", "B=image"}, WorkingDir: "/image", User: "image", StopSignal: "SIGINT", Volumes: []string{"/data", "/data/deep", "/x"}}
	plain, err := spec.Join(container.Options{}, img)
	require.NoError(t, err)
	assert.Equal(t, []any{"/image", "image", "SIGINT"}, []any{plain.Dir, plain.User, plain.Options.Lifecycle.StopSignal})
	assert.Equal(t, []string{"A=image", "B=image"}, plain.Env)
	assert.Equal(t, []string{"/x", "/data", "/data/deep"}, targets(plain.Mounts), "what is mounted below another comes after it")

	opts := container.Options{
		Env: []string{"B=options"}, Dir: "/options", User: "options", Lifecycle: container.LifecycleConfig{StopSignal: "9"},
		Mounts: []container.Mount{{Type: container.MountTmpfs, Target: "/data"}},
	}
	given, err := spec.Join(opts, img)
	require.NoError(t, err)
	assert.Equal(t, []any{"/options", "options", "9"}, []any{given.Dir, given.User, given.Options.Lifecycle.StopSignal})
	assert.Equal(t, []string{"A=image", "B=options"}, given.Env)
	assert.Equal(t, []string{"/x", "/data", "/data/deep"}, targets(given.Mounts))
	assert.Equal(t, container.MountTmpfs, given.Mounts[1].Type, "a mount takes a volume's place")
	assert.Len(t, opts.Mounts, 1, "what is given stays as it is")

	bare, err := spec.Join(container.Options{Cmd: []string{"x"}}, image.Config{})
	require.NoError(t, err)
	assert.Equal(t, "/", bare.Dir)
}

func targets(mounts []container.Mount) (out []string) {
	for _, m := range mounts {
		out = append(out, m.Target)
	}
	return out
}

func TestJoinHealth(t *testing.T) {
	img := &image.HealthConfig{Test: []string{"CMD", "image"}, Interval: time.Minute, Timeout: time.Second, StartPeriod: time.Hour, Retries: 7}
	full := &container.HealthConfig{Test: img.Test, Interval: time.Minute, Timeout: time.Second, StartPeriod: time.Hour, StartInterval: 5 * time.Second, Retries: 7}
	mine := *full
	mine.Test, mine.Retries = []string{"CMD-SHELL", "mine"}, 1
	for _, c := range []struct {
		name string
		opts container.HealthConfig
		img  *image.HealthConfig
		want *container.HealthConfig
	}{
		{"none", container.HealthConfig{}, nil, nil},
		{"the image's", container.HealthConfig{}, img, full},
		{"fields replace the image's", container.HealthConfig{Test: mine.Test, Retries: 1}, img, &mine},
		{"turned off", container.HealthConfig{Test: []string{"NONE"}}, img, nil},
		{"turned off by the image", container.HealthConfig{}, &image.HealthConfig{Test: []string{"NONE"}}, nil},
		{"defaults", container.HealthConfig{Test: img.Test}, nil, &container.HealthConfig{Test: img.Test, Interval: 30 * time.Second, Timeout: 30 * time.Second, StartInterval: 5 * time.Second, Retries: 3}},
		{"times without a test", container.HealthConfig{Retries: 2}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			joined, err := spec.Join(container.Options{Cmd: []string{"x"}, Health: c.opts}, image.Config{Health: c.img})
			require.NoError(t, err)
			assert.Equal(t, c.want, joined.Health)
		})
	}
}

func TestHealthCommand(t *testing.T) {
	health := func(test ...string) *container.HealthConfig { return &container.HealthConfig{Test: test} }
	for _, c := range []struct {
		name string
		c    spec.Container
		want []string
	}{
		{"program", spec.Container{Health: health("CMD", "a", "b")}, []string{"a", "b"}},
		{"line", spec.Container{Health: health("CMD-SHELL", "a b")}, []string{"/bin/sh", "-c", "a b"}},
		{"line in the image's shell", spec.Container{Health: health("CMD-SHELL", "a b"), Config: image.Config{Shell: []string{"/bin/bash", "-ec"}}}, []string{"/bin/bash", "-ec", "a b"}},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, c.c.HealthCommand()) })
	}
}

// TestComplete: defaults are filled in, and what is given stays as it is.
func TestComplete(t *testing.T) {
	given := func() container.Options {
		return container.Options{
			Network: "mine", Mounts: []container.Mount{{Source: "/a", Target: "/b//c/"}, {Type: container.MountImage, Target: "/i"}},
			Resources: container.Resources{Devices: []container.Device{{Source: "/dev/fuse"}}},
			Security:  container.Security{CapAdd: []string{"net_admin", "all"}, CapDrop: []string{"CAP_KILL"}},
		}
	}
	o := given()
	assert.Equal(t, container.Options{
		Pull: image.PullMissing, Networking: container.NetworkingConfig{Endpoints: []container.Endpoint{{Network: "mine"}}},
		Mounts:    []container.Mount{{Type: container.MountBind, Source: "/a", Target: "/b/c"}, {Type: container.MountImage, Target: "/i", ReadOnly: true}},
		Resources: container.Resources{Devices: []container.Device{{Source: "/dev/fuse", Target: "/dev/fuse", Permissions: "rwm"}}},
		Security:  container.Security{CapAdd: []string{"CAP_NET_ADMIN", "ALL"}, CapDrop: []string{"CAP_KILL"}},
	}, spec.Complete(o))
	assert.Equal(t, given(), o)
	for mode, want := range map[container.NetworkMode]container.NetworkMode{
		"": "", "bridge": "", "host": "host", "none": "none", "container:x": "container:x",
	} {
		done := spec.Complete(container.Options{Network: mode})
		assert.Equal(t, want, done.Network)
		assert.Empty(t, done.Networking.Endpoints)
	}
}

// TestCheckSize: what the kernel would not start is refused when the container is made.
func TestCheckSize(t *testing.T) {
	texts := func(n, size int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf("V%03d=%s", i, strings.Repeat("x", size-5)))
		}
		return out
	}
	const mib, infinite = 1 << 20, math.MaxUint64
	for _, c := range []struct {
		name   string
		cmd    []string
		env    []string
		limits []container.Ulimit
		stack  uint64
		refuse string
	}{
		{"small", []string{"true"}, nil, nil, 8 * mib, ""},
		{"much, but within a quarter of the stack", []string{"true"}, texts(19, 100<<10), nil, 8 * mib, ""},
		{"more", []string{"true"}, texts(21, 100<<10), nil, 8 * mib, "at most 2097152"},
		{"arguments count, too", append([]string{"true"}, texts(11, 100<<10)...), texts(10, 100<<10), nil, 8 * mib, "at most 2097152"},
		{"pointers count", []string{"true"}, texts(200000, 6), nil, 8 * mib, "at most 2097152"},
		{"a limit of its own", []string{"true"}, texts(21, 100<<10), []container.Ulimit{{Name: "stack", Soft: 16 * mib, Hard: 16 * mib}}, 8 * mib, ""},
		{"without a limit the kernel has one", []string{"true"}, texts(62, 100<<10), []container.Ulimit{{Name: "stack", Soft: -1, Hard: -1}}, 8 * mib, "at most 6291456"},
		{"no limit of this process", []string{"true"}, texts(60, 100<<10), nil, infinite, ""},
		{"a small stack leaves the least that there is", []string{"true"}, texts(1, 100<<10), nil, 1 << 10, ""},
		{"and no more", []string{"true"}, texts(2, 100<<10), nil, 1 << 10, "at most 131072"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := container.Options{Cmd: c.cmd, Env: c.env, Resources: container.Resources{Ulimits: c.limits}}
			joined, err := spec.Join(o, image.Config{})
			require.NoError(t, err)
			err = spec.CheckSize(&joined, c.stack)
			if c.refuse == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, container.ErrInvalidArgument)
			require.ErrorContains(t, err, c.refuse)
		})
	}
}

// TestTmpfsSize: a share of the machine's memory is an option, since Size can't say it; anything else is Size's.
func TestTmpfsSize(t *testing.T) {
	with := func(option string) container.Options {
		return container.Options{Image: "x", Mounts: []container.Mount{{Type: container.MountTmpfs, Target: "/t", Tmpfs: container.Tmpfs{Options: []string{option}}}}}
	}
	require.NoError(t, spec.Validate(with("size=10%")))
	for _, option := range []string{"size=10", "size=%", "size=1000%x", "size=-1%"} {
		require.ErrorIs(t, spec.Validate(with(option)), container.ErrInvalidArgument, option)
	}
}
