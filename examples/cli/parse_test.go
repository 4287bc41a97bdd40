package main

import (
	"bytes"
	"context"
	"io"
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
		{"/a:/b", container.Mount{Type: container.MountBind, Source: "/a", Target: "/b"}, ""},
		{"/a:/b:ro", container.Mount{Type: container.MountBind, Source: "/a", Target: "/b", ReadOnly: true}, ""},
		{"/a:/b:rw", container.Mount{Type: container.MountBind, Source: "/a", Target: "/b"}, ""},
		{"./here:/b", container.Mount{Type: container.MountBind, Source: here, Target: "/b"}, ""},
		{"data:/b", container.Mount{Type: container.MountVolume, Source: "data", Target: "/b"}, ""},
		{"/b", container.Mount{Type: container.MountVolume, Target: "/b"}, ""},
		{"/b:ro", container.Mount{Type: container.MountVolume, Target: "/b", ReadOnly: true}, ""},
		{"/a:b", container.Mount{}, "not an absolute path"},
		{"a/b:/c", container.Mount{}, "no volume name"},
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
	for _, tc := range []struct {
		args string
		want func(o *container.Options)
	}{
		{"box", func(*container.Options) {}},
		{"box echo -t hi", func(o *container.Options) { o.Cmd = []string{"echo", "-t", "hi"} }},
		{"-it --rm box", func(o *container.Options) { o.Stdin, o.TTY, o.AutoRemove = true, true, true }},
		{"-e A=b -e FROM_HERE -e NOT_HERE box", func(o *container.Options) { o.Env = []string{"A=b", "FROM_HERE=x"} }},
		{"--entrypoint /x box y", func(o *container.Options) { o.Entrypoint, o.Cmd = []string{"/x"}, []string{"y"} }},
		{"--entrypoint= box", func(o *container.Options) { o.Entrypoint = []string{} }},
		{"-w /d -u 1:2 --name n --network host box", func(o *container.Options) {
			o.Dir, o.User, o.Name, o.Network = "/d", "1:2", "n", container.NetworkHost
		}},
		{"-p 80 -p 8080:80/udp -p 0.0.0.0:9000-9001:90-91 --network-alias a box", func(o *container.Options) {
			o.Ports = []container.Port{
				{Container: 80, Count: 1}, {Container: 80, Host: 8080, Protocol: "udp", Count: 1},
				{Container: 90, Host: 9000, HostIP: "0.0.0.0", Count: 2},
			}
			o.Network, o.Networks = "", []container.Endpoint{{Network: "bridge", Aliases: []string{"a"}}}
		}},
	} {
		t.Run(tc.args, func(t *testing.T) {
			flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
			flags.SetInterspersed(false)
			o := newCreateFlags(flags)
			require.NoError(t, flags.Parse(strings.Fields(tc.args)))
			got, err := o.options(flags.Args())
			require.NoError(t, err)
			want := container.Options{Image: "box", Network: container.NetworkDefault, Pull: image.PullNever, Detach: true}
			tc.want(&want)
			require.Equal(t, want, got)
		})
	}
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
	})
	require.Len(t, rows, 3)
	require.Equal(t, []string{"a", "1", "aaaaaaaaaaaa", "3 hours ago", "4.02MB"}, []string{rows[0].Repository, rows[0].Tag, rows[0].ID, rows[0].CreatedSince, rows[0].Size})
	require.Equal(t, "localhost/b", rows[1].Repository)
	require.Equal(t, []string{none, none, "N/A", "0B"}, []string{rows[2].Repository, rows[2].Tag, rows[2].CreatedSince, rows[2].Size})
}

func TestPsRow(t *testing.T) {
	now := time.Now()
	info := container.Info{
		ID: strings.Repeat("c", 64), Name: "web", Image: "docker.io/library/app:1", Created: now.Add(-2 * time.Hour),
		State: container.StateExited, Command: []string{"/bin/program", "with", "arguments"},
		Status:  container.Status{Code: 3, Started: now.Add(-time.Hour), Finished: now.Add(-5 * time.Minute)},
		Options: container.Options{Labels: map[string]string{"b": "2", "a": "1"}},
	}
	row := newPsRow(info)
	require.Equal(t, `"/bin/program with a…"`, row.Command)
	require.Equal(t, "Exited (3) 5 minutes ago", row.Status)
	require.Equal(t, "2 hours ago", row.RunningFor)
	require.Equal(t, "app:1", row.Image)
	require.Equal(t, "a=1,b=2", row.Labels)
	for state, want := range map[container.State]string{
		container.StateRunning: "Up About an hour", container.StatePaused: "Up About an hour (Paused)", container.StateCreated: "Created",
	} {
		info.State = state
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
		{"ps --format yaml", 125, "", "table or json"},
		{"tag one", 1, "", "takes 2 arguments"},
		{"ps one", 1, "", "takes no arguments"},
		{"run", 1, "", "takes at least 1 argument"},
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
