//go:build linux

package runc

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKillFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files      []string
		id         string
		want, text string
	}{
		"version 1":            {[]string{"freezer.state"}, "c", "freezer.state", "THAWED"},
		"version 2":            {[]string{"cgroup.kill", "cgroup.freeze"}, "c", "cgroup.kill", "1"},
		"version 2, before it": {[]string{"cgroup.freeze"}, "c", "", ""},
		"not its own":          {[]string{"cgroup.kill"}, "other", "", ""},
	} {
		dir := filepath.Join(t.TempDir(), "c")
		require.NoError(t, os.Mkdir(dir, 0o700))
		for _, f := range c.files {
			require.NoError(t, os.WriteFile(filepath.Join(dir, f), nil, 0o600))
		}
		file, text := killFile(dir, c.id)
		assert.Equal(t, c.text, text, name)
		if c.want == "" {
			assert.Nil(t, file, name)
			continue
		}
		require.NotNil(t, file, name)
		assert.Equal(t, c.want, filepath.Base(file.Name()), name)
		require.NoError(t, file.Close())
	}
	file, _ := killFile("", "c")
	assert.Nil(t, file)
}
