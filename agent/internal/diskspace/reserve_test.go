package diskspace_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/internal/testenv"
)

func TestMain(m *testing.M) { testenv.InMountNamespace(m) }

// TestReserve: a full file system gives the reserve up for who frees more, by bytes and by inodes, and has it again when
// there is room.
func TestReserve(t *testing.T) {
	testenv.Root(t)
	dir := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=16m,nr_inodes=1000"))
	defer func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) }()
	place := filepath.Join(dir, "reserve")
	r := diskspace.NewReserve(place)
	r.Release()
	r.Use()
	assert.NoDirExists(t, place)
	r.Keep()
	require.EqualValues(t, 512<<10, diskspace.Usage(place), "a 32nd")
	r.Keep()
	r.Use()
	assert.DirExists(t, place, "there is room")

	big := filepath.Join(dir, "big")
	err := os.WriteFile(big, make([]byte, 32<<20), 0o600)
	require.True(t, diskspace.IsFull(err), err)
	r.Use()
	assert.NoDirExists(t, place)
	r.Keep()
	require.EqualValues(t, 384<<10, diskspace.Usage(place), "three quarters of what it gave")
	r.Use()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "small"), make([]byte, 500<<10), 0o600))
	r.Keep()
	assert.Less(t, diskspace.Usage(place), int64(16<<10), "the disk is full")
	require.NoError(t, os.Remove(big))
	r.Keep()
	assert.EqualValues(t, 512<<10, diskspace.Usage(place))

	for i := range 1000 {
		if err = os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o600); err != nil {
			break
		}
	}
	require.True(t, diskspace.IsFull(err), err)
	r.Use()
	for i := range 60 {
		require.NoError(t, os.Mkdir(filepath.Join(dir, fmt.Sprint("d", i)), 0o700))
	}
}
