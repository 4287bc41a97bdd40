package dockertest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestImageName: a prefix of the environment is for names that nothing rewrites.
func TestImageName(t *testing.T) {
	t.Setenv(EnvPrefix, "mirror.example.com")
	s := applied(nil)
	require.NoError(t, s.complete("redis", ""))
	assert.Equal(t, "mirror.example.com/redis", s.opts.Image)
	s = applied([]Option{Rewrite(func(ref string) string { return ref + "@sha256:1" })})
	require.NoError(t, s.complete("redis", ""))
	assert.Equal(t, "redis@sha256:1", s.opts.Image)
}
