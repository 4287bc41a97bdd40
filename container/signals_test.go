package container_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// TestSignalDispositions: what the agent executes begins with no signal ignored or blocked.
func TestSignalDispositions(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	status := []string{"cat", "/proc/self/status"}
	check := func(what, out string) {
		t.Helper()
		found := regexp.MustCompile(`(?m)^(?:#\d+ (?:[\d.]+ )?)?(Sig(?:Ign|Blk):\s+\S+)$`).FindAllStringSubmatch(out, -1)
		var lines []string
		for _, f := range found {
			lines = append(lines, strings.Join(strings.Fields(f[1]), " "))
		}
		assert.Equal(t, []string{"SigBlk: 0000000000000000", "SigIgn: 0000000000000000"}, lines, "%s: %s", what, out)
	}
	for what, opts := range map[string]container.Options{
		"container": {}, "with init": {Process: container.ProcessConfig{Init: true}}, "terminal": {TTY: true},
	} {
		opts.Cmd = status
		out, errs, st := run(t, e, opts)
		require.Zero(t, st.ExitCode, errs)
		check(what, strings.ReplaceAll(out, "\r", ""))
	}
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}})
	out, err := c.Command("/bin/testbox", status...).Output(t.Context())
	require.NoError(t, err)
	check("exec", string(out))
	var build bytes.Buffer
	_, err = e.Store().Build(t.Context(), image.BuildOptions{
		DockerfileText: "FROM " + testImage + "\nRUN [\"/bin/testbox\", \"cat\", \"/proc/self/status\"]\n", Output: &build, Cache: image.CacheOptions{Disable: true},
	})
	require.NoError(t, err, &build)
	check("RUN", build.String())
}
