package clienttest_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// create makes a container that goes with the test.
func create(t testing.TB, c *client.Client, opts client.ContainerCreateOptions) string {
	t.Helper()
	if opts.Config == nil {
		opts.Config = &container.Config{}
	}
	opts.Config.Image = box
	res, err := c.ContainerCreate(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _ = c.ContainerRemove(context.Background(), res.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	})
	return res.ID
}

// run makes a container and starts it.
func run(t testing.TB, c *client.Client, opts client.ContainerCreateOptions) string {
	t.Helper()
	id := create(t, c, opts)
	_, err := c.ContainerStart(t.Context(), id, client.ContainerStartOptions{})
	require.NoError(t, err)
	return id
}

func cmd(args ...string) *container.Config { return &container.Config{Cmd: args} }

// code waits for what a wait says.
func code(t testing.TB, w client.ContainerWaitResult) int64 {
	t.Helper()
	select {
	case r := <-w.Result:
		require.Nil(t, r.Error)
		return r.StatusCode
	case err := <-w.Error:
		require.NoError(t, err)
	}
	return -1
}

func TestVersions(t *testing.T) {
	t.Parallel()
	c := docker(t)
	p, err := c.Ping(t.Context(), client.PingOptions{NegotiateAPIVersion: true})
	require.NoError(t, err)
	assert.Equal(t, "1.51", p.APIVersion)
	assert.Equal(t, "1.51", c.ClientVersion())
	v, err := docker(t, client.WithAPIVersion("1.44")).ServerVersion(t.Context(), client.ServerVersionOptions{})
	require.NoError(t, err)
	assert.Equal(t, "1.24", v.MinAPIVersion)
	i, err := c.Info(t.Context(), client.InfoOptions{})
	require.NoError(t, err)
	assert.Positive(t, i.Info.NCPU)
	assert.Positive(t, i.Info.MemTotal)
	assert.Equal(t, "linux", i.Info.OSType)
}

