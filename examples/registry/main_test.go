package main

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/caisson-dev/caisson/registry"
	"github.com/stretchr/testify/require"
)

// TestRegistry runs main as a user would, and logs in.
func TestRegistry(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process can't send itself a signal there")
	}
	dir := t.TempDir()
	passwords, passwordEnd, err := os.Pipe()
	require.NoError(t, err)
	_, err = passwordEnd.WriteString("correct horse\n")
	require.NoError(t, err)
	require.NoError(t, passwordEnd.Close())
	lines, stdout, err := os.Pipe()
	require.NoError(t, err)
	oldIn, oldOut, oldArgs := os.Stdin, os.Stdout, os.Args
	os.Stdin, os.Stdout, os.Args = passwords, stdout, []string{"registry", "-dir", filepath.Join(dir, "images"), "-user", "ci"}
	defer func() { os.Stdin, os.Stdout, os.Args = oldIn, oldOut, oldArgs }()

	ended := make(chan struct{})
	go func() { main(); close(ended) }()
	addr, err := bufio.NewReader(lines).ReadString('\n')
	require.NoError(t, err)
	addr = strings.TrimSpace(addr)

	ctx := context.Background()
	c := registry.NewClient(registry.ClientOptions{AuthFile: filepath.Join(dir, "auth.json")})
	_, err = c.Exists(ctx, addr+"/app:1")
	require.ErrorIs(t, err, registry.ErrUnauthorized)
	_, err = c.Login(ctx, addr, registry.LoginOptions{Username: "ci", Password: strings.NewReader("correct horse")})
	require.NoError(t, err)
	found, err := c.Exists(ctx, addr+"/app:1")
	require.NoError(t, err)
	require.False(t, found)
	require.DirExists(t, filepath.Join(dir, "images", "blobs"))

	self, err := os.FindProcess(os.Getpid())
	require.NoError(t, err)
	require.NoError(t, self.Signal(syscall.SIGTERM))
	<-ended
}
