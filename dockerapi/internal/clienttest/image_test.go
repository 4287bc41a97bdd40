package clienttest_test

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/registry/server"
)

// context of a build.
func buildContext(t testing.TB, dockerfile string) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(dockerfile))}))
	_, err := io.WriteString(w, dockerfile)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return &b
}

func TestBuild(t *testing.T) {
	t.Parallel()
	c := docker(t)
	value := "5"
	res, err := c.ImageBuild(t.Context(), buildContext(t, "FROM "+box+"\nARG A=1\nRUN [\"/bin/testbox\", \"echo\", \"built\"]\nENV A=$A\n"), client.ImageBuildOptions{
		Tags: []string{"built:1"}, BuildArgs: map[string]*string{"A": &value, "NONE": nil}, Labels: map[string]string{"of": "build"},
	})
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	for _, line := range []string{"Step 3/5 : RUN", `built\n`, `"aux":{"ID":"sha256:`, "Successfully tagged built:1"} {
		assert.Contains(t, string(text), line)
	}
	img, err := c.ImageInspect(t.Context(), "built:1")
	require.NoError(t, err)
	assert.Contains(t, img.Config.Env, "A=5")
	assert.Equal(t, "build", img.Config.Labels["of"])

	res, err = c.ImageBuild(t.Context(), buildContext(t, "FROM "+box+"\nRUN [\"/bin/testbox\", \"exit\", \"3\"]\n"), client.ImageBuildOptions{})
	require.NoError(t, err)
	defer res.Body.Close()
	text, err = io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"errorDetail":{"code":3,`)
	_, err = c.ImageBuild(t.Context(), buildContext(t, "NONSENSE\n"), client.ImageBuildOptions{})
	require.Error(t, err)
	_, err = c.ImageRemove(t.Context(), "built:1", client.ImageRemoveOptions{})
	require.NoError(t, err)
}

// TestRegistry pushes and pulls with a login.
func TestRegistry(t *testing.T) {
	t.Parallel()
	c := docker(t)
	reg, err := server.Serve(server.Options{Auth: server.Auth{Users: []server.User{{Name: "ci", Password: "secret"}}}}, server.ServeOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, reg.Close()) })
	name := reg.Addr + "/team/app:1"
	_, err = c.ImageTag(t.Context(), client.ImageTagOptions{Source: box, Target: name})
	require.NoError(t, err)
	login, err := authconfig.Encode(registry.AuthConfig{Username: "ci", Password: "secret"})
	require.NoError(t, err)
	wrong, err := authconfig.Encode(registry.AuthConfig{Username: "ci", Password: "wrong"})
	require.NoError(t, err)

	out, err := c.ImagePush(t.Context(), name, client.ImagePushOptions{RegistryAuth: wrong})
	if err == nil {
		err = out.Wait(t.Context())
	}
	require.Error(t, err)
	out, err = c.ImagePush(t.Context(), name, client.ImagePushOptions{RegistryAuth: login})
	require.NoError(t, err)
	text, err := io.ReadAll(out)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"Digest":"sha256:`)
	_, err = c.ImageRemove(t.Context(), name, client.ImageRemoveOptions{})
	require.NoError(t, err)

	in, err := c.ImagePull(t.Context(), name, client.ImagePullOptions{RegistryAuth: login})
	require.NoError(t, err)
	text, err = io.ReadAll(in)
	require.NoError(t, err)
	for _, line := range []string{"Pulling from " + reg.Addr + "/team/app", "Digest: sha256:", "Status: Downloaded newer image for " + name} {
		assert.Contains(t, string(text), line)
	}
	d, err := c.DistributionInspect(t.Context(), name, client.DistributionInspectOptions{EncodedRegistryAuth: login})
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(d.Descriptor.Digest), "sha256:"))
	_, err = c.ImagePull(t.Context(), reg.Addr+"/team/none:1", client.ImagePullOptions{RegistryAuth: login})
	require.ErrorContains(t, err, "not found")
	_, err = c.ImageRemove(t.Context(), name, client.ImageRemoveOptions{})
	require.NoError(t, err)
}

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	c := docker(t)
	_, err := c.ImageTag(t.Context(), client.ImageTagOptions{Source: box, Target: "saved:1"})
	require.NoError(t, err)
	saved, err := c.ImageSave(t.Context(), []string{"saved:1"})
	require.NoError(t, err)
	archive, err := io.ReadAll(saved)
	require.NoError(t, err)
	_, err = c.ImageRemove(t.Context(), "saved:1", client.ImageRemoveOptions{})
	require.NoError(t, err)
	loaded, err := c.ImageLoad(t.Context(), bytes.NewReader(archive))
	require.NoError(t, err)
	text, err := io.ReadAll(loaded)
	require.NoError(t, err)
	assert.Contains(t, string(text), "Loaded image: saved:1")
	list, err := c.ImageList(t.Context(), client.ImageListOptions{Filters: client.Filters{}.Add("reference", "saved:*")})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	assert.Equal(t, []string{"saved:1"}, list.Items[0].RepoTags)
	_, err = c.ImageRemove(t.Context(), "saved:1", client.ImageRemoveOptions{})
	require.NoError(t, err)
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	c := docker(t)
	made, err := c.NetworkCreate(t.Context(), "front", client.NetworkCreateOptions{Labels: map[string]string{"of": "networks"}})
	require.NoError(t, err)
	_, err = c.NetworkCreate(t.Context(), "front", client.NetworkCreateOptions{})
	require.ErrorContains(t, err, "network with name front already exists")
	id := run(t, c, client.ContainerCreateOptions{Config: cmd("sleep", "1h")})
	_, err = c.NetworkConnect(t.Context(), made.ID, client.NetworkConnectOptions{Container: id})
	require.NoError(t, err)
	for _, ref := range []string{"front", made.ID, made.ID[:12]} {
		n, err := c.NetworkInspect(t.Context(), ref, client.NetworkInspectOptions{})
		require.NoError(t, err)
		assert.Equal(t, made.ID, n.Network.ID)
		assert.True(t, n.Network.Containers[id].IPv4Address.IsValid())
	}
	_, err = c.NetworkRemove(t.Context(), made.ID, client.NetworkRemoveOptions{})
	require.ErrorContains(t, err, "has active endpoints")
	_, err = c.NetworkDisconnect(t.Context(), made.ID, client.NetworkDisconnectOptions{Container: id})
	require.NoError(t, err)
	_, err = c.NetworkRemove(t.Context(), made.ID, client.NetworkRemoveOptions{})
	require.NoError(t, err)
	list, err := c.NetworkList(t.Context(), client.NetworkListOptions{Filters: client.Filters{}.Add("type", "builtin")})
	require.NoError(t, err)
	var names []string
	for _, n := range list.Items {
		names = append(names, n.Name)
	}
	assert.ElementsMatch(t, []string{"bridge", "host", "none"}, names)
}
