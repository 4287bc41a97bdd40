//go:build linux

package dockertest

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCheckNamesWhatIsMissing: hosts of files.
func TestCheckNamesWhatIsMissing(t *testing.T) {
	good := map[string]string{
		"proc/self/status": "CapEff:\t0000000000000000\nSeccomp:\t0\n", "proc/filesystems": "nodev\toverlay\n\text4\n",
		"proc/sys/kernel/osrelease": "6.1.0-18-amd64\n", "etc/subuid": "alice:100000:65536\n", "etc/subgid": "1000:100000:65536\n",
		"proc/self/cgroup": "0::/user.slice\n", "sys/fs/cgroup/user.slice/cgroup.procs": "",
	}
	for _, tc := range []struct {
		name     string
		files    map[string]string // in place of good ones; "-": not there
		clone    error
		programs bool
		agent    error
		lacks    string // empty: nothing
		required bool
		problem  string
		fix      string
	}{
		{name: "nothing", programs: true},
		{name: "sysctl of the kernel", clone: syscall.ENOSPC, programs: true, files: map[string]string{"proc/sys/user/max_user_namespaces": "0\n"},
			lacks: "user namespaces", required: true, problem: "max_user_namespaces is 0", fix: "sudo sysctl -w user.max_user_namespaces="},
		{name: "sysctl of Debian", clone: syscall.EPERM, programs: true, files: map[string]string{"proc/sys/kernel/unprivileged_userns_clone": "0\n"},
			lacks: "user namespaces", required: true, problem: "unprivileged_userns_clone is 0", fix: "sudo sysctl -w kernel.unprivileged_userns_clone=1"},
		{name: "AppArmor", clone: syscall.EPERM, programs: true, files: map[string]string{"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n"},
			lacks: "user namespaces", required: true, problem: "AppArmor", fix: "apparmor_restrict_unprivileged_userns=0"},
		{name: "outer container", clone: syscall.EPERM, programs: true, files: map[string]string{"proc/self/status": "CapEff:\t0\nSeccomp:\t2\n"},
			lacks: "user namespaces", required: true, problem: "seccomp filter", fix: "--security-opt seccomp=unconfined"},
		{name: "something else", clone: syscall.EPERM, programs: true, lacks: "user namespaces", required: true, problem: "operation not permitted", fix: "as root"},
		{name: "no subuid", programs: true, files: map[string]string{"etc/subuid": "bob:1:2\n"}, lacks: "subordinate ids", problem: "alice", fix: "sudo usermod --add-subuids"},
		{name: "no newuidmap", lacks: "newuidmap", problem: "not on PATH", fix: "sudo apt-get install uidmap"},
		{name: "old kernel", programs: true, files: map[string]string{"proc/sys/kernel/osrelease": "5.10.0\n"}, lacks: "kernel", required: true, problem: "5.11", fix: "as root"},
		{name: "no overlay", programs: true, files: map[string]string{"proc/filesystems": "\text4\n"}, lacks: "overlay", required: true, fix: "sudo modprobe overlay"},
		{name: "no cgroup", programs: true, files: map[string]string{"proc/self/cgroup": "1:memory:/\n"}, lacks: "cgroups", problem: "Resources", fix: "Delegate=yes"},
		{name: "no agent", programs: true, agent: errors.New("no C compiler"), lacks: checkAgent, required: true, problem: "no C compiler", fix: "apt-get install gcc"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := t.TempDir()
			for _, files := range []map[string]string{good, tc.files} {
				for name, text := range files {
					require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
					require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
				}
			}
			h := host{
				root: root, uid: 1000, user: "alice", clone: func() error { return tc.clone }, agent: func() error { return tc.agent },
				lookPath: func(name string) (string, error) {
					if !tc.programs {
						return "", os.ErrNotExist
					}
					return name, nil
				},
			}
			var bad []Finding
			for _, f := range h.check() {
				if !f.OK {
					bad = append(bad, f)
				} else {
					assert.Empty(t, f.Problem+f.Fix)
				}
			}
			if tc.lacks == "" {
				assert.Empty(t, bad)
				return
			}
			require.Len(t, bad, 1)
			assert.Equal(t, tc.lacks, bad[0].Name)
			assert.Equal(t, tc.required, bad[0].Required)
			assert.Contains(t, bad[0].Problem, tc.problem)
			assert.Contains(t, bad[0].Fix, tc.fix)
			assert.Contains(t, bad[0].String(), "mend it with: "+bad[0].Fix)
		})
	}
}

func TestCloneUser(t *testing.T) {
	if os.Getenv("CAISSON_TEST_USER") == "" {
		t.Skip("runs as part of TestAsOrdinaryUser: root need not be able to")
	}
	require.NoError(t, cloneUser())
}

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

func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{"a-b=c:1/x": "a-b=c:1/x", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$HOME": "'$HOME'", ";": "';'"} {
		assert.Equal(t, want, quoted(in))
	}
}
