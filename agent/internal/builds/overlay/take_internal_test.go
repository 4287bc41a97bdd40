//go:build linux

package overlay

import (
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
)

func TestCommon(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ a, b, base, x, y string }{
		{"/r/tmp/a/upper", "/r/storage/s/dir", "/r", "tmp/a/upper", "storage/s/dir"},
		{"/a/x", "/b/y", "/", "a/x", "b/y"},
		{"/a/x", "/a/y", "/a", "x", "y"},
		{"/a/b/x", "/a/bc/y", "/a", "b/x", "bc/y"},
	} {
		base, rest := common(c.a, c.b)
		assert.Equal(t, c.base, base)
		assert.Equal(t, [2]string{c.x, c.y}, rest)
	}
}

func TestLayerID(t *testing.T) {
	t.Parallel()
	d := digest.FromString("x")
	assert.Equal(t, d.Encoded(), LayerID("", d))
	assert.Equal(t, digest.FromString("parent+"+d.Encoded()).Encoded(), LayerID("parent", d))
	assert.EqualValues(t, "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef", emptyTar, "Docker's empty layer")
}
