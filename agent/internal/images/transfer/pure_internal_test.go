package transfer

import (
	"errors"
	"fmt"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.podman.io/image/v5/types"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

func TestPlatform(t *testing.T) {
	for p, want := range map[string]types.SystemContext{
		"":               {},
		"linux/arm64":    {OSChoice: "linux", ArchitectureChoice: "arm64"},
		"linux/arm64/v8": {OSChoice: "linux", ArchitectureChoice: "arm64", VariantChoice: "v8"},
	} {
		var sc types.SystemContext
		require.NoError(t, Platform(&sc, p), p)
		assert.Equal(t, want, sc, p)
	}
	for _, p := range []string{"linux", "/arm64", "linux/", "linux/arm/v7/x"} {
		require.ErrorIs(t, Platform(&types.SystemContext{}, p), api.ErrInvalidArgument, p)
	}
}

func TestIsFor(t *testing.T) {
	arm := v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}
	for p, c := range map[string]struct {
		have v1.Platform
		want bool
	}{
		"linux/arm64":    {arm, true},
		"linux/arm64/v8": {arm, true},
		"linux/arm64/v9": {arm, false},
		"linux/arm64/v1": {v1.Platform{OS: "linux", Architecture: "arm64"}, true}, // it does not say
		"linux/amd64":    {arm, false},
		"freebsd/arm64":  {arm, false},
	} {
		var sc types.SystemContext
		require.NoError(t, Platform(&sc, p))
		assert.Equal(t, c.want, isFor(&sc, c.have), p)
	}
}

func TestPlatformKey(t *testing.T) {
	for want, p := range map[string]v1.Platform{
		"linux/arm64":         {OS: "linux", Architecture: "arm64", Variant: "v8"},
		"linux/arm":           {OS: "linux", Architecture: "arm", Variant: "v7"},
		"linux/arm/v6":        {OS: "linux", Architecture: "arm", Variant: "v6"},
		"linux/amd64":         {OS: "linux", Architecture: "amd64"},
		"linux/amd64/v3":      {OS: "linux", Architecture: "amd64", Variant: "v3"},
		"windows/amd64//10.0": {OS: "windows", Architecture: "amd64", OSVersion: "10.0"},
	} {
		assert.Equal(t, want, platformKey(p))
	}
}

func TestLoopback(t *testing.T) {
	for domain, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "127.0.0.1": true, "127.1.2.3:80": true, "[::1]:5000": true, "[::1]": true,
		"docker.io": false, "10.0.0.1:5000": false, "localhost.example.com": false, "": false,
	} {
		assert.Equal(t, want, loopback(domain), domain)
	}
}

func TestCompress(t *testing.T) {
	for name, c := range map[string]struct {
		o     image.PushOptions
		kind  string
		level int
		says  string
	}{
		"default":        {image.PushOptions{}, "gzip", defaultLevel, ""},
		"level":          {image.PushOptions{Level: 9}, "gzip", 9, ""},
		"zstd":           {image.PushOptions{Compression: "zstd", Level: 22}, "zstd", 22, ""},
		"zstd:chunked":   {image.PushOptions{Compression: "zstd:chunked"}, "zstd:chunked", defaultLevel, ""},
		"too high":       {image.PushOptions{Level: 10}, "", 0, "between 1 and 9"},
		"below":          {image.PushOptions{Level: -1}, "", 0, "between 1 and 9"},
		"too high, zstd": {image.PushOptions{Compression: "zstd", Level: 23}, "", 0, "between 1 and 22"},
		"unknown":        {image.PushOptions{Compression: "xz"}, "", 0, "gzip, zstd or zstd:chunked"},
	} {
		var sc types.SystemContext
		err := compress(&sc, c.o)
		if c.says != "" {
			require.ErrorIs(t, err, api.ErrInvalidArgument, name)
			assert.ErrorContains(t, err, c.says, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, c.kind, sc.CompressionFormat.Name(), name)
		assert.Equal(t, c.level, *sc.CompressionLevel, name)
	}
}

func TestLeftover(t *testing.T) {
	for name, c := range map[string]struct {
		cancelled bool
		err       error
		want      images.Leftover
	}{
		"cancelled":       {true, errors.New("x"), images.LeftForNext},
		"no registry":     {false, api.Errorf(api.ErrUnreachable, "x"), images.LeftForNext},
		"too many":        {false, fmt.Errorf("pull: %w", api.Errorf(api.ErrRateLimited, "x")), images.LeftForNext},
		"refused":         {false, api.Errorf(api.ErrPolicy, "x"), images.LeftOver},
		"no room":         {false, api.Errorf(api.ErrNoSpace, "x"), images.LeftInTheWay},
		"no room, either": {true, api.Errorf(api.ErrNoSpace, "x"), images.LeftInTheWay},
	} {
		assert.Equal(t, c.want, leftover(c.cancelled, c.err), name)
	}
}

func TestOCIName(t *testing.T) {
	const containerd, ref = "io.containerd.image.name", "org.opencontainers.image.ref.name"
	for name, c := range map[string]struct {
		annotations map[string]string
		want        []string
	}{
		"none":              {nil, nil},
		"a tag alone":       {map[string]string{ref: "1.2"}, nil},
		"full":              {map[string]string{ref: "r.example.com/a:1"}, []string{"r.example.com/a:1"}},
		"short":             {map[string]string{ref: "a:1"}, []string{"docker.io/library/a:1"}},
		"containerd's":      {map[string]string{ref: "1", containerd: "r.example.com/a:1"}, []string{"r.example.com/a:1"}},
		"not valid":         {map[string]string{ref: "A:1"}, nil},
		"not valid, beside": {map[string]string{containerd: "A:1", ref: "a:2"}, []string{"docker.io/library/a:2"}},
	} {
		assert.Equal(t, c.want, ociName(c.annotations), name)
	}
}

func TestPullKey(t *testing.T) {
	keys := map[string]bool{}
	for _, c := range [][2]string{{"a:1", ""}, {"a:2", ""}, {"a:1", "linux/arm64"}} {
		named, err := images.Normalize(c[0])
		require.NoError(t, err)
		key := (&pull{named: named, platform: c[1]}).key()
		assert.Regexp(t, "^pull-[0-9a-f]{24}$", key)
		keys[key] = true
	}
	assert.Len(t, keys, 3, "each reference and platform has a turn of its own")
}
