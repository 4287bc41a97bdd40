package images_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/internal/api"
)

func TestNormalize(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("a", 64)
	for in, want := range map[string]string{
		"alpine":                     "docker.io/library/alpine:latest",
		"alpine:3":                   "docker.io/library/alpine:3",
		"user/app":                   "docker.io/user/app:latest",
		"index.docker.io/user/app":   "docker.io/user/app:latest",
		"localhost/app":              "localhost/app:latest",
		"127.0.0.1:5000/team/app:1":  "127.0.0.1:5000/team/app:1",
		"alpine" + digest:            "docker.io/library/alpine" + digest,
		"r.example.com/a:1" + digest: "r.example.com/a:1" + digest,
	} {
		named, err := images.Normalize(in)
		require.NoError(t, err, in)
		assert.Equal(t, want, named.String(), in)
	}
	for in, says := range map[string]string{
		"":         "it is empty",
		"UPPER":    "in lower case",
		"a b":      "[registry/]repository[:tag][@digest]",
		"a:":       "[registry/]repository[:tag][@digest]",
		"a@sha256": "[registry/]repository[:tag][@digest]",
	} {
		_, err := images.Normalize(in)
		require.ErrorIs(t, err, api.ErrInvalidReference, in)
		assert.ErrorContains(t, err, says, in)
	}
}

func TestNormalizeTag(t *testing.T) {
	got, err := images.NormalizeTag("app")
	require.NoError(t, err)
	assert.Equal(t, "docker.io/library/app:latest", got)
	_, err = images.NormalizeTag("app@sha256:" + strings.Repeat("a", 64))
	require.ErrorIs(t, err, api.ErrInvalidReference)
	assert.ErrorContains(t, err, "use name:tag")
	for _, name := range []string{"sha256:aa", "sha256", "docker.io/library/sha256:x"} {
		_, err = images.NormalizeTag(name)
		require.ErrorIs(t, err, api.ErrInvalidReference, name)
		assert.ErrorContains(t, err, "means the image whose id begins so")
	}
	got, err = images.NormalizeTag("r.example.com/sha256:aa")
	require.NoError(t, err, "it has a host: it can't be taken for an id")
	assert.Equal(t, "r.example.com/sha256:aa", got)
}

func TestIsID(t *testing.T) {
	full := strings.Repeat("0", 64)
	for ref, want := range map[string]bool{
		full: true, "sha256:" + full: true, "sha256:0": true, // the prefix says that it is one
		"0": false, "abc": false, // may be names
		"sha256:xyz": false, "": false, "alpine": false, full + "0": false, "sha512:0": false,
	} {
		assert.Equal(t, want, images.IsID(ref), ref)
	}
}
