//go:build linux

package dockertest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/internal/agentbin"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestCheckInContainer: in a container that is confined as Docker's are, Check finds that no container runs, and names
// the flags of the outer one; with these flags it finds nothing, and a container runs.
func TestCheckInContainer(t *testing.T) {
	if os.Getenv(envChild) == "check" {
		for _, f := range dockertest.Check() {
			fmt.Println(f)
		}
		_, err := dockertest.Engine()
		if err == nil {
			_, err = dockertest.Start(t.Context(), testbox(t), cmd("sleep 1h"), dockertest.WaitFile("/bin/testbox"))
		}
		fmt.Printf("a container runs: %t\n%v\n", err == nil, err)
		return
	}
	t.Parallel()
	testenv.Root(t)
	agent, err := agentbin.Agent()
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	box := filepath.Join(t.TempDir(), "testbox")
	require.NoError(t, os.WriteFile(box, testenv.Testbox(t), 0o755))
	inside := func(security container.Security) string {
		opts := []dockertest.Option{
			cmd("sleep 1h"), dockertest.WaitFile("/self"), dockertest.Tmpfs("/tmp"), dockertest.Tmpfs("/var/tmp"), dockertest.Tmpfs("/dev/shm"),
			dockertest.Mount(self, "/self"), dockertest.Mount(box, "/box"),
			dockertest.Env(envChild, "check"), dockertest.Env(agentbin.EnvAgent, "/agent/caisson-agent"), dockertest.Env(testenv.EnvTestbox, "/box"),
			dockertest.Env(dockertest.EnvRoot, "/tmp/store"), dockertest.Env("HOME", "/tmp"),
			dockertest.Modify(func(o *container.Options) { o.Security = security }),
		}
		for _, suffix := range []string{"", agentbin.InitSuffix} {
			if _, err := os.Stat(agent + suffix); err == nil {
				opts = append(opts, dockertest.Mount(agent+suffix, "/agent/caisson-agent"+suffix))
			}
		}
		for _, dir := range []string{"/usr/lib", "/lib", "/lib64"} { // of the C library
			if _, err := os.Stat(dir); err == nil {
				opts = append(opts, dockertest.Mount(dir, dir))
			}
		}
		return dockertest.Run(t, testbox(t), opts...).Exec("/self", "-test.run=^TestCheckInContainer$", "-test.v")
	}
	const fix = "fix it with: docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined "
	said := inside(container.Security{})
	assert.Regexp(t, `MISSING  user namespaces: .*\n *`+fix, said)
	assert.Contains(t, said, "a container runs: false\n")
	said = inside(container.Security{Seccomp: container.Unconfined, AppArmor: container.Unconfined})
	assert.Regexp(t, `MISSING  isolation: containers can't be isolated: proc: mount proc: operation not permitted\n *`+fix, said)
	assert.Contains(t, said, "a container runs: false\n")
	assert.Equal(t, 2, strings.Count(said, "MISSING  isolation"), "the error of a start tells it too:\n%s", said)
	said = inside(container.Security{Seccomp: container.Unconfined, AppArmor: container.Unconfined, Unmasked: true})
	assert.Contains(t, said, "ok       isolation\nok       seccomp\nok       networks\n")
	assert.Contains(t, said, "a container runs: true\n")
}
