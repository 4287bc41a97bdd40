package gate_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/seccomp/gate"
)

// TestImportsNextToNothing: the package's init function runs before those of
// what it does not import, at every container start.
func TestImportsNextToNothing(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{join .Imports \" \"}}", ".").Output()
	require.NoError(t, err)
	for _, p := range strings.Fields(string(out)) {
		require.Contains(t, []string{"errors", "runtime", "syscall", "unsafe", "C"}, p)
	}
}

func TestEncode(t *testing.T) {
	filter := []byte{6, 0, 0, 0, 0, 0, 0xff, 0x7f}
	p, err := gate.Encode(0x0204, filter)
	require.NoError(t, err)
	flags, got, err := gate.Decode(p)
	require.NoError(t, err)
	require.EqualValues(t, 0x0204, flags)
	require.Equal(t, filter, got)

	for _, bad := range [][]byte{nil, filter[:7], make([]byte, 8*4097)} {
		_, err := gate.Encode(0, bad)
		require.ErrorIs(t, err, gate.ErrProgram)
	}
	for i := range p {
		_, _, err := gate.Decode(p[:i])
		require.ErrorIs(t, err, gate.ErrProgram)
	}
	_, _, err = gate.Decode(append(p, 0))
	require.ErrorIs(t, err, gate.ErrProgram)
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("bpf1\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\xff\x7f"))
	f.Fuzz(func(t *testing.T, p []byte) {
		flags, filter, err := gate.Decode(p)
		if err != nil {
			return
		}
		again, err := gate.Encode(flags, filter)
		require.NoError(t, err)
		require.Equal(t, p, again)
	})
}
