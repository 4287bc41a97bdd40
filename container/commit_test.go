package container_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	registryserver "github.com/caisson-dev/caisson/registry/server"
)

func TestCommit(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	c := start(t, e, container.Options{
		Cmd: []string{"trap", "terminated"}, Env: []string{"OF=container"}, Dir: "/data", Labels: map[string]string{"of": "container"},
		Mounts: []container.Mount{{Type: container.MountVolume, Target: "/vol"}},
	})
	waitForLog(t, c, "ready")
	require.NoError(t, c.WriteFile(ctx, "/data/mine", []byte("committed"), 0o640, container.CopyOptions{}))
	require.NoError(t, c.WriteFile(ctx, "/vol/x", []byte("not this"), 0o640, container.CopyOptions{}))
	require.NoError(t, c.Command("/bin/testbox", "rm", "/data/note").Run(ctx))
	begin := time.Now()
	img, err := c.Commit(ctx, container.CommitOptions{
		Tags: []string{"localhost/committed:1", "localhost/committed:also"}, Author: "A <a@b>", Message: "why",
		Changes: []string{
			`CMD ["ls", "/data"]`, `ENV FROM_CHANGE="with space" OF=change`, "EXPOSE 80 53/udp", "LABEL x=y", "USER 0:0", "VOLUME /v",
			"WORKDIR sub", "STOPSIGNAL SIGUSR1", "HEALTHCHECK --interval=3s CMD true",
		},
	})
	require.NoError(t, err)
	info, err := c.Inspect(ctx)
	require.NoError(t, err)
	assert.Equal(t, container.StatusRunning, info.State.Status, "it goes on")

	got, err := e.Store().Get(ctx, "localhost/committed:also")
	require.NoError(t, err)
	assert.Equal(t, img, got)
	assert.WithinDuration(t, begin, img.Created, 10*time.Second)
	assert.ElementsMatch(t, []string{"localhost/committed:1", "localhost/committed:also"}, img.Names)
	assert.Equal(t, []string{"/bin/testbox"}, img.Config.Entrypoint)
	assert.Equal(t, []string{"ls", "/data"}, img.Config.Cmd)
	assert.Subset(t, img.Config.Env, []string{"FROM_IMAGE=yes", "OF=change", "FROM_CHANGE=with space"})
	assert.NotContains(t, img.Config.Env, "OF=container")
	assert.ElementsMatch(t, []string{"80/tcp", "53/udp"}, img.Config.ExposedPorts)
	assert.Equal(t, map[string]string{"of": "container", "x": "y"}, without(img.Labels, "io.buildah.version"))
	assert.Equal(t, "0:0", img.Config.User)
	assert.Equal(t, []string{"/v"}, img.Config.Volumes)
	assert.Equal(t, "/data/sub", img.Config.WorkingDir)
	assert.Equal(t, "SIGUSR1", img.Config.StopSignal)
	require.NotNil(t, img.Config.Health)
	assert.Equal(t, 3*time.Second, img.Config.Health.Interval)
	steps, err := e.Store().History(ctx, img.ID)
	require.NoError(t, err)
	assert.Equal(t, "/bin/testbox trap terminated", steps[0].CreatedBy)
	assert.Equal(t, "why", steps[0].Comment)

	out, _, st := run(t, e, container.Options{Image: img.ID, Cmd: []string{"chain", "cat", "/data/mine", ";", "ls", "/data", "/vol", "/etc"}})
	assert.Zero(t, st.ExitCode)
	assert.True(t, strings.HasPrefix(out, "committed/data\n"), out)
	assert.NotContains(t, out, "/data/note", "what was removed is gone")
	assert.NotContains(t, out, "/vol/x")
}

func without(m map[string]string, key string) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		if k != key {
			out[k] = v
		}
	}
	return out
}

func TestCommitConfiguration(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for name, tc := range map[string]struct {
		opts            container.Options
		changes         []string
		entrypoint, cmd []string
	}{
		"the image's": {entrypoint: []string{"/bin/testbox"}, cmd: []string{"echo", "default", "command"}},
		"the command of the container": {
			opts: container.Options{Cmd: []string{"true"}}, entrypoint: []string{"/bin/testbox"}, cmd: []string{"true"},
		},
		"the entrypoint of the container drops the command": {
			opts: container.Options{Entrypoint: []string{"/bin/testbox", "true"}}, entrypoint: []string{"/bin/testbox", "true"},
		},
		"in shell form":  {changes: []string{"CMD echo $X"}, entrypoint: []string{"/bin/testbox"}, cmd: []string{"/bin/sh", "-c", "echo $X"}},
		"several in one": {changes: []string{"ENTRYPOINT [\"/x\"]\nCMD [\"y\"]"}, entrypoint: []string{"/x"}, cmd: []string{"y"}},
	} {
		t.Run(name, func(t *testing.T) {
			img, err := create(t, e, tc.opts).Commit(t.Context(), container.CommitOptions{Changes: tc.changes})
			require.NoError(t, err)
			assert.Equal(t, tc.entrypoint, img.Config.Entrypoint)
			assert.Equal(t, tc.cmd, img.Config.Cmd)
			_, err = e.Store().Get(t.Context(), img.ID)
			require.NoError(t, err, "an image without a name stays")
		})
	}
}