// TestRun is docker run: attach and wait before the start, and the output in frames.
func TestRun(t *testing.T) {
	t.Parallel()
	c := docker(t)
	for name, test := range map[string]struct {
		autoRemove bool
		condition  container.WaitCondition
	}{"kept": {false, container.WaitConditionNextExit}, "removed": {true, container.WaitConditionRemoved}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := create(t, c, client.ContainerCreateOptions{
				Config:     cmd("chain", "echo", "out", ";", "err", "errs", ";", "exit", "3"),
				HostConfig: &container.HostConfig{AutoRemove: test.autoRemove},
			})
			at, err := c.ContainerAttach(t.Context(), id, client.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
			require.NoError(t, err)
			defer at.Close()
			require.NoError(t, at.CloseWrite())
			w := c.ContainerWait(t.Context(), id, client.ContainerWaitOptions{Condition: test.condition})
			_, err = c.ContainerStart(t.Context(), id, client.ContainerStartOptions{})
			require.NoError(t, err)
			var out, errs bytes.Buffer
			_, err = stdcopy.StdCopy(&out, &errs, at.Reader)
			require.NoError(t, err)
			assert.Equal(t, "out\n", out.String())
			assert.Equal(t, int64(3), code(t, w))
			_, err = c.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
			if test.autoRemove {
				require.ErrorContains(t, err, "No such container: "+id)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

// TestAgain waits for the next exit of a container that has ended, which a start begins.
func TestAgain(t *testing.T) {
	t.Parallel()
	c := docker(t)
	id := run(t, c, client.ContainerCreateOptions{Config: cmd("exit", "5")})
	assert.Equal(t, int64(5), code(t, c.ContainerWait(t.Context(), id, client.ContainerWaitOptions{})))
	for range 3 {
		w := c.ContainerWait(t.Context(), id, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
		_, err := c.ContainerStart(t.Context(), id, client.ContainerStartOptions{})
		require.NoError(t, err)
		assert.Equal(t, int64(5), code(t, w))
	}
}

func TestInput(t *testing.T) {
	t.Parallel()
	c := docker(t)
	id := create(t, c, client.ContainerCreateOptions{Config: &container.Config{Cmd: []string{"upper"}, OpenStdin: true, StdinOnce: true}})
	at, err := c.ContainerAttach(t.Context(), id, client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true})
	require.NoError(t, err)
	defer at.Close()
	_, err = c.ContainerStart(t.Context(), id, client.ContainerStartOptions{})
	require.NoError(t, err)
	_, err = io.WriteString(at.Conn, "words\n")
	require.NoError(t, err)
	require.NoError(t, at.CloseWrite())
	var out bytes.Buffer
	_, err = stdcopy.StdCopy(&out, io.Discard, at.Reader)
	require.NoError(t, err)
	assert.Equal(t, "WORDS\n", out.String())
}

func TestExec(t *testing.T) {
	t.Parallel()
	c := docker(t)
	id := run(t, c, client.ContainerCreateOptions{Config: cmd("sleep", "1h")})
	exec := func(opts client.ExecCreateOptions) (string, client.ExecInspectResult) {
		x, err := c.ExecCreate(t.Context(), id, opts)
		require.NoError(t, err)
		at, err := c.ExecAttach(t.Context(), x.ID, client.ExecAttachOptions{})
		require.NoError(t, err)
		defer at.Close()
		var out bytes.Buffer
		_, err = stdcopy.StdCopy(&out, &out, at.Reader)
		require.NoError(t, err)
		res, err := c.ExecInspect(t.Context(), x.ID, client.ExecInspectOptions{})
		require.NoError(t, err)
		return out.String(), res
	}
	out, res := exec(client.ExecCreateOptions{Cmd: []string{"/bin/testbox", "chain", "echo", "in", ";", "exit", "4"}, AttachStdout: true, AttachStderr: true})
	assert.Equal(t, "in\n", out)
	assert.Equal(t, 4, res.ExitCode)
	assert.Positive(t, res.PID)
	out, res = exec(client.ExecCreateOptions{Cmd: []string{"nosuch"}, AttachStdout: true, AttachStderr: true})
	assert.Contains(t, out, "executable file not found in $PATH")
	assert.Equal(t, 127, res.ExitCode)

	x, err := c.ExecCreate(t.Context(), id, client.ExecCreateOptions{Cmd: []string{"/bin/testbox", "sleep", "1h"}})
	require.NoError(t, err)
	_, err = c.ExecStart(t.Context(), x.ID, client.ExecStartOptions{Detach: true})
	require.NoError(t, err)
	running, err := c.ExecInspect(t.Context(), x.ID, client.ExecInspectOptions{})
	require.NoError(t, err)
	assert.True(t, running.Running)
	_, err = c.ExecStart(t.Context(), x.ID, client.ExecStartOptions{Detach: true})
	require.ErrorContains(t, err, "is already running")
	_, err = c.ExecInspect(t.Context(), "feed", client.ExecInspectOptions{})
	require.ErrorContains(t, err, "No such exec instance: feed")
}

func TestFiles(t *testing.T) {
	t.Parallel()
	c := docker(t)
	id := create(t, c, client.ContainerCreateOptions{Config: cmd("exit", "0")})
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "note", Mode: 0o640, Uid: 7, Size: 4}))
	_, err := io.WriteString(w, "text")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	_, err = c.CopyToContainer(t.Context(), id, client.CopyToContainerOptions{DestinationPath: "/", Content: &b})
	require.NoError(t, err)
	st, err := c.ContainerStatPath(t.Context(), id, client.ContainerStatPathOptions{Path: "/note"})
	require.NoError(t, err)
	assert.Equal(t, int64(4), st.Stat.Size)
	from, err := c.CopyFromContainer(t.Context(), id, client.CopyFromContainerOptions{SourcePath: "/note"})
	require.NoError(t, err)
	defer from.Content.Close()
	r := tar.NewReader(from.Content)
	h, err := r.Next()
	require.NoError(t, err)
	assert.Equal(t, 7, h.Uid)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Equal(t, "text", string(text))
	_, err = c.ContainerStatPath(t.Context(), id, client.ContainerStatPathOptions{Path: "/none"})
	require.ErrorContains(t, err, "Not Found")
	diff, err := c.ContainerDiff(t.Context(), id, client.ContainerDiffOptions{})
	require.NoError(t, err)
	assert.Contains(t, diff.Changes, container.FilesystemChange{Kind: container.ChangeAdd, Path: "/note"})
}

// TestTexts are the errors that clients match.
func TestTexts(t *testing.T) {
	t.Parallel()
	c := docker(t)
	id := run(t, c, client.ContainerCreateOptions{Config: cmd("sleep", "1h"), Name: "texts"})
	stopped := create(t, c, client.ContainerCreateOptions{Config: cmd("exit", "0")})
	for text, err := range map[string]error{
		`Conflict. The container name "/texts" is already in use by container "` + id + `". You have to remove (or rename) that container to be able to reuse that name.`: second(c.ContainerCreate(t.Context(), client.ContainerCreateOptions{Image: box, Name: "texts"})),
		"No such image: none:latest":                         second(c.ContainerCreate(t.Context(), client.ContainerCreateOptions{Image: "none"})),
		"No such container: none":                            second(c.ContainerInspect(t.Context(), "none", client.ContainerInspectOptions{})),
		"stop the container before removing or force remove": second(c.ContainerRemove(t.Context(), "texts", client.ContainerRemoveOptions{})),
		"is not running":                                     second(c.ContainerKill(t.Context(), stopped, client.ContainerKillOptions{})),
		"network none-such not found":                        second(c.NetworkInspect(t.Context(), "none-such", client.NetworkInspectOptions{})),
		"get none: no such volume":                           second(c.VolumeInspect(t.Context(), "none", client.VolumeInspectOptions{})),
		"could not select device driver":                     second(c.ContainerCreate(t.Context(), client.ContainerCreateOptions{Image: box, HostConfig: &container.HostConfig{Resources: container.Resources{DeviceRequests: []container.DeviceRequest{{Driver: "nvidia", Count: -1}}}}})),
		"This node is not a swarm manager":                   second(c.NodeList(t.Context(), client.NodeListOptions{})),
		"not supported by this engine":                       second(c.ImageSearch(t.Context(), "x", client.ImageSearchOptions{})),
	} {
		require.ErrorContains(t, err, text)
	}
}

func second[T any](_ T, err error) error { return err }

func TestLists(t *testing.T) {
	t.Parallel()
	c := docker(t)
	id := run(t, c, client.ContainerCreateOptions{
		Config: &container.Config{
			Cmd: []string{"sleep", "1h"}, Labels: map[string]string{"of": "lists"}, ExposedPorts: network.PortSet{network.MustParsePort("80/tcp"): {}},
		},
		HostConfig: &container.HostConfig{PortBindings: network.PortMap{network.MustParsePort("80/tcp"): {{}}}}, Name: "listed-one",
	})
	other := create(t, c, client.ContainerCreateOptions{Config: &container.Config{Cmd: []string{"exit", "0"}, Labels: map[string]string{"of": "lists"}}, Name: "listed-two"})
	for name, test := range map[string]struct {
		filters client.Filters
		want    []string
	}{
		"label":       {client.Filters{}.Add("label", "of=lists"), []string{other, id}},
		"name":        {client.Filters{}.Add("name", "^listed-one$"), []string{id}},
		"name, slash": {client.Filters{}.Add("name", "^/listed-one$"), []string{id}},
		"status":      {client.Filters{}.Add("label", "of=lists").Add("status", "created"), []string{other}},
		"publish":     {client.Filters{}.Add("label", "of=lists").Add("publish", "80"), []string{id}},
		"expose":      {client.Filters{}.Add("label", "of=lists").Add("expose", "80-81/tcp"), []string{id}},
		"ancestor":    {client.Filters{}.Add("label", "of=lists").Add("ancestor", box), []string{other, id}},
		"no ancestor": {client.Filters{}.Add("ancestor", "none"), nil},
		"network":     {client.Filters{}.Add("label", "of=lists").Add("network", "bridge"), []string{other, id}},
		"health":      {client.Filters{}.Add("label", "of=lists").Add("health", "healthy"), nil},
		"since":       {client.Filters{}.Add("label", "of=lists").Add("since", "listed-one"), []string{other}},
		"id":          {client.Filters{}.Add("id", id[:12]), []string{id}},
	} {
		res, err := c.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: test.filters})
		require.NoError(t, err, name)
		var ids []string
		for _, i := range res.Items {
			ids = append(ids, i.ID)
		}
		assert.Equal(t, test.want, ids, name)
	}
	_, err := c.ContainerList(t.Context(), client.ContainerListOptions{Filters: client.Filters{}.Add("nonsense", "x")})
	require.ErrorContains(t, err, "invalid filter 'nonsense'")

	res, err := c.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
	require.NoError(t, err)
	bindings := res.Container.NetworkSettings.Ports[network.MustParsePort("80/tcp")]
	require.Len(t, bindings, 1)
	assert.Equal(t, "127.0.0.1", bindings[0].HostIP.String())
	assert.NotEmpty(t, bindings[0].HostPort)
	var old struct{ NetworkSettings struct{ IPAddress string } }
	require.NoError(t, json.Unmarshal(res.Raw, &old))
	assert.NotEmpty(t, old.NetworkSettings.IPAddress, "the field of versions before 1.52")
}

