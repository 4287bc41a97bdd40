//go:build linux

package packet

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

func TestAssemble(t *testing.T) {
	t.Parallel()
	prog, err := assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 12, Size: 2}, bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_ARP, SkipFalse: 1}, bpf.RetConstant{Val: 60}, bpf.RetConstant{},
	})
	require.NoError(t, err)
	assert.Equal(t, []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: 12}, {Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: unix.ETH_P_ARP},
		{Code: unix.BPF_RET | unix.BPF_K, K: 60}, {Code: unix.BPF_RET | unix.BPF_K},
	}, prog)
	prog, err = assemble(nil)
	require.NoError(t, err)
	assert.Empty(t, prog)
	_, err = assemble([]bpf.Instruction{bpf.LoadAbsolute{Size: 3}})
	require.ErrorContains(t, err, "assemble filter")
}

// TestProtocol: the kernel wants the number in the network's order.
func TestProtocol(t *testing.T) {
	t.Parallel()
	b := [2]byte{byte(etherTypeAll & 0xff), byte(etherTypeAll >> 8)}
	assert.Equal(t, [2]byte{0, unix.ETH_P_ALL}, b, "on a little-endian machine")
}
