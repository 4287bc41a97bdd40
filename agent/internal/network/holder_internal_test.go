//go:build linux

package network

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMessages: what holders say to each other arrives as it was sent, with its descriptor.
func TestMessages(t *testing.T) {
	t.Parallel()
	at := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unixpacket"}
	l, err := net.ListenUnix("unixpacket", at)
	require.NoError(t, err)
	defer l.Close()
	a, err := net.DialUnix("unixpacket", nil, at)
	require.NoError(t, err)
	defer a.Close()
	b, err := l.AcceptUnix()
	require.NoError(t, err)
	defer b.Close()

	require.NoError(t, sendMsg(a, message{kind: askTrunk, segment: 1<<63 + 5}))
	m, err := recvMsg(b)
	require.NoError(t, err)
	assert.Equal(t, message{kind: askTrunk, segment: 1<<63 + 5}, m)

	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, sendMsg(a, message{kind: replyYes, file: w}))
	w.Close()
	m, err = recvMsg(b)
	require.NoError(t, err)
	require.NotNil(t, m.file)
	_, err = m.file.WriteString("through")
	require.NoError(t, err)
	m.file.Close()
	got := make([]byte, 7)
	_, err = r.Read(got)
	require.NoError(t, err)
	assert.Equal(t, "through", string(got))

	_, err = a.Write([]byte("short"))
	require.NoError(t, err)
	_, err = recvMsg(b)
	require.Error(t, err)
	a.Close()
	_, err = recvMsg(b)
	require.Error(t, err)
}

func TestLeafPorts(t *testing.T) {
	t.Parallel()
	for _, segment := range []uint64{0, 4026531840, 1<<32 - 1} {
		port, tap := leafPort(segment)
		assert.True(t, isLeafPort(port), port)
		assert.False(t, isLeafPort(tap), tap)
		assert.LessOrEqual(t, len(port), 15)
		assert.NotEqual(t, port, tap)
	}
	for _, name := range []string{bridgeName, gatewayPort, gatewayTap, trunkPort, trunkTap} {
		assert.False(t, isLeafPort(name), name)
	}
}
