package container_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

func TestExecInMissingDirectory(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}})
	for dir, why := range map[string]string{"/missing": "no such file or directory", "/data/note": "not a directory"} {
		cmd := c.Command("/bin/testbox", "true")
		cmd.Dir = dir
		err := cmd.Run(t.Context())
		require.ErrorIs(t, err, container.ErrNotExecutable)
		assert.ErrorContains(t, err, "working directory \""+dir+"\": "+why)
	}
}
