//go:build linux

package containers

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/apparmor"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// appArmorHost is a host with AppArmor in files, whose parser loads the default profile.
func appArmorHost(t *testing.T) apparmor.Host {
	t.Helper()
	root := t.TempDir()
	h := apparmor.Host{Root: root, Path: filepath.Join(root, "bin")}
	profiles := root + "/sys/kernel/security/apparmor/profiles"
	for name, text := range map[string]string{
		"/sys/module/apparmor/parameters/enabled": "Y\n", "/sys/kernel/security/apparmor/profiles": "mine (enforce)\n",
		"/proc/self/attr/apparmor/current": "unconfined\n",
		"/bin/apparmor_parser":             "#!/bin/sh\ncat >/dev/null\necho '" + apparmor.Name + " (enforce)' >>" + profiles + "\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(root+name), 0o755))
		require.NoError(t, os.WriteFile(root+name, []byte(text), 0o755))
	}
	return h
}

// TestAppArmor: which profile a container gets, by what its options and the host say.
func TestAppArmor(t *testing.T) {
	has, none := appArmorHost(t), apparmor.Host{Root: t.TempDir()}
	byDefault := "" // of a process that may not load
	if slices.Contains(availableCaps(), "CAP_MAC_ADMIN") {
		byDefault = apparmor.Name
	}
	for _, tc := range []struct {
		name     string
		host     Host
		security container.Security
		want     string
		refused  bool
	}{
		{"default", Host{AppArmor: has}, container.Security{}, byDefault, false},
		{"privileged", Host{AppArmor: has}, container.Security{Privileged: true}, "", false},
		{"unconfined", Host{AppArmor: has}, container.Security{AppArmor: container.Unconfined}, "", false},
		{"by name", Host{AppArmor: has}, container.Security{AppArmor: "mine"}, "mine", false},
		{"by name, privileged", Host{AppArmor: has}, container.Security{AppArmor: "mine", Privileged: true}, "mine", false},
		{"the default's name", Host{AppArmor: has}, container.Security{AppArmor: apparmor.Name}, apparmor.Name, false},
		{"not loaded", Host{AppArmor: has}, container.Security{AppArmor: "other"}, "", true},
		{"default of an ordinary user", Host{AppArmor: has, Rootless: true}, container.Security{}, "", false},
		{"default without AppArmor", Host{AppArmor: none}, container.Security{}, "", false},
		{"by name without AppArmor", Host{AppArmor: none}, container.Security{AppArmor: "mine"}, "", true},
		{"unconfined without AppArmor", Host{AppArmor: none}, container.Security{AppArmor: container.Unconfined}, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.host.canAppArmor(tc.security.AppArmor)
			if tc.refused {
				require.ErrorIs(t, err, api.ErrUnsupported)
				require.ErrorContains(t, err, "Options.Security.AppArmor")
				return
			}
			require.NoError(t, err)
			got, err := (&Service{Config: Config{Host: tc.host}}).appArmor(tc.security)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

// TestAppArmorFails: a default profile that the host's parser refuses is an error, and not a container with less than
// was promised.
func TestAppArmorFails(t *testing.T) {
	if !slices.Contains(availableCaps(), "CAP_MAC_ADMIN") {
		t.Skip("runs as root: this process may not load profiles")
	}
	h := appArmorHost(t)
	require.NoError(t, os.WriteFile(h.Path+"/apparmor_parser", []byte("#!/bin/sh\necho too old >&2\nexit 1\n"), 0o755))
	_, err := (&Service{Config: Config{Host: Host{AppArmor: h}}}).appArmor(container.Security{})
	require.ErrorContains(t, err, "too old")
	require.ErrorContains(t, err, `"unconfined"`)
}
