package hostcheck

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/agentbin"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/testenv"
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
		trials   []api.Trial
		warning  string
		try      error
		place    place
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
		{name: "no agent", programs: true, agent: errors.New("no C compiler"), lacks: Agent, required: true, problem: "no C compiler", fix: "CAISSON_AGENT"},
		{name: "no agent to try", programs: true, try: &agentbin.NotFoundError{}, lacks: "trial", problem: "not tried", fix: "open a store once"},
		{name: "no trial", programs: true, try: errors.New("the agent is gone"), lacks: "isolation", required: true, problem: "the agent is gone", fix: "as root"},
		{name: "everything tried", programs: true, trials: []api.Trial{{Name: api.TrialProc}, {Name: api.TrialOverlay}, {Name: api.TrialNetwork}}},
		{name: "masked proc", programs: true, trials: []api.Trial{{Name: api.TrialProc, Err: "mount proc: operation not permitted"}}, place: podman,
			lacks: "isolation", required: true, problem: "proc: mount proc: operation not permitted", fix: "--security-opt unmask=ALL"},
		{name: "no overlay in user namespaces", programs: true, trials: []api.Trial{{Name: api.TrialOverlay, Err: "mount overlay: invalid argument"}},
			lacks: "overlay", required: true, problem: "can't be mounted: mount overlay", fix: "ext4"},
		{name: "no bridge", programs: true, trials: []api.Trial{{Name: api.TrialNetns}, {Name: api.TrialNetwork, Err: "add bridge: not supported"}},
			lacks: "networks", problem: "only with the network none or host: add bridge", fix: "sudo modprobe -a bridge veth"},
		{name: "no network namespace", programs: true, trials: []api.Trial{{Name: api.TrialNetns, Err: "unshare: no"}, {Name: api.TrialNetwork, Err: "no"}}, place: docker,
			lacks: "networks", problem: "only with the network host", fix: "docker run --security-opt seccomp=unconfined"},
		{name: "no filter", programs: true, trials: []api.Trial{{Name: api.TrialSeccomp, Err: "refused"}}, lacks: "seccomp", problem: "Security.Seccomp", fix: "CONFIG_SECCOMP_FILTER"},
		{name: "newuidmap fails", programs: true, warning: "subordinate ids can't be mapped: newuidmap: exit status 1: no", lacks: "newuidmap",
			problem: "exit status 1: no: containers have only one user id", fix: "--reinstall uidmap"},
		{name: "pod", programs: true, clone: syscall.EPERM, place: kubernetes, lacks: "user namespaces", required: true, problem: "not permitted", fix: "securityContext"},
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
				try:   func() ([]api.Trial, string, error) { return tc.trials, tc.warning, tc.try },
				place: cmp.Or(tc.place, machine),
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
			assert.Contains(t, bad[0].String(), "fix it with: "+bad[0].Fix)
		})
	}
}

func TestCloneUser(t *testing.T) {
	if os.Geteuid() == 0 { // which need not be able to
		testenv.Run(t, testenv.AsUser(t, testenv.UserOneID, "-test.v", "-test.run=^TestCloneUser$"))
		return
	}
	require.NoError(t, cloneUser())
}

func TestFindPlace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		files []string
		env   string
		want  place
	}{
		{nil, "", machine}, {nil, "GITHUB_ACTIONS", machine}, {[]string{".dockerenv"}, "", docker}, {[]string{"run/.containerenv"}, "", podman},
		{[]string{".dockerenv"}, "GITLAB_CI", gitlab}, {[]string{".dockerenv"}, "GITHUB_ACTIONS", github},
		{[]string{"var/run/secrets/kubernetes.io/x"}, "GITLAB_CI", kubernetes}, {nil, "KUBERNETES_SERVICE_HOST", kubernetes},
	} {
		root := t.TempDir()
		for _, f := range test.files {
			require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(f)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(root, f), nil, 0o644))
		}
		got := findPlace(root, func(name string) string {
			if name == test.env {
				return "true"
			}
			return ""
		})
		assert.Equal(t, test.want, got, "%v %s", test.files, test.env)
		assert.NotEmpty(t, got.unconfined()+got.privileged())
	}
}
