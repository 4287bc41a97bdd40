package host

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSingle(t *testing.T) {
	for _, c := range []struct {
		name, idMap string
		want        bool
	}{
		{"the first namespace", "         0          0 4294967295\n", false},
		{"one id", "         0       1000          1\n", true},
		{"one id without a line feed", "0 1000 1", true},
		{"with subordinate ids", "0 1000 1\n1 100000 65536\n", false},
		{"two of one", "0 1000 1\n1 100000 1\n", false},
		{"not yet written", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := single(c.idMap)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
	_, err := single("0 many 1\n")
	require.ErrorContains(t, err, "many")
}

func TestMayRaise(t *testing.T) {
	raises := []string{"CAP_CHOWN", "CAP_SYS_RESOURCE"}
	assert.True(t, Host{Caps: raises}.MayRaise())
	assert.False(t, Host{Caps: raises, Rootless: true}.MayRaise(), "the capability counts in the first user namespace")
	assert.False(t, Host{Caps: raises[:1]}.MayRaise())
}

func TestUnified(t *testing.T) {
	assert.True(t, CgroupsV2.Unified())
	assert.False(t, CgroupsHybrid.Unified())
	assert.False(t, CgroupsV1.Unified())
}
