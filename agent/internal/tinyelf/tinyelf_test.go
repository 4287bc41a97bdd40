package tinyelf_test

import (
	"bytes"
	"debug/elf"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/tinyelf"
)

// TestFile: wherever in its page the text was, it is at the same place there, and what is behind it is at End.
func TestFile(t *testing.T) {
	t.Parallel()
	for _, at := range []uint64{0, 16, 175, 176, 4095, 0x7f0000001234} {
		c := tinyelf.Code{Text: []byte("machine code"), At: at, Entry: 8}
		f, err := elf.NewFile(bytes.NewReader(c.File([]byte("data"))))
		require.NoError(t, err)
		require.Len(t, f.Progs, 2)
		load, stack := f.Progs[0], f.Progs[1]
		assert.Equal(t, []any{elf.PT_LOAD, elf.PF_R | elf.PF_X}, []any{load.Type, load.Flags}, "nothing of it can be written to")
		assert.Equal(t, []any{elf.PT_GNU_STACK, elf.PF_R | elf.PF_W}, []any{stack.Type, stack.Flags}, "nor is the stack executed")
		read := func(address uint64, n int) string {
			b := make([]byte, n)
			_, err := load.ReadAt(b, int64(address-load.Vaddr))
			require.NoError(t, err)
			return string(b)
		}
		assert.Equal(t, "code", read(f.Entry, 4))
		assert.Equal(t, at%4096, (f.Entry-8)%4096)
		assert.Equal(t, "data", read(c.End(), 4))
	}
}
