package dockertest

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

// TestKeepFiles: the mounts of memory that files are put into begin with them.
func TestKeepFiles(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{"run/secrets/a": {}, "etc/x": {}}
	for name, tc := range map[string]struct {
		opts []Option
		want []string // targets
	}{
		"none":           {[]Option{Tmpfs("/run"), File("/etc/x", nil)}, nil},
		"a file":         {[]Option{Tmpfs("/run"), Tmpfs("/tmp"), File("/run/a/b", nil)}, []string{"/run"}},
		"another prefix": {[]Option{Tmpfs("/run"), File("/running", nil)}, nil},
		"a tree below":   {[]Option{Tmpfs("/run"), Files("/run/x", tree)}, []string{"/run"}},
		"a tree around":  {[]Option{Tmpfs("/run"), Tmpfs("/tmp"), Files("/", tree)}, []string{"/run"}},
		"by Modify": {[]Option{File("run/x", nil), Modify(func(o *container.Options) {
			o.Mounts = []container.Mount{{Type: container.MountTmpfs, Target: "/run/"}}
		})}, []string{"/run/"}},
		"a volume": {[]Option{Mount("/", "/run"), File("/run/x", nil)}, nil},
	} {
		s := applied(tc.opts)
		require.NoError(t, s.complete("x", ""))
		var got []string
		for _, m := range s.opts.Mounts {
			if len(m.Tmpfs.Options) > 0 {
				got = append(got, m.Target)
			}
		}
		assert.Equal(t, tc.want, got, name)
	}
}
