package main

import (
	"net/http"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/server"
)

func TestNewest(t *testing.T) {
	user := server.User{Name: "ci", Password: "secret"}
	reg := dockertest.Registry(t, server.Options{Auth: server.Auth{Users: []server.User{user}, Bearer: true}})
	img := dockertest.Build(t, image.BuildOptions{
		Context:        fstest.MapFS{"note": {Data: []byte("an image"), Mode: 0o644}},
		DockerfileText: "FROM scratch\nCOPY note /\n",
	})
	for _, tag := range []string{"latest", "9", "10"} {
		reg.Push(img, "team/app:"+tag)
	}
	reg.Push(img, "team/other:latest")
	client := func(password string) *registry.Client {
		return registry.NewClient(registry.ClientOptions{
			Credential: registry.Credential{Username: "ci", Password: password},
			Retry:      registry.RetryOptions{Delay: time.Millisecond},
		})
	}

	v, err := newest(t.Context(), client("secret"), reg.Ref("team/app"))
	require.NoError(t, err)
	assert.Equal(t, 10, v)
	_, err = newest(t.Context(), client("secret"), reg.Ref("team/other"))
	require.ErrorIs(t, err, errNoVersion)
	_, err = newest(t.Context(), client("wrong"), reg.Ref("team/app"))
	require.ErrorIs(t, err, registry.ErrUnauthorized)

	busy := reg.Inject(server.Fault{Repository: "team/app", Status: http.StatusServiceUnavailable, Times: 2})
	v, err = newest(t.Context(), client("secret"), reg.Ref("team/app"))
	require.NoError(t, err, "it is asked again")
	assert.Equal(t, 10, v)
	assert.Equal(t, 2, busy())
}
