package images_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/internal/api"
)

// FuzzNormalize: a name is refused by the sentinel, or its full form is a fixed point with a registry and a tag.
func FuzzNormalize(f *testing.F) {
	for _, s := range []string{
		"", "a", "a:1", "library/a", "docker.io/a", "index.docker.io/library/a", "localhost/a", "127.0.0.1:5000/a/b:c", "[::1]:5000/a",
		"UPPER", "a@sha256:" + strings.Repeat("0", 64), "a:1@sha256:" + strings.Repeat("f", 64), "a@sha256:0", "a//b", "a:", ":a", "/", "a b",
		strings.Repeat("0", 64), "sha256:" + strings.Repeat("a", 64), "a\x00b", "\xff", "registry.example.com/" + strings.Repeat("x", 300), "-a", "a__b---c", "a..b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		named, err := images.Normalize(s)
		if err != nil {
			require.ErrorIs(t, err, api.ErrInvalidReference)
			return
		}
		again, err := images.Normalize(named.String())
		require.NoError(t, err)
		require.Equal(t, named.String(), again.String())
		require.Contains(t, named.String(), "/")
		tag, err := images.NormalizeTag(s)
		if strings.Contains(named.String(), "@") || strings.HasPrefix(named.String(), "docker.io/library/sha256:") {
			require.ErrorIs(t, err, api.ErrInvalidReference)
			return
		}
		require.NoError(t, err)
		require.Greater(t, strings.LastIndexByte(tag, ':'), strings.LastIndexByte(tag, '/'), "it has a tag")
	})
}
