package dockertest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLacking(t *testing.T) {
	findings := []Finding{{Name: "a", OK: true}, {Name: "b", Required: true}, {Name: "c"}}
	names := func(fs []Finding) (n []string) {
		for _, f := range fs {
			n = append(n, f.Name)
		}
		return n
	}
	assert.Equal(t, []string{"b"}, names(lacking(findings, nil)))
	assert.Equal(t, []string{"b", "c"}, names(lacking(findings, []string{"a", "c"})))
	assert.Equal(t, []string{"b", "typo"}, names(lacking(findings, []string{"typo"})))
}

func TestPrefixed(t *testing.T) {
	for _, tc := range []struct{ prefix, ref, want string }{
		{"", "postgres:17", "postgres:17"},
		{"mirror.example.com/hub", "postgres:17", "mirror.example.com/hub/postgres:17"},
		{"mirror.example.com/hub/", "docker.io/library/postgres:17", "mirror.example.com/hub/library/postgres:17"},
		{"mirror.example.com", "bitnami/redis@sha256:0", "mirror.example.com/bitnami/redis@sha256:0"},
		{"mirror.example.com", "quay.io/team/app:1", "quay.io/team/app:1"},
		{"mirror.example.com", "localhost/app:1", "localhost/app:1"},
		{"mirror.example.com", "127.0.0.1:5000/app:1", "127.0.0.1:5000/app:1"},
		{"mirror.example.com", "sha256:abc", "sha256:abc"},
	} {
		assert.Equal(t, tc.want, prefixed(tc.prefix, tc.ref), "%s %s", tc.prefix, tc.ref)
	}
	t.Setenv(EnvPrefix, "mirror.example.com")
	s := applied(nil)
	require.NoError(t, s.complete("redis", ""))
	assert.Equal(t, "mirror.example.com/redis", s.opts.Image)
	s = applied([]Option{Rewrite(func(ref string) string { return ref + "@sha256:1" })})
	require.NoError(t, s.complete("redis", ""))
	assert.Equal(t, "redis@sha256:1", s.opts.Image)
}
