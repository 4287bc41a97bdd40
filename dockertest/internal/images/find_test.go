package images_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/dockertest/internal/images"
)

func TestPrefixed(t *testing.T) {
	t.Parallel()
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
		assert.Equal(t, tc.want, images.Prefixed(tc.prefix, tc.ref), "%s %s", tc.prefix, tc.ref)
	}
}
