package image_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// sshAgent is an SSH agent with one public key and nothing else.
func sshAgent(t *testing.T) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // t.TempDir may be too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	socket = filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	field := func(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }
	key := append(field([]byte("ssh-ed25519")), field(make([]byte, 32))...)
	keys := append([]byte{12, 0, 0, 0, 1}, append(field(key), field([]byte("joe"))...)...)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				var head [5]byte
				for {
					if _, err := io.ReadFull(c, head[:]); err != nil || head[4] != 11 {
						return
					}
					if _, err := c.Write(field(keys)); err != nil {
						return
					}
				}
			}()
		}
	}()
	return socket
}

// openShort opens a store with a short path, since sockets' paths have at most 107 bytes.
func openShort(t *testing.T) *image.Store {
	t.Helper()
	root, err := os.MkdirTemp("/tmp", "ssh")
	require.NoError(t, err)
	s, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Destroy(context.Background())) })
	return s
}

func TestBuildSSH(t *testing.T) {
	testenv.Slow(t)
	s := openShort(t)
	socket := sshAgent(t)
	text := base + "RUN --mount=type=ssh ssh-keys\n"
	require.Equal(t, "1", run(t, s, text, image.BuildOptions{Run: image.RunOptions{SSH: map[string]string{"default": socket}}}, nil))
	require.Equal(t, "1", run(t, s, base+"RUN --mount=type=ssh,id=other ssh-keys\n", image.BuildOptions{Run: image.RunOptions{SSH: map[string]string{"other": socket}}}, nil))
	t.Setenv("SSH_AUTH_SOCK", socket)
	require.Equal(t, "1", run(t, s, text, image.BuildOptions{Run: image.RunOptions{SSH: map[string]string{"default": ""}}}, nil))

	_, err := build(t, s, base+"RUN ssh-keys\n", image.BuildOptions{Run: image.RunOptions{SSH: map[string]string{"default": socket}}}, nil)
	require.ErrorIs(t, err, image.ErrBuildStep, "a step without the mount sees no agent")
	_, err = build(t, s, base+"RUN --mount=type=ssh,required=true ssh-keys\n", image.BuildOptions{}, nil)
	require.ErrorIs(t, err, image.ErrBuildStep)
	t.Setenv("SSH_AUTH_SOCK", "")
	for name, ssh := range map[string]map[string]string{
		"no agent": {"default": ""}, "no file": {"default": "/nonexistent"}, "a directory": {"default": t.TempDir()}, "name": {"a=b": socket}, "comma": {"default": socket + ",x"},
	} {
		_, err := build(t, s, text, image.BuildOptions{Run: image.RunOptions{SSH: ssh}}, nil)
		require.ErrorIs(t, err, image.ErrInvalidArgument, name)
		require.ErrorContains(t, err, "SSH", name)
	}
	far, err := image.OpenStore(image.StoreOptions{Root: filepath.Join(storeDir(t), strings.Repeat("far", 20))})
	require.NoError(t, err)
	defer func() { require.NoError(t, far.Destroy(context.Background())) }()
	_, err = build(t, far, text, image.BuildOptions{Run: image.RunOptions{SSH: map[string]string{"default": socket}}}, nil)
	require.ErrorIs(t, err, image.ErrUnsupported)
	require.ErrorContains(t, err, "shorter Root")
}

// TestBuildSSHFarDown: where the store's path leaves no room for a socket, the error has the remedy.
func TestBuildSSHFarDown(t *testing.T) {
	t.Parallel()
	root := filepath.Join(storeDir(t), strings.Repeat("d", 80))
	s, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Destroy(t.Context())) }()
	_, err = build(t, s, base, image.BuildOptions{Run: image.RunOptions{SSH: map[string]string{"default": sshAgent(t)}}}, nil)
	require.ErrorIs(t, err, image.ErrUnsupported)
	require.ErrorContains(t, err, "shorter Root")
}