// TestVolumesStay: without v a removal keeps the anonymous volumes.
func TestVolumesStay(t *testing.T) {
	t.Parallel()
	c := docker(t)
	for _, with := range []bool{false, true} {
		id := create(t, c, client.ContainerCreateOptions{Config: &container.Config{Cmd: []string{"exit", "0"}, Volumes: map[string]struct{}{"/data": {}}}})
		res, err := c.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
		require.NoError(t, err)
		require.Len(t, res.Container.Mounts, 1)
		name := res.Container.Mounts[0].Name
		_, err = c.ContainerRemove(t.Context(), id, client.ContainerRemoveOptions{RemoveVolumes: with})
		require.NoError(t, err)
		_, err = c.VolumeInspect(t.Context(), name, client.VolumeInspectOptions{})
		if with {
			require.ErrorContains(t, err, "no such volume")
			continue
		}
		require.NoError(t, err)
		_, err = c.VolumeRemove(t.Context(), name, client.VolumeRemoveOptions{})
		require.NoError(t, err)
	}
}

// TestGone: what clients leave in the middle ends nothing, and leaves nothing.
func TestGone(t *testing.T) {
	t.Parallel()
	c := docker(t)
	id := run(t, c, client.ContainerCreateOptions{Config: cmd("sleep", "1h")})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 20 {
		_, err := c.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, Follow: true})
		require.NoError(t, err)
		_, err = c.ContainerStats(ctx, id, client.ContainerStatsOptions{Stream: true})
		require.NoError(t, err)
		c.Events(ctx, client.EventsListOptions{})
		c.ContainerWait(ctx, id, client.ContainerWaitOptions{})
		at, err := c.ContainerAttach(ctx, id, client.ContainerAttachOptions{Stream: true, Stdout: true})
		require.NoError(t, err)
		at.Close()
	}
	cancel()
	res, err := c.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
	require.NoError(t, err)
	assert.True(t, res.Container.State.Running)
	// A removal waits for none of them.
	_, err = c.ContainerRemove(t.Context(), id, client.ContainerRemoveOptions{Force: true})
	require.NoError(t, err)
}

