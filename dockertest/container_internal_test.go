package dockertest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestKills(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "KILL", "SIGKILL", "kill", "9"} {
		assert.True(t, kills(s), s)
	}
	for _, s := range []string{"TERM", "SIGHUP", "15", "SKILL"} {
		assert.False(t, kills(s), s)
	}
}
