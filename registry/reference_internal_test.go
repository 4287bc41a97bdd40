package registry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseReference(t *testing.T) {
	for in, want := range map[string]string{
		"alpine":                        "docker.io/library/alpine:latest",
		"alpine:3.22":                   "docker.io/library/alpine:3.22",
		"team/app":                      "docker.io/team/app:latest",
		"docker.io/alpine":              "docker.io/library/alpine:latest",
		"index.docker.io/team/app":      "docker.io/team/app:latest",
		"localhost/app":                 "localhost/app:latest",
		"localhost:5000/app":            "localhost:5000/app:latest",
		"127.0.0.1:5000/a/b/c:1":        "127.0.0.1:5000/a/b/c:1",
		"[::1]:5000/app":                "[::1]:5000/app:latest",
		"r.test/foo.bar/baz:1":          "r.test/foo.bar/baz:1",
		"r.test/app:1@" + exampleDigest: "r.test/app:1@" + exampleDigest,
		"r.test/app@" + exampleDigest:   "r.test/app@" + exampleDigest,
	} {
		ref, err := parseReference(in)
		require.NoError(t, err, in)
		assert.Equal(t, want, ref.String())
		again, err := parseReference(ref.String())
		require.NoError(t, err, in)
		assert.Equal(t, ref, again)
	}
}

const exampleDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func FuzzParseReference(f *testing.F) {
	for _, s := range []string{"alpine", "r.test:5000/a/b:1@" + exampleDigest, "a/../b", "[::1]/x", "x@y", ":", "/", "A/b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := parseReference(s)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalidReference)
			return
		}
		again, err := parseReference(ref.String())
		require.NoError(t, err, "%q became %q", s, ref.String())
		require.Equal(t, ref, again)
		require.NotContains(t, ref.repo, "..")
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for s, want := range map[string]time.Duration{
		"7": 7 * time.Second, "0": 0, "Fri, 02 Jan 2026 03:04:35 GMT": 30 * time.Second, "Fri, 02 Jan 2026 03:00:00 GMT": 0,
	} {
		d, ok := retryAfter(s, now)
		assert.True(t, ok, s)
		assert.Equal(t, want, d, s)
	}
	for _, s := range []string{"", "-1", "soon", "1.5"} {
		_, ok := retryAfter(s, now)
		assert.False(t, ok, s)
	}
}

func TestWaitHasJitterAndALimit(t *testing.T) {
	o := RetryOptions{Delay: time.Second, MaxDelay: 3 * time.Second}.withDefaults()
	for attempt, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 3 * time.Second, 40: 3 * time.Second} {
		seen := map[time.Duration]bool{}
		for range 50 {
			d, ok := o.wait(attempt, nil)
			assert.True(t, ok)
			assert.GreaterOrEqual(t, d, most/2)
			assert.LessOrEqual(t, d, most)
			seen[d] = true
		}
		assert.Greater(t, len(seen), 1)
	}
}