// TestAtOnce sends a hundred requests at the same time.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	c := docker(t)
	id := run(t, c, client.ContainerCreateOptions{Config: cmd("sleep", "1h")})
	failed := make(chan error, 100)
	for i := range cap(failed) {
		go func() {
			var err error
			switch i % 4 {
			case 0:
				_, err = c.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
			case 1:
				_, err = c.ContainerList(t.Context(), client.ContainerListOptions{All: true})
			case 2:
				_, err = c.NetworkList(t.Context(), client.NetworkListOptions{})
			case 3:
				_, err = c.ContainerTop(t.Context(), id, client.ContainerTopOptions{})
			}
			failed <- err
		}()
	}
	for range cap(failed) {
		require.NoError(t, <-failed)
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	send := func(method, path, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://docker"+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		resp, err := (&http.Client{Transport: &http.Transport{DialContext: dial}}).Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(text)
	}
	for _, test := range []struct {
		method, path, body string
		status             int
		text               string
	}{
		{"POST", "/v1.50/containers/create", "{", 400, "invalid JSON"},
		{"POST", "/v1.50/containers/create", `{"Image":"` + strings.Repeat("x", 17<<20) + `"}`, 413, "larger"},
		{"POST", "/v1.50/containers/create?name=../x", `{"Image":"` + box + `"}`, 400, "Invalid container name"},
		{"POST", "/v1.50/containers/create", `{"Image":"` + box + `","HostConfig":{"Binds":["relative/x:/y"]}}`, 400, "invalid characters"},
		{"GET", "/v1.23/containers/json", "", 400, "client version 1.23 is too old. Minimum supported API version is 1.24"},
		{"GET", "/v1.99/containers/json", "", 400, "too new"},
		{"GET", "/containers/json?filters=[", "", 400, "invalid filter"},
		{"GET", "/nonsense", "", 404, "page not found"},
		{"PATCH", "/containers/x/json", "", 405, "not allowed"},
		{"POST", "/build?remote=https://example.com/x.git", "", 501, "remote context"},
		{"GET", "/containers/x/archive", "", 400, "'path' cannot be empty"},
	} {
		status, text := send(test.method, test.path, test.body)
		assert.Equal(t, test.status, status, "%s %s: %s", test.method, test.path, text)
		assert.Contains(t, text, test.text)
	}
}