func TestCommitErrors(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	c := create(t, e, container.Options{})
	for _, change := range []string{"RUN true", "FROM scratch", "COPY a b", "NOPE x", "ENV", "", "EXPOSE"} {
		_, err := c.Commit(ctx, container.CommitOptions{Changes: []string{change}})
		require.ErrorIs(t, err, container.ErrInvalidArgument, change)
		require.ErrorContains(t, err, "Changes")
	}
	_, err := c.Commit(ctx, container.CommitOptions{Tags: []string{"UPPER"}})
	require.ErrorIs(t, err, image.ErrInvalidReference)
	require.NoError(t, c.Remove(ctx, container.RemoveOptions{}))
	_, err = c.Commit(ctx, container.CommitOptions{})
	require.ErrorIs(t, err, container.ErrNotFound)
}

// TestCommitTravels: the image can be pushed, pulled into another store, and run there, and committed again.
func TestCommitTravels(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	srv := httptest.NewServer(registryserver.New(registryserver.Options{}))
	t.Cleanup(srv.Close)
	ref := strings.TrimPrefix(srv.URL, "http://") + "/committed:1"
	insecure := image.Transport{Insecure: true}

	c := create(t, e, container.Options{})
	require.NoError(t, c.WriteFile(ctx, "/one", []byte("1"), 0o644, container.CopyOptions{}))
	first, err := c.Commit(ctx, container.CommitOptions{})
	require.NoError(t, err)
	c = create(t, e, container.Options{Image: first.ID, Cmd: []string{"chain", "cat", "/one", ";", "cat", "/two"}})
	require.NoError(t, c.WriteFile(ctx, "/two", []byte("2"), 0o644, container.CopyOptions{}))
	second, err := c.Commit(ctx, container.CommitOptions{Tags: []string{ref}})
	require.NoError(t, err)
	assert.Len(t, second.Layers, len(first.Layers)+1)
	_, err = e.Store().Push(ctx, ref, image.PushOptions{Transport: insecure})
	require.NoError(t, err)

	root, _ := killStore(t)
	other := openEngine(t, root)
	pulled, err := other.Store().Pull(ctx, ref, image.PullOptions{Transport: insecure})
	require.NoError(t, err)
	assert.Equal(t, second.Config, pulled.Config)
	assert.Equal(t, second.Layers, pulled.Layers)
	out, _, st := run(t, other, container.Options{Image: ref})
	assert.Zero(t, st.ExitCode)
	assert.Equal(t, "12", out)
}

// TestCommitVolumes: the files of volumes become files of the image, in the place of what the image had there.
func TestCommitVolumes(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	buildImage(t, e.Store(), "localhost/commit-volumes:1", dockerfile+"VOLUME /data\nVOLUME /work/deep/below\n")
	dropVolume(t, e, "commit-read")
	c := start(t, e, container.Options{
		Image: "localhost/commit-volumes:1", Cmd: []string{"trap", "terminated"},
		Mounts: []container.Mount{
			{Type: container.MountVolume, Target: "/vol"}, {Type: container.MountVolume, Target: "/empty"},
			{Type: container.MountVolume, Source: "commit-read", Target: "/read", ReadOnly: true},
		},
	})
	waitForLog(t, c, "ready")
	run := func(args ...string) {
		t.Helper()
		require.NoError(t, c.Command("/bin/testbox", args...).Run(ctx))
	}
	run("rm", "/data/note")
	run("write", "/data/mine", "in the image's volume")
	run("mkdir", "/vol/dir", "/work/deep/below/dir")
	run("write", "/vol/dir/file", "in mine")
	run("write", "/work/deep/own", "in the layer")
	img, err := c.Commit(ctx, container.CommitOptions{Volumes: true})
	require.NoError(t, err)
	assert.Empty(t, img.Config.Volumes)
	made := start(t, e, container.Options{Image: img.ID, Cmd: []string{"trap", "terminated"}})
	info, err := made.Inspect(ctx)
	require.NoError(t, err)
	assert.Empty(t, info.Mounts)
	list := func(args ...string) string {
		t.Helper()
		out, err := made.Command("/bin/testbox", args...).Output(ctx)
		require.NoError(t, err)
		return string(out)
	}
	assert.Equal(t, "/data\n/data/mine\n", list("ls", "/data"))
	assert.Equal(t, "in mine", list("cat", "/vol/dir/file"))
	assert.Equal(t, "in the layer", list("cat", "/work/deep/own"))
	assert.Equal(t, "/work/deep/below\n/work/deep/below/dir\n", list("ls", "/work/deep/below"))

	plain, err := c.Commit(ctx, container.CommitOptions{})
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"/data", "/work/deep/below"}, plain.Config.Volumes)
}
