//go:build linux

package launch

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/apparmor"
	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/spec"
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
	loads := []string{"CAP_MAC_ADMIN"}
	for _, tc := range []struct {
		name     string
		host     host.Host
		security container.Security
		want     string
		refused  bool
	}{
		{"default", host.Host{AppArmor: has, Caps: loads}, container.Security{}, apparmor.Name, false},
		{"default of a process that may not load", host.Host{AppArmor: has}, container.Security{}, "", false},
		{"privileged", host.Host{AppArmor: has, Caps: loads}, container.Security{Privileged: true}, "", false},
		{"unconfined", host.Host{AppArmor: has, Caps: loads}, container.Security{AppArmor: container.Unconfined}, "", false},
		{"by name", host.Host{AppArmor: has, Caps: loads}, container.Security{AppArmor: "mine"}, "mine", false},
		{"by name, privileged", host.Host{AppArmor: has, Caps: loads}, container.Security{AppArmor: "mine", Privileged: true}, "mine", false},
		{"the default's name", host.Host{AppArmor: has, Caps: loads}, container.Security{AppArmor: apparmor.Name}, apparmor.Name, false},
		{"not loaded", host.Host{AppArmor: has, Caps: loads}, container.Security{AppArmor: "other"}, "", true},
		{"default of an ordinary user", host.Host{AppArmor: has, Rootless: true, Caps: loads}, container.Security{}, "", false},
		{"default without AppArmor", host.Host{AppArmor: none, Caps: loads}, container.Security{}, "", false},
		{"by name without AppArmor", host.Host{AppArmor: none, Caps: loads}, container.Security{AppArmor: "mine"}, "", true},
		{"unconfined without AppArmor", host.Host{AppArmor: none, Caps: loads}, container.Security{AppArmor: container.Unconfined}, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := New(Config{Host: tc.host})
			tc.security.Seccomp = container.Unconfined
			o := container.Options{Security: tc.security}
			facts, err := s.Facts(o)
			require.NoError(t, err)
			err = spec.Check(o, facts)
			if tc.refused {
				require.ErrorIs(t, err, api.ErrUnsupported)
				require.ErrorContains(t, err, "Options.Security.AppArmor")
				return
			}
			require.NoError(t, err)
			got, err := s.appArmor(tc.security)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

// TestAppArmorFails: a default profile that the host's parser refuses is an error, and not a container with less than
// was promised.
func TestAppArmorFails(t *testing.T) {
	h := appArmorHost(t)
	require.NoError(t, os.WriteFile(h.Path+"/apparmor_parser", []byte("#!/bin/sh\necho too old >&2\nexit 1\n"), 0o755))
	_, err := New(Config{Host: host.Host{AppArmor: h, Caps: []string{"CAP_MAC_ADMIN"}}}).appArmor(container.Security{})
	require.ErrorContains(t, err, "too old")
	require.ErrorContains(t, err, `"unconfined"`)
}
