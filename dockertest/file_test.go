package dockertest_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestFilesInMounts: what is put into a mount is there when the process begins, and at its next start.
func TestFilesInMounts(t *testing.T) {
	t.Parallel()
	img := testbox(t)
	dir := t.TempDir()
	host := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(host, []byte("by hand"), 0o755))
	c := dockertest.Run(t, img, cmd("chain cat /run/secrets/token ; cat /run/script ; cat /vol/x ; cat /host/x ; cat /run/tree/a/b ; echo ; listen :7000"),
		dockertest.Tmpfs("/run"), dockertest.Volume(t).At("/vol"), dockertest.Mount(dir, "/host"),
		dockertest.File("/run/secrets/token", []byte("token ")), dockertest.HostFile(host, "/run/script"),
		dockertest.Files("/", fstest.MapFS{"run/tree/a/b": {Data: []byte(" tree"), Mode: 0o600}}),
		dockertest.File("/vol/x", []byte(" volume ")), dockertest.File("/host/x", []byte("host")),
		dockertest.WaitLog("token by hand volume host tree"))
	c.Restart()
	assert.Equal(t, "token ", c.Exec("/bin/testbox", "cat", "/run/secrets/token"))
	got, err := os.ReadFile(filepath.Join(dir, "x"))
	require.NoError(t, err)
	assert.Equal(t, "host", string(got))
	assert.Regexp(t, ` /run rw,nosuid,nodev,noexec,relatime - tmpfs `, c.Exec("/bin/testbox", "mounts"))

	c = dockertest.Run(t, img, dockertest.Tmpfs("/data"), cmd("listen :7000"))
	assert.Error(t, c.Command("/bin/testbox", "cat", "/data/note").Run(t.Context()), "without a file in it, it is empty")
	ro := dockertest.Run(t, img, dockertest.File("/etc/conf", []byte("1")), dockertest.Tmpfs("/run"), dockertest.File("/run/x", []byte("2")),
		dockertest.Modify(func(o *container.Options) { o.ReadOnly = true }))
	assert.Equal(t, "12", ro.Exec("/bin/testbox", "cat", "/etc/conf", "/run/x"))
	testenv.ManyIDs(t)
	user := dockertest.Run(t, img, dockertest.User("1000:1000"), dockertest.Tmpfs("/run"), dockertest.File("/run/x/y", []byte("1")))
	assert.Equal(t, "1", user.Exec("/bin/testbox", "cat", "/run/x/y"))
}
