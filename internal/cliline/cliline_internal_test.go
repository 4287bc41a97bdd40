package cliline

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/internal/version"
)

func TestCLIOfThisVersion(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "go run github.com/caisson-dev/caisson/examples/cli@v1.2.3", program(version.Source{Version: "v1.2.3", Release: true, Dir: "/mod"}))
	assert.Equal(t, "go run -C '/my src/examples/cli' .", program(version.Source{Version: "src-0", Dir: "/my src"}))
	assert.Equal(t, "go run github.com/caisson-dev/caisson/examples/cli@latest", program(version.Source{Version: "devel"}))
}

func TestLine(t *testing.T) {
	t.Parallel()
	assert.Regexp(t, `^ROOT='/a b' go run .* rm -f 'it'\\''s'$`, Line("ROOT", "/a b", "rm", "-f", "it's"))
	assert.Regexp(t, `^go run .* ps$`, Line("ROOT", "", "ps"))
}

func TestQuoted(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"a-b=c:1/x": "a-b=c:1/x", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$HOME": "'$HOME'", ";": "';'"} {
		assert.Equal(t, want, Quoted(in))
	}
}
