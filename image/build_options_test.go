package image_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

func TestSecrets(t *testing.T) {
	s := open(t)
	secret := "very-secret-content-1234567"
	opts := image.BuildOptions{Secrets: map[string][]byte{"token": []byte(secret), "other": []byte("o")}}
	got := run(t, s, base+"RUN --mount=type=secret,id=token cat /run/secrets/token\n", opts, nil)
	require.Equal(t, secret, got)
	got = run(t, s, base+"RUN --mount=type=secret,id=PATH cat /run/secrets/PATH\n", image.BuildOptions{Secrets: map[string][]byte{"PATH": []byte("named as a variable")}}, nil)
	require.Equal(t, "named as a variable", got)
	require.NoError(t, filepath.WalkDir(s.Root(), func(p string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(p)
		require.NotContains(t, string(b), secret, p)
		return err
	}))
	_, err := build(t, s, base+"RUN --mount=type=secret,id=none,required=true true\n", opts, nil)
	require.ErrorIs(t, err, image.ErrBuildStep)
	_, err = build(t, s, base, image.BuildOptions{Secrets: map[string][]byte{"a,b": nil}}, nil)
	require.ErrorIs(t, err, image.ErrInvalidArgument)
}

func TestResultOptions(t *testing.T) {
	s := open(t)
	text := base + "RUN echo 1 > /1\nRUN echo 2 > /2\nHEALTHCHECK CMD x\n"
	img, err := build(t, s, text, image.BuildOptions{Result: image.ResultOptions{Squash: true}}, nil)
	require.NoError(t, err)
	require.Len(t, img.Layers, 1)
	img, err = build(t, s, text, image.BuildOptions{Result: image.ResultOptions{OCI: true}}, nil)
	require.NoError(t, err)
	require.Nil(t, img.Config.Health)
	epoch := time.Unix(1700000000, 0)
	img, err = build(t, s, text, image.BuildOptions{Result: image.ResultOptions{Epoch: epoch}}, nil)
	require.NoError(t, err)
	require.True(t, epoch.Equal(img.Created))
	again, err := build(t, s, text, image.BuildOptions{NoCache: true, Result: image.ResultOptions{Epoch: epoch}}, nil)
	require.NoError(t, err)
	require.Equal(t, img.ID, again.ID)
	img, err = build(t, s, "FROM scratch\nCOPY sh /sh\n", image.BuildOptions{Result: image.ResultOptions{Platform: "linux/arm/v7"}}, nil)
	require.NoError(t, err)
	require.Equal(t, "arm", img.Arch)
	_, err = build(t, s, base, image.BuildOptions{Result: image.ResultOptions{Platform: "amd64"}}, nil)
	require.ErrorIs(t, err, image.ErrInvalidArgument)
}

// TestPlatformOfBase: a base in the store of another platform is not taken for one of this.
func TestPlatformOfBase(t *testing.T) {
	s := open(t)
	_, err := build(t, s, "FROM scratch\nCOPY sh /sh\n", image.BuildOptions{Tags: []string{"base"}, Result: image.ResultOptions{Platform: "linux/arm64"}}, nil)
	require.NoError(t, err)
	_, err = build(t, s, "FROM base\n", image.BuildOptions{Pull: image.PullNever, Result: image.ResultOptions{Platform: "linux/amd64"}}, nil)
	require.ErrorIs(t, err, image.ErrNotFound)
	var out bytes.Buffer
	img, err := build(t, s, "FROM base\nENV A=1\n", image.BuildOptions{Pull: image.PullNever, Output: &out, Result: image.ResultOptions{Platform: "linux/arm64"}}, nil)
	require.NoError(t, err)
	require.Equal(t, "arm64", img.Arch)
}
