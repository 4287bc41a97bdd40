//go:build linux

package container_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestStoreIsClosed: another user of the machine reaches nothing of a store of root's, whose containers may write setuid
// programs to volumes and to their root file systems (CVE-2021-41091), although the directories on the way to the store
// are open.
func TestStoreIsClosed(t *testing.T) {
	t.Parallel()
	testenv.Root(t)
	base, err := os.MkdirTemp("", "caisson-closed-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(base)) })
	require.NoError(t, os.Chmod(base, 0o755))
	for dir, mode := range map[string]fs.FileMode{"made": 0o755, "root": 0o755, "run": 0o755} { // the owner's, made before
		require.NoError(t, os.Mkdir(filepath.Join(base, dir), mode))
		require.NoError(t, os.Chmod(filepath.Join(base, dir), mode))
	}
	root, run := filepath.Join(base, "root"), filepath.Join(base, "run")
	store, err := image.OpenStore(image.StoreOptions{Root: root, RunRoot: run})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Destroy(context.Background())) })
	buildImage(t, store, testImage, dockerfile)
	e, err := container.NewEngine(store, container.EngineOptions{})
	require.NoError(t, err)
	_, err = e.CreateNetwork(t.Context(), container.NetworkOptions{Name: "closed"})
	require.NoError(t, err)
	c := start(t, e, container.Options{
		Name: "writer", Cmd: []string{"sleep", "1000h"}, Networking: container.NetworkingConfig{Endpoints: []container.Endpoint{{Network: "closed"}}},
		Mounts: []container.Mount{{Type: container.MountVolume, Source: "shared", Target: "/v"}},
	})
	require.NoError(t, c.WriteFile(t.Context(), "/v/program", testenv.Testbox(t), fs.ModeSetuid|0o755, container.CopyOptions{}))
	require.NoError(t, c.WriteFile(t.Context(), "/program", testenv.Testbox(t), fs.ModeSetuid|0o755, container.CopyOptions{}))

	var paths []string
	programs := 0
	for _, dir := range []string{root, run} {
		require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil // a temporary file that is gone
			}
			if st, err := d.Info(); err == nil && st.Mode()&fs.ModeSetuid != 0 {
				programs++
			}
			paths = append(paths, path)
			return nil
		}))
	}
	require.GreaterOrEqual(t, programs, 2, "the programs are in the store")
	reached := asNobody(t, append(paths, filepath.Join(base, "made")))
	assert.Contains(t, reached, filepath.Join(base, "made"), "who looks gets to the store's directory")
	for _, path := range reached {
		if path != filepath.Join(base, "made") && path != root && path != run {
			assert.Fail(t, "another user reaches a file of the store", path)
		}
	}
}

// asNobody returns which of these files and directories the user nobody may open or execute.
func asNobody(t *testing.T, paths []string) (reached []string) {
	t.Helper()
	const nobody = 65534
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread's user is changed, and the thread ends with this goroutine
		var err error
		for _, call := range [][4]uintptr{{unix.SYS_SETGROUPS, 0, 0, 0}, {unix.SYS_SETRESGID, nobody, nobody, nobody}, {unix.SYS_SETRESUID, nobody, nobody, nobody}} {
			if _, _, e := unix.RawSyscall(call[0], call[1], call[2], call[3]); e != 0 {
				err = e
			}
		}
		for _, path := range paths {
			read, execute := unix.Access(path, unix.R_OK), unix.Access(path, unix.X_OK)
			if st, serr := os.Lstat(path); (read == nil || execute == nil) && (serr != nil || st.Mode()&fs.ModeSymlink == 0) {
				reached = append(reached, path)
			}
		}
		done <- err
	}()
	require.NoError(t, <-done)
	return reached
}
