//go:build linux

package apparmor_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/apparmor"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// host makes the files of a host with AppArmor, which no machine of the tests has to have. Its parser writes what it is
// given to a file, and does what script says.
func host(t *testing.T, script string) apparmor.Host {
	t.Helper()
	h := apparmor.Host{Root: t.TempDir(), Path: filepath.Join(t.TempDir(), "bin")}
	write(t, h, "/sys/module/apparmor/parameters/enabled", "Y\n")
	write(t, h, "/sys/kernel/security/apparmor/profiles", "docker-default (enforce)\n/usr/sbin/ntpd (complain)\n")
	write(t, h, "/proc/self/attr/apparmor/current", "unconfined\n")
	require.NoError(t, os.Mkdir(h.Path, 0o755))
	text := "#!/bin/sh\nprofiles=" + h.Root + "/sys/kernel/security/apparmor/profiles\necho \"$@\" >>" + h.Root + "/args\ncat >" + h.Root + "/stdin\n" + script + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(h.Path, "apparmor_parser"), []byte(text), 0o755))
	return h
}

func write(t *testing.T, h apparmor.Host, name, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(h.Root+name), 0o755))
	require.NoError(t, os.WriteFile(h.Root+name, []byte(text), 0o644))
}

func TestEnabled(t *testing.T) {
	h := host(t, "")
	assert.True(t, h.Enabled())
	write(t, h, "/sys/module/apparmor/parameters/enabled", "N\n")
	assert.False(t, h.Enabled(), "turned off")
	assert.False(t, apparmor.Host{Root: t.TempDir()}.Enabled(), "not in the kernel")
	write(t, h, "/sys/module/apparmor/parameters/enabled", "Y\n")
	require.NoError(t, os.RemoveAll(h.Root+"/sys/kernel/security"))
	assert.False(t, h.Enabled(), "no securityfs: nothing could be loaded or looked up")
}

func TestLoaded(t *testing.T) {
	h := host(t, "")
	for name, want := range map[string]bool{"docker-default": true, "/usr/sbin/ntpd": true, "docker": false, apparmor.Name: false} {
		got, err := h.Loaded(name)
		require.NoError(t, err)
		assert.Equal(t, want, got, name)
	}
}

func TestCanLoad(t *testing.T) {
	h := host(t, "")
	assert.True(t, h.CanLoad())
	write(t, h, "/proc/self/attr/apparmor/current", "docker-default (enforce)\n")
	assert.False(t, h.CanLoad(), "in a container that is confined")
	require.NoError(t, os.Remove(h.Root+"/proc/self/attr/apparmor/current"))
	write(t, h, "/proc/self/attr/current", "unconfined\x00")
	assert.True(t, h.CanLoad(), "an old kernel")
	h.Path = t.TempDir()
	assert.False(t, h.CanLoad(), "no apparmor_parser")
}

func TestLoad(t *testing.T) {
	h := host(t, "echo '"+apparmor.Name+" (enforce)' >>$profiles")
	require.NoError(t, h.Load(t.Context()))
	require.NoError(t, h.Load(t.Context()), "it is there")
	args, err := os.ReadFile(h.Root + "/args")
	require.NoError(t, err)
	assert.Equal(t, "--skip-cache --replace\n", string(args), "loaded once")
	text, err := os.ReadFile(h.Root + "/stdin")
	require.NoError(t, err)
	assert.Equal(t, h.Profile(apparmor.Name), string(text))

	require.ErrorContains(t, host(t, "echo 'syntax error, line 3' >&2; exit 1").Load(t.Context()), "exit status 1: syntax error, line 3")
	require.ErrorContains(t, host(t, "").Load(t.Context()), "the kernel does not have it")
}

func TestProfile(t *testing.T) {
	h := host(t, "")
	bare := h.Profile("p")
	assert.True(t, strings.HasPrefix(bare, "@{PROC}=/proc/\n\nprofile p flags=(attach_disconnected,mediate_deleted) {\n"))
	assert.NotContains(t, bare, "include")
	for _, rule := range []string{
		"  deny mount,\n", "  deny @{PROC}/sysrq-trigger rwklx,\n", "  deny /sys/firmware/** rwklx,\n", "  signal (send,receive) peer=p,\n",
		"  ptrace (trace,read,tracedby,readby) peer=p,\n", "  file,\n", "  capability,\n", "  network,\n",
	} {
		assert.Contains(t, bare, rule)
	}
	write(t, h, "/etc/apparmor.d/tunables/global", "")
	write(t, h, "/etc/apparmor.d/abstractions/base", "")
	full := h.Profile("p")
	assert.True(t, strings.HasPrefix(full, "#include <tunables/global>\n\nprofile p "))
	assert.Contains(t, full, "  #include <abstractions/base>\n")
	assert.Equal(t, strings.Count(bare, "deny"), strings.Count(full, "deny"))
}

// TestParses: the host's own parser understands the profile, with its abstractions and without.
func TestParses(t *testing.T) {
	parser := testenv.Program(t, "apparmor_parser", "apparmor")
	for name, text := range map[string]string{"bare": apparmor.Host{Root: t.TempDir()}.Profile(apparmor.Name), "this host": apparmor.Host{}.Profile(apparmor.Name)} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(parser, "--skip-kernel-load", "--skip-cache")
			cmd.Stdin = strings.NewReader(text)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
		})
	}
	cmd := exec.Command(parser, "--skip-kernel-load", "--skip-cache")
	cmd.Stdin = strings.NewReader("profile broken {\n  no such rule,\n}\n")
	require.Error(t, cmd.Run(), "it finds what is wrong")
}
