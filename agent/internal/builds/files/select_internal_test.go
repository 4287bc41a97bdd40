package files

import (
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/api"
)

// Values of moby/buildkit's pathRelativeToWorkingDir and cleanPath.
func TestDestination(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ dir, dest, want, parent string }{
		{"", "/a", "/a", "/"},
		{"/app", "a", "/app/a", "/app/"},
		{"/app", ".", "/app/", "/app/"},
		{"/app", "", "/app/", "/app/"},
		{"/app", "./", "/app/", "/app/"},
		{"/app", "d/", "/app/d/", "/app/d/"},
		{"/app", "/d/.", "/d/.", "/d/."},
		{"/app", "..", "/", "/"},
		{"/app", "../..", "/", "/"},
		{"/app", "../x/./y", "/x/y", "/x/"},
		{"app", "b", "/app/b", "/app/"},
		{"/", "/", "/", "/"},
		{"/app", "//a//b//", "/a/b/", "/a/b/"},
	} {
		got := destination(c.dir, c.dest)
		assert.Equal(t, c.want, got, "%q in %q", c.dest, c.dir)
		assert.Equal(t, c.parent, parentOf(got), "%q in %q", c.dest, c.dir)
	}
}

// Values of tonistiigi/fsutil's splitWildcards.
func TestSplitWildcards(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, dir, pattern string }{
		{"/foo/bar", "foo/bar", ""},
		{"/foo/b*/baz/q", "foo", "b*/baz/q"},
		{"a?", "", "a?"},
		{`a\*b`, `a\*b`, ""},
		{"arr[[]0].txt", "", "arr[[]0].txt"},
		{"/", "", ""},
		{".", "", ""},
	} {
		dir, pattern := splitWildcards(c.name)
		assert.Equal(t, c.dir, dir, c.name)
		assert.Equal(t, c.pattern, pattern, c.name)
	}
}

func TestPivot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, dir, pattern string }{
		{"a/b", "", "a/b"},
		{"/test/a/b/./c/d", "/test/a/b", "c/d"},
		{"/test/a/./b/./c", "/test/a", "b/c"},
		{"/test/a/b/c/d/.", "", "test/a/b/c/d"},
		{"./test/a", "", "test/a"},
		{"a/./", "a", ""},
	} {
		dir, pattern := pivot(c.name)
		assert.Equal(t, c.dir, dir, c.name)
		assert.Equal(t, c.pattern, pattern, c.name)
	}
}

func TestMayHold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, dir string
		want         bool
	}{
		{"a/b/c", "a", true}, {"a/b/c", "a/b", true}, {"a/b/c", "a/x", false}, {"a/b", "a/b/c/d", true},
		{"*/c", "b", true}, {"a*/c", "b", false}, {"**/x", "anything/at/all", true}, {"a/**/x", "b", false}, {"a/**/x", "a/q/r", true},
	} {
		assert.Equal(t, c.want, mayHold(c.pattern, c.dir), "%q below %q", c.pattern, c.dir)
	}
}

func TestParseMode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text     string
		on, want uint32
		dirs     uint32
	}{
		{"", 0o640, 0o640, 0o755},
		{"755", 0o640, 0o755, 0o755},
		{"0644", 0o4755, 0o644, 0o644},
		{"4755", 0o644, 0o4755, 0o755},
		{"1777", 0o644, 0o1777, 0o777},
		{"7777", 0o644, 0o7777, 0o777},
		{"u+x", 0o644, 0o744, 0o755},
		{"u=rwX,go=rX", 0o600, 0o644, 0o755},
		{"u=rwX,go=rX", 0o700, 0o755, 0o755},
		{"g+s", 0o755, 0o2755, 0o755},
		{"a=r", 0o755, 0o444, 0o755},
		{"+t", 0o755, 0o1755, 0o755},
		{"u+s", 0o644, 0o4644, 0o755},
	} {
		p, err := parseMode(c.text)
		require.NoError(t, err, c.text)
		assert.Equal(t, c.want, p.apply(c.on), "%s on %o", c.text, c.on)
		assert.Equal(t, c.dirs, p.dirs(), c.text)
	}
	for _, bad := range []string{"10000", "9", "abc", "0o755", "-1", "u=q", "777777777777777777777777"} {
		err := CheckMode(bad)
		require.ErrorIs(t, err, api.ErrInvalidArgument, bad)
		assert.ErrorContains(t, err, "--chmod="+bad)
		assert.ErrorContains(t, err, "use an octal number")
	}
}

func TestFindOwner(t *testing.T) {
	t.Parallel()
	open := func(s string) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
	}
	passwd := open("root:x:0:0:::\nbob:x:1000:1001::/home/bob:\n")
	group := open("root:x:0:\nstaff:x:50:bob\n")
	for _, c := range []struct {
		text string
		want Owner
		err  string
	}{
		{"bob", Owner{1000, 1001}, ""},
		{"bob:staff", Owner{1000, 50}, ""},
		{"bob:7", Owner{1000, 7}, ""},
		{"55", Owner{55, 55}, ""},
		{"55:", Owner{55, 55}, ""},
		{"55:0", Owner{55, 0}, ""},
		{"1:staff", Owner{1, 50}, ""},
		{"alice", Owner{}, `no user "alice"`},
		{"bob:wheel", Owner{}, `no group "wheel"`},
		{":staff", Owner{0, 50}, ""},
		{":", Owner{}, "write it as USER"},
		{"1:2:3", Owner{}, "write it as USER"},
		{"-1", Owner{}, "is not an id"},
		{"4294967295", Owner{}, "is not an id"},
	} {
		got, err := findOwner(c.text, passwd, group)
		if c.err != "" {
			require.ErrorIs(t, err, api.ErrInvalidArgument, c.text)
			assert.ErrorContains(t, err, c.err)
			continue
		}
		require.NoError(t, err, c.text)
		assert.Equal(t, c.want, got, c.text)
	}
}

func TestKernelMode(t *testing.T) {
	t.Parallel()
	for m := uint32(0); m <= 0o7777; m++ {
		require.Equal(t, m, kernelMode(fileMode(m|0o100000)))
	}
	assert.Equal(t, uint32(0o755), kernelMode(fs.ModeDir|0o755))
}
