package image_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/registry/server"
)

func TestSecrets(t *testing.T) {
	t.Parallel()
	s := open(t)
	secret := "very-secret-content-1234567"
	opts := image.BuildOptions{Run: image.RunOptions{Secrets: map[string][]byte{"token": []byte(secret), "other": []byte("o")}}}
	got := run(t, s, base+"RUN --mount=type=secret,id=token cat /run/secrets/token\n", opts, nil)
	require.Equal(t, secret, got)
	got = run(t, s, base+"RUN --mount=type=secret,id=PATH cat /run/secrets/PATH\n", image.BuildOptions{Run: image.RunOptions{Secrets: map[string][]byte{"PATH": []byte("named as a variable")}}}, nil)
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
	_, err = build(t, s, base, image.BuildOptions{Run: image.RunOptions{Secrets: map[string][]byte{"a,b": nil}}}, nil)
	require.ErrorIs(t, err, image.ErrInvalidArgument)
}

func TestResultOptions(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
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
	again, err := build(t, s, text, image.BuildOptions{Cache: image.CacheOptions{Disable: true}, Result: image.ResultOptions{Epoch: epoch}}, nil)
	require.NoError(t, err)
	require.Equal(t, img.ID, again.ID)
	img, err = build(t, s, "FROM scratch\nCOPY sh /sh\n", image.BuildOptions{Platform: "linux/arm/v7"}, nil)
	require.NoError(t, err)
	require.Equal(t, "arm", img.Arch)
	_, err = build(t, s, base, image.BuildOptions{Platform: "amd64"}, nil)
	require.ErrorIs(t, err, image.ErrInvalidArgument)
}

// TestPlatformOfBase: a base in the store of another platform is not taken for one of this.
func TestPlatformOfBase(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, err := build(t, s, "FROM scratch\nCOPY sh /sh\n", image.BuildOptions{Tags: []string{"base"}, Platform: "linux/arm64"}, nil)
	require.NoError(t, err)
	_, err = build(t, s, "FROM base\n", image.BuildOptions{Pull: image.PullNever, Platform: "linux/amd64"}, nil)
	require.ErrorIs(t, err, image.ErrNotFound)
	var out bytes.Buffer
	img, err := build(t, s, "FROM base\nENV A=1\n", image.BuildOptions{Pull: image.PullNever, Output: &out, Platform: "linux/arm64"}, nil)
	require.NoError(t, err)
	require.Equal(t, "arm64", img.Arch)
}

// TestBasesForTwoPlatforms: a build for another platform runs its compiler on this one, of the same base. Each stage gets
// the image for its platform, and the base's name stays with the one that runs here.
func TestBasesForTwoPlatforms(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	reg := serve(t, server.Options{}, server.ServeOptions{})
	host, other := "linux/"+runtime.GOARCH, "linux/arm64"
	if host == other {
		other = "linux/amd64"
	}
	from, s := open(t), open(t)
	var ids []string
	for _, p := range []string{host, other} {
		img, err := from.Import(t.Context(), bytes.NewReader(rootTar(t, map[string]string{"platform": p})), image.ImportOptions{Platform: p})
		require.NoError(t, err)
		ids = append(ids, img.ID)
		_, err = from.Push(t.Context(), img.ID, image.PushOptions{Destination: reg.Addr + "/only-" + p[6:] + ":1"})
		require.NoError(t, err)
	}
	_, err := from.PushIndex(t.Context(), reg.Addr+"/base", ids, image.PushOptions{})
	require.NoError(t, err)
	text := strings.ReplaceAll(`
ARG REGISTRY=ADDR
ARG BASE=$REGISTRY/base
ARG TARGETARCH
FROM --platform=$BUILDPLATFORM \
  $BASE AS compile
ARG TARGETPLATFORM BUILDPLATFORM GIVEN
COPY <<EOF /made
on $BUILDPLATFORM for $TARGETPLATFORM
EOF
FROM --platform=$TARGETARCH ${REGISTRY}/only-${TARGETARCH}:1
COPY --from=compile /platform /made /compiled/
COPY --from=ADDR/base /platform /taken
`, "ADDR", reg.Addr)
	for _, pull := range []image.PullPolicy{image.PullMissing, image.PullNever} { // what was pulled for another platform is found again
		for _, p := range []string{host, other} {
			var out bytes.Buffer
			img, err := build(t, s, text, image.BuildOptions{Pull: pull, Output: &out, Platform: p}, nil)
			require.NoError(t, err, "%s", &out)
			require.Equal(t, p[6:], img.Arch)
			require.Equal(t, host, fileOf(t, s, img.ID, "compiled/platform"))
			require.Equal(t, "on "+host+" for "+p+"\n", fileOf(t, s, img.ID, "compiled/made"))
			require.Equal(t, p, fileOf(t, s, img.ID, "platform"))
			require.Equal(t, p, fileOf(t, s, img.ID, "taken"))
			require.Contains(t, out.String(), "FROM --platform="+host+" "+reg.Addr+"/base AS compile")
			require.Contains(t, out.String(), "COPY --from="+reg.Addr+"/base /platform")
			require.NotContains(t, out.String(), "missing", "an ARG needs no value")
			named, err := s.Get(t.Context(), reg.Addr+"/base")
			require.NoError(t, err)
			require.Equal(t, host, "linux/"+named.Arch)
		}
	}
}
