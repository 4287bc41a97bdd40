package certsd_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/certsd"
)

// TestFind: the first directory that knows the registry counts, and it alone.
func TestFind(t *testing.T) {
	t.Parallel()
	first, second := t.TempDir(), t.TempDir()
	for _, name := range []string{
		filepath.Join(first, "one:5000", "ca.crt"), filepath.Join(first, "one:5000", "me.cert"), filepath.Join(first, "one:5000", "me.key"),
		filepath.Join(second, "one:5000", "other.crt"), filepath.Join(second, "two", "ca.crt"), filepath.Join(second, "two", "README"),
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, nil, 0o600))
	}
	dirs := []string{filepath.Join(first, "none"), first, second}
	for host, want := range map[string]certsd.Files{
		"one:5000": {Authorities: []string{filepath.Join(first, "one:5000", "ca.crt")}, Clients: []string{filepath.Join(first, "one:5000", "me.cert")}},
		"two":      {Authorities: []string{filepath.Join(second, "two", "ca.crt")}},
		"one":      {},
	} {
		got, err := certsd.Find(dirs, host)
		require.NoError(t, err, host)
		assert.Equal(t, want, got, host)
	}
	assert.Equal(t, "/x/me.key", certsd.KeyOf("/x/me.cert"))
	require.NoError(t, os.WriteFile(filepath.Join(first, "file"), nil, 0o600))
	_, err := certsd.Find([]string{first}, "file")
	require.Error(t, err, "what is there and can't be read is not passed over")
}

func TestDirs(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"HOME", "USERPROFILE", "home"} { // whatever the system calls it
		t.Setenv(name, home)
	}
	own := filepath.Join(home, ".config", "containers", "certs.d")
	assert.Equal(t, []string{own, "/etc/containers/certs.d", "/etc/docker/certs.d"}, certsd.Dirs())
}
