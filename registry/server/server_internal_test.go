package server

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"0-0", "bytes 1-2/3", "5-4", "-1", "1-99999999999999999999"} {
		f.Add(s, int64(1))
	}
	f.Fuzz(func(t *testing.T, s string, length int64) {
		r := &http.Request{Header: http.Header{"Content-Range": {s}}, ContentLength: length}
		if offset, err := contentRange(r); err == nil && s != "" {
			require.GreaterOrEqual(t, offset, int64(0))
		}
	})
}

func TestMatchRepository(t *testing.T) {
	for _, test := range []struct {
		pattern, repo string
		want          bool
	}{
		{"", "a/b", true},
		{"**", "a/b", true},
		{"a", "a", true},
		{"a", "a/b", false},
		{"a/*", "a/b", true},
		{"a/*", "a/b/c", false},
		{"a/**", "a/b/c", true},
		{"a/**", "a", false},
		{"a/**", "ab/c", false},
		{"*/b/**", "a/b/c/d", true},
		{"*/b/**", "a/c/c/d", false},
		{"a*", "abc", true},
	} {
		assert.Equal(t, test.want, matchRepository(test.pattern, test.repo), "%s %s", test.pattern, test.repo)
	}
}
