package container_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// entry is what a test puts into a tar stream.
type entry struct {
	tar.Header
	data string
}

func file(name, data string) entry {
	return entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o640, Size: int64(len(data))}, data}
}

func tarOf(t testing.TB, entries ...entry) io.Reader {
	t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, e := range entries {
		if e.ModTime.IsZero() {
			e.ModTime = time.Unix(1700000000, 0)
		}
		require.NoError(t, tw.WriteHeader(&e.Header))
		_, err := io.WriteString(tw, e.data)
		require.NoError(t, err)
	}
	require.NoError(t, tw.Close())
	return &b
}

// untar reads a stream whole; directories have their names as content.
func untar(t testing.TB, r io.Reader) (map[string]string, map[string]*tar.Header) {
	t.Helper()
	data, headers := map[string]string{}, map[string]*tar.Header{}
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		b, err := io.ReadAll(tr)
		require.NoError(t, err)
		data[h.Name], headers[h.Name] = string(b), h
	}
	_, err := io.Copy(io.Discard, r) // the stream is complete
	require.NoError(t, err)
	return data, headers
}

// both runs a test on a container that runs and on one that never did.
func both(t *testing.T, opts container.Options, f func(t *testing.T, c *container.Container)) {
	e := newEngine(t)
	for _, running := range []bool{true, false} {
		t.Run(map[bool]string{true: "running", false: "created"}[running], func(t *testing.T) {
			if opts.Cmd == nil {
				opts.Cmd = []string{"sleep", "1h"}
			}
			c := create(t, e, opts)
			if running {
				require.NoError(t, c.Start(t.Context()))
			}
			f(t, c)
		})
	}
}

func TestCopyToAndFrom(t *testing.T) {
	t.Parallel()
	both(t, container.Options{}, func(t *testing.T, c *container.Container) {
		ctx := t.Context()
		big := strings.Repeat("0123456789abcdef", 1<<16)
		require.NoError(t, c.CopyTo(ctx, "/data", tarOf(t,
			file("a", "one"),
			entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: "sub/", Mode: 0o750}},
			file("sub/deep/b", "two"),
			entry{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: "link", Linkname: "/data/a"}},
			entry{Header: tar.Header{Typeflag: tar.TypeLink, Name: "hard", Linkname: "a"}},
			entry{Header: tar.Header{Typeflag: tar.TypeFifo, Name: "pipe", Mode: 0o600}},
			file("big", big),
			file("note", "replaced"),
		), container.CopyOptions{}))
		body, info, err := c.CopyFrom(ctx, "/data", container.CopyFromOptions{})
		require.NoError(t, err)
		defer body.Close()
		assert.Equal(t, "data", info.Name)
		assert.True(t, info.Mode.IsDir())
		data, headers := untar(t, body)
		assert.Equal(t, map[string]string{
			"data/": "", "data/a": "one", "data/sub/": "", "data/sub/deep/": "", "data/sub/deep/b": "two", "data/link": "",
			"data/hard": "", "data/pipe": "", "data/big": big, "data/note": "replaced",
		}, data)
		for name, want := range map[string]struct {
			kind byte
			mode int64
			link string
		}{
			"data/a": {tar.TypeReg, 0o640, ""}, "data/sub/": {tar.TypeDir, 0o750, ""}, "data/sub/deep/": {tar.TypeDir, 0o755, ""},
			"data/link": {tar.TypeSymlink, 0o777, "/data/a"}, "data/hard": {tar.TypeLink, 0o640, "data/a"}, "data/pipe": {tar.TypeFifo, 0o600, ""},
		} {
			h := headers[name]
			require.NotNil(t, h, name)
			assert.Equal(t, want.kind, h.Typeflag, name)
			assert.Equal(t, want.mode, h.Mode, name)
			assert.Equal(t, want.link, h.Linkname, name)
			assert.Zero(t, h.Uid)
			assert.Zero(t, h.Gid)
			if name != "data/sub/deep/" && name != "data/hard" {
				assert.Equal(t, int64(1700000000), h.ModTime.Unix(), name)
			}
		}
		require.NoError(t, c.CopyTo(ctx, "/", tarOf(t), container.CopyOptions{}), "an empty stream")
	})
}

func TestCopiesAreSeenInside(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	c := create(t, e, container.Options{Cmd: []string{"sleep", "1h"}})
	require.NoError(t, c.WriteFile(ctx, "/new/dir/before", []byte("before"), 0o600, container.CopyOptions{}))
	require.NoError(t, c.Start(ctx))
	require.NoError(t, c.WriteFile(ctx, "/new/dir/after", []byte("after"), fs.ModeSetuid|0o755, container.CopyOptions{}))
	out, err := c.Command("/bin/testbox", "chain", "cat", "/new/dir/before", ";", "cat", "/new/dir/after", ";", "stat", "/new", "/new/dir/after", "/new/dir/before").Output(ctx)
	require.NoError(t, err)
	assert.Equal(t, "beforeafter/new 40755 0:0 4096\n/new/dir/after 104755 0:0 5\n/new/dir/before 100600 0:0 6\n", string(out))
	require.NoError(t, c.Kill(ctx, ""))
	_, err = c.Wait(ctx)
	require.NoError(t, err)
	b, err := c.ReadFile(ctx, "/new/dir/after")
	require.NoError(t, err, "after its end too")
	assert.Equal(t, "after", string(b))
	require.NoError(t, c.Start(ctx), "the copy has let go of it")
}

func TestCopyOwner(t *testing.T) {
	t.Parallel()
	both(t, container.Options{}, func(t *testing.T, c *container.Container) {
		ctx := t.Context()
		h := file("f", "x")
		h.Uid, h.Gid = 1000, 2000
		if testenv.OneID() {
			err := c.CopyTo(ctx, "/data", tarOf(t, h), container.CopyOptions{KeepOwner: true})
			require.ErrorIs(t, err, container.ErrUnsupported)
			require.ErrorContains(t, err, "/etc/subuid")
			return
		}
		for _, tc := range []struct {
			opts     container.CopyOptions
			uid, gid int
		}{
			{container.CopyOptions{}, 0, 0},
			{container.CopyOptions{KeepOwner: true}, 1000, 2000},
			{container.CopyOptions{Owner: "alice"}, 1000, 1000},
			{container.CopyOptions{Owner: "77:88"}, 77, 88},
		} {
			require.NoError(t, c.CopyTo(ctx, "/data", tarOf(t, h), tc.opts))
			info, err := c.StatPath(ctx, "/data/f")
			require.NoError(t, err)
			assert.Equal(t, [2]int{tc.uid, tc.gid}, [2]int{info.UID, info.GID}, "%+v", tc.opts)
		}
		require.ErrorIs(t, c.CopyTo(ctx, "/data", tarOf(t, h), container.CopyOptions{Owner: "bob"}), container.ErrInvalidArgument)
		require.ErrorIs(t, c.CopyTo(ctx, "/data", tarOf(t, h), container.CopyOptions{Owner: "alice", KeepOwner: true}), container.ErrInvalidArgument)
	})
}

func TestStatPath(t *testing.T) {
	t.Parallel()
	both(t, container.Options{}, func(t *testing.T, c *container.Container) {
		ctx := t.Context()
		require.NoError(t, c.CopyTo(ctx, "/", tarOf(t,
			entry{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: "to-data", Linkname: "data"}}), container.CopyOptions{}))
		info, err := c.StatPath(ctx, "/data/note")
		require.NoError(t, err)
		assert.Equal(t, "note", info.Name)
		assert.Equal(t, int64(len("from the image")), info.Size)
		assert.Equal(t, fs.FileMode(0o644), info.Mode)
		info, err = c.StatPath(ctx, "/to-data")
		require.NoError(t, err)
		assert.Equal(t, "data", info.LinkTarget)
		assert.NotZero(t, info.Mode&fs.ModeSymlink)
		info, err = c.StatPath(ctx, "/to-data/")
		require.NoError(t, err)
		assert.True(t, info.Mode.IsDir())
		info, err = c.StatPath(ctx, "/")
		require.NoError(t, err)
		assert.True(t, info.Mode.IsDir())
	})
}

func TestCopyErrors(t *testing.T) {
	t.Parallel()
	both(t, container.Options{}, func(t *testing.T, c *container.Container) {
		ctx := t.Context()
		for _, tc := range []struct {
			name string
			err  error
			want error
			text string
		}{
			{"no such directory", c.CopyTo(ctx, "/none", tarOf(t), container.CopyOptions{}), container.ErrNotFound, "/none"},
			{"not a directory", c.CopyTo(ctx, "/data/note", tarOf(t), container.CopyOptions{}), container.ErrInvalidArgument, "/data/note"},
			{"not tar", c.CopyTo(ctx, "/", strings.NewReader(strings.Repeat("no tar", 1000)), container.CopyOptions{}), container.ErrInvalidArgument, "tar"},
			{"file over directory", c.CopyTo(ctx, "/", tarOf(t, file("data", "")), container.CopyOptions{}), container.ErrInvalidArgument, "/data"},
			{"directory over file", c.CopyTo(ctx, "/data", tarOf(t, entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: "note/"}}), container.CopyOptions{}), container.ErrInvalidArgument, "/data/note"},
			{"below a file", c.CopyTo(ctx, "/", tarOf(t, file("data/note/x", "")), container.CopyOptions{}), container.ErrInvalidArgument, "/data/note/x"},
			{"name too long", c.CopyTo(ctx, "/", tarOf(t, file(strings.Repeat("x", 300), "")), container.CopyOptions{}), container.ErrInvalidArgument, "xxx"},
		} {
			require.ErrorIs(t, tc.err, tc.want, tc.name)
			require.ErrorContains(t, tc.err, tc.text, tc.name)
		}
		whole, err := io.ReadAll(tarOf(t, file("torn", strings.Repeat("x", 10000))))
		require.NoError(t, err)
		require.ErrorIs(t, c.CopyTo(ctx, "/", bytes.NewReader(whole[:4000]), container.CopyOptions{}), container.ErrInvalidArgument)
		broken := errors.New("the reader's own")
		require.ErrorIs(t, c.CopyTo(ctx, "/", io.MultiReader(bytes.NewReader(whole[:4000]), iotestErr{broken}), container.CopyOptions{}), broken)

		_, _, err = c.CopyFrom(ctx, "/none/such", container.CopyFromOptions{})
		require.ErrorIs(t, err, container.ErrNotFound)
		_, _, err = c.CopyFrom(ctx, "/data/note/", container.CopyFromOptions{})
		require.ErrorIs(t, err, container.ErrInvalidArgument)
		_, err = c.ReadFile(ctx, "/data")
		require.ErrorIs(t, err, container.ErrInvalidArgument)
		_, err = c.StatPath(ctx, "/x")
		require.ErrorIs(t, err, container.ErrNotFound)
		require.ErrorIs(t, c.WriteFile(ctx, "/", nil, 0o644, container.CopyOptions{}), container.ErrInvalidArgument)
		require.NoError(t, c.Remove(ctx, container.RemoveOptions{Force: true}))
		require.ErrorIs(t, c.CopyTo(ctx, "/", tarOf(t), container.CopyOptions{}), container.ErrNotFound)
		_, _, err = c.CopyFrom(ctx, "/", container.CopyFromOptions{})
		require.ErrorIs(t, err, container.ErrNotFound)
	})
}

type iotestErr struct{ err error }

func (r iotestErr) Read([]byte) (int, error) { return 0, r.err }

func TestCopyCancel(t *testing.T) {
	t.Parallel()
	both(t, container.Options{}, func(t *testing.T, c *container.Container) {
		ctx, cancel := context.WithCancel(t.Context())
		pr, pw := io.Pipe()
		go func() {
			tw := tar.NewWriter(pw)
			_ = tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "slow", Mode: 0o600, Size: 1 << 30})
			_, _ = tw.Write(make([]byte, 1<<20))
			cancel()
		}()
		begin := time.Now()
		require.ErrorIs(t, c.CopyTo(ctx, "/", pr, container.CopyOptions{}), context.Canceled)
		require.NoError(t, pr.Close())

		require.NoError(t, c.WriteFile(t.Context(), "/big", make([]byte, 8<<20), 0o600, container.CopyOptions{}))
		ctx, cancel = context.WithCancel(t.Context())
		body, _, err := c.CopyFrom(ctx, "/big", container.CopyFromOptions{})
		require.NoError(t, err)
		cancel()
		_, err = io.Copy(io.Discard, body)
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, body.Close())
		body, _, err = c.CopyFrom(t.Context(), "/big", container.CopyFromOptions{})
		require.NoError(t, err)
		require.NoError(t, body.Close(), "and one that is not read at all")
		assert.Less(t, time.Since(begin), 10*time.Second)
		require.NoError(t, c.Remove(t.Context(), container.RemoveOptions{Force: true}), "nothing holds the container")
	})
}

// TestCopyLinksStayInside: links of the container lead to files of the container, also those to parents and to absolute
// names.
func TestCopyLinksStayInside(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("the host's"), 0o644))
	both(t, container.Options{}, func(t *testing.T, c *container.Container) {
		ctx := t.Context()
		link := func(name, to string) entry {
			return entry{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}}
		}
		require.NoError(t, c.CopyTo(ctx, "/", tarOf(t,
			link("abs", outside), link("up", "../../../../../../../.."+outside), link("root", "/"), link("loop", "loop"),
			link("note", "/data/note"), link("lib", "data"),
		), container.CopyOptions{}))
		for _, name := range []string{"/abs/secret", "/up/secret", "/root/root/up/secret"} {
			_, err := c.ReadFile(ctx, name)
			require.ErrorIs(t, err, container.ErrNotFound, name)
		}
		_, err := c.ReadFile(ctx, "/loop/x")
		require.ErrorIs(t, err, container.ErrInvalidArgument)
		b, err := c.ReadFile(ctx, "/root/root/note")
		require.NoError(t, err)
		assert.Equal(t, "from the image", string(b))

		// Writing through them makes directories in the container.
		require.NoError(t, c.CopyTo(ctx, "/root", tarOf(t, file("root/x", "y")), container.CopyOptions{}))
		require.Error(t, c.CopyTo(ctx, "/", tarOf(t, file("abs/written", "y")), container.CopyOptions{}))
		require.Error(t, c.CopyTo(ctx, "/up", tarOf(t, file("written", "y")), container.CopyOptions{}))
		assert.NoFileExists(t, filepath.Join(outside, "written"))
		b, err = c.ReadFile(ctx, "/x")
		require.NoError(t, err)
		assert.Equal(t, "y", string(b))
		// Names that climb stay below the directory.
		require.NoError(t, c.CopyTo(ctx, "/data", tarOf(t, file("../../../climbed", "c")), container.CopyOptions{}))
		b, err = c.ReadFile(ctx, "/data/climbed")
		require.NoError(t, err)
		assert.Equal(t, "c", string(b))
		// A directory goes into the directory that a link stands for; a file replaces a link.
		require.NoError(t, c.CopyTo(ctx, "/", tarOf(t,
			entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: "lib/", Mode: 0o755}}, file("lib/so", "s"), file("note", "n")), container.CopyOptions{}))
		b, err = c.ReadFile(ctx, "/data/so")
		require.NoError(t, err)
		assert.Equal(t, "s", string(b))
		b, err = c.ReadFile(ctx, "/data/note")
		require.NoError(t, err)
		assert.Equal(t, "from the image", string(b))
		// A hard link to what is not there is an error, not the host's file.
		require.Error(t, c.CopyTo(ctx, "/", tarOf(t, entry{Header: tar.Header{Typeflag: tar.TypeLink, Name: "h", Linkname: outside + "/secret"}}), container.CopyOptions{}))
	})
}

// TestCopyRace: a container that exchanges a directory and a link to the host's all the time gets nothing of the host's
// (CVE-2018-15664).
func TestCopyRace(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "f"), []byte("the host's"), 0o644))
	e := newEngine(t)
	ctx := t.Context()
	c := start(t, e, container.Options{Cmd: []string{"exchange", "/data/d", outside}})
	waitForLog(t, c, "ready")
	found := 0
	for range 300 {
		b, err := c.ReadFile(ctx, "/data/d/f")
		if err == nil {
			found++
			require.Equal(t, "the container's", string(b))
		}
		_ = c.CopyTo(ctx, "/data/d", tarOf(t, file("f", "the container's")), container.CopyOptions{}) // or the link leads nowhere
	}
	assert.Positive(t, found)
	b, err := os.ReadFile(filepath.Join(outside, "f"))
	require.NoError(t, err)
	assert.Equal(t, "the host's", string(b))
}

func TestCopyMounts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "here"), []byte("host"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "single"), []byte("single"), 0o644))
	both(t, container.Options{Mounts: []container.Mount{
		{Source: dir, Target: "/new/bind"},
		{Source: dir, Target: "/ro", ReadOnly: true},
		{Source: filepath.Join(dir, "single"), Target: "/data/note"},
		{Type: container.MountVolume, Target: "/data/vol"},
		{Type: container.MountVolume, Target: "/bin"},
	}}, func(t *testing.T, c *container.Container) {
		ctx := t.Context()
		b, err := c.ReadFile(ctx, "/new/bind/here")
		require.NoError(t, err)
		assert.Equal(t, "host", string(b))
		require.NoError(t, c.WriteFile(ctx, "/new/bind/written", []byte("w"), 0o644, container.CopyOptions{}))
		b, err = os.ReadFile(filepath.Join(dir, "written"))
		require.NoError(t, err)
		assert.Equal(t, "w", string(b))
		err = c.WriteFile(ctx, "/ro/written", []byte("no"), 0o644, container.CopyOptions{})
		require.ErrorIs(t, err, container.ErrPermission)
		require.ErrorContains(t, err, "read-only")
		require.NoError(t, c.WriteFile(ctx, "/data/note", []byte("into the mount"), 0o644, container.CopyOptions{}))
		b, err = os.ReadFile(filepath.Join(dir, "single"))
		require.NoError(t, err)
		assert.Equal(t, "into the mount", string(b))
		require.NoError(t, c.WriteFile(ctx, "/data/vol/x", []byte("volume"), 0o644, container.CopyOptions{}))
		_, err = c.StatPath(ctx, "/bin/testbox")
		require.NoError(t, err, "a volume has the image's files")
		_ = c.Start(ctx) // it may run
		out, err := c.Command("/bin/testbox", "chain", "cat", "/data/vol/x", ";", "cat", "/data/note").Output(ctx)
		require.NoError(t, err)
		assert.Equal(t, "volumeinto the mount", string(out))

		// Export has the container's own files alone.
		body, err := c.Export(ctx)
		require.NoError(t, err)
		defer body.Close()
		data, _ := untar(t, body)
		assert.NotContains(t, data, "data/vol/x")
		assert.NotContains(t, data, "new/bind/here")
		assert.Contains(t, data, "bin/testbox")
		assert.Equal(t, "from the image", data["data/note"])
	})
}

func TestCopyReadOnlyRoot(t *testing.T) {
	t.Parallel()
	both(t, container.Options{ReadOnly: true, Mounts: []container.Mount{{Type: container.MountVolume, Target: "/vol"}}}, func(t *testing.T, c *container.Container) {
		ctx := t.Context()
		require.ErrorIs(t, c.WriteFile(ctx, "/x", nil, 0o644, container.CopyOptions{}), container.ErrPermission)
		err := c.WriteFile(ctx, "/x", nil, 0o644, container.CopyOptions{ReadOnlyRoot: true})
		if info, ierr := c.Inspect(ctx); assert.NoError(t, ierr) && info.State.Status == container.StatusRunning {
			require.ErrorIs(t, err, container.ErrPermission)
		} else {
			require.NoError(t, err)
		}
		require.NoError(t, c.WriteFile(ctx, "/vol/x", []byte("v"), 0o644, container.CopyOptions{}))
		b, err := c.ReadFile(ctx, "/vol/x")
		require.NoError(t, err)
		assert.Equal(t, "v", string(b))
	})
}

func TestCopyFS(t *testing.T) {
	t.Parallel()
	both(t, container.Options{}, func(t *testing.T, c *container.Container) {
		ctx := t.Context()
		require.NoError(t, c.CopyFS(ctx, "/made/here", fstest.MapFS{
			"a":     {Data: []byte("1"), Mode: 0o600},
			"d/b":   {Data: []byte("2"), Mode: 0o755},
			"d/lnk": {Data: []byte("b"), Mode: fs.ModeSymlink | 0o777},
		}, container.CopyOptions{}))
		body, _, err := c.CopyFrom(ctx, "/made/here/.", container.CopyFromOptions{})
		require.NoError(t, err)
		defer body.Close()
		data, headers := untar(t, body)
		assert.Equal(t, map[string]string{"./": "", "./a": "1", "./d/": "", "./d/b": "2", "./d/lnk": ""}, data)
		assert.Equal(t, int64(0o600), headers["./a"].Mode)
		assert.Equal(t, "b", headers["./d/lnk"].Linkname)
	})
}

func TestCopyOfTheKernelsFiles(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"trap"}})
	waitForLog(t, c, "ready") // Start returns a moment before the program is executed
	b, err := c.ReadFile(t.Context(), "/proc/1/cmdline")
	require.NoError(t, err)
	assert.Equal(t, "/bin/testbox\x00trap\x00", string(b))
	_, err = c.ReadFile(t.Context(), "/proc/1/root/data/note")
	require.ErrorIs(t, err, container.ErrInvalidArgument, "links that are none lead anywhere: they are not followed")
}

// TestUploadDownload goes through the table of docker cp's rules.
func TestUploadDownload(t *testing.T) {
	t.Parallel()
	host := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(host, "tree", "sub"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(host, "tree", "sub", "f"), []byte("in the tree"), 0o640))
	require.NoError(t, os.Symlink("sub/f", filepath.Join(host, "tree", "lnk")))
	require.NoError(t, os.WriteFile(filepath.Join(host, "file"), []byte("a file"), 0o600))
	both(t, container.Options{}, func(t *testing.T, c *container.Container) {
		ctx := t.Context()
		require.NoError(t, c.CopyTo(ctx, "/", tarOf(t, entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: "dst/", Mode: 0o755}}), container.CopyOptions{}))
		for _, tc := range []struct {
			from, to string
			file     string // that is there afterwards
			want     error
		}{
			{"file", "/dst/new", "/dst/new", nil},
			{"file", "/dst", "/dst/file", nil},
			{"file", "/dst/", "/dst/file", nil},
			{"file", "/dst/none/", "", container.ErrNotFound},
			{"file", "/dst/none/x", "", container.ErrNotFound},
			{"tree", "/dst", "/dst/tree/sub/f", nil},
			{"tree/.", "/dst", "/dst/sub/f", nil},
			{"tree", "/dst/as", "/dst/as/sub/f", nil},
			{"tree/.", "/dst/as2", "/dst/as2/sub/f", nil},
			{"tree", "/dst/file", "", container.ErrInvalidArgument},
			{"file", "/dst/file/", "", container.ErrInvalidArgument},
			{"none", "/dst", "", fs.ErrNotExist},
		} {
			err := c.Upload(ctx, filepath.Join(host, "x")[:len(host)+1]+tc.from, tc.to, container.CopyOptions{})
			if tc.want != nil {
				require.ErrorIs(t, err, tc.want, "%+v", tc)
				continue
			}
			require.NoError(t, err, "%+v", tc)
			info, err := c.StatPath(ctx, tc.file)
			require.NoError(t, err, "%+v", tc)
			assert.True(t, info.Mode.IsRegular())
		}
		info, err := c.StatPath(ctx, "/dst/tree/lnk")
		require.NoError(t, err)
		assert.Equal(t, "sub/f", info.LinkTarget)

		out := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(out, "dst"), 0o755))
		for _, tc := range []struct {
			from, to string
			file     string
			want     error
		}{
			{"/dst/file", "dst/new", "dst/new", nil},
			{"/dst/file", "dst", "dst/file", nil},
			{"/dst/file", "dst/none/", "", fs.ErrNotExist},
			{"/dst/tree", "dst", "dst/tree/sub/f", nil},
			{"/dst/tree/.", "dst", "dst/sub/f", nil},
			{"/dst/tree", "dst/as", "dst/as/sub/f", nil},
			{"/dst/tree/.", "dst/as2", "dst/as2/sub/f", nil},
			{"/dst/tree", "dst/file", "", container.ErrInvalidArgument},
			{"/dst/none", "dst", "", container.ErrNotFound},
		} {
			err := c.Download(ctx, tc.from, out+"/"+tc.to, container.CopyFromOptions{})
			if tc.want != nil {
				require.ErrorIs(t, err, tc.want, "%+v", tc)
				continue
			}
			require.NoError(t, err, "%+v", tc)
			st, err := os.Lstat(filepath.Join(out, tc.file))
			require.NoError(t, err, "%+v", tc)
			assert.True(t, st.Mode().IsRegular())
		}
		b, err := os.ReadFile(filepath.Join(out, "dst/tree/lnk"))
		require.NoError(t, err)
		assert.Equal(t, "in the tree", string(b))
		st, err := os.Stat(filepath.Join(out, "dst/tree/sub/f"))
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o640), st.Mode().Perm())
		require.NoError(t, c.Download(ctx, "/", filepath.Join(out, "all"), container.CopyFromOptions{}))
		require.NoError(t, os.Chmod(filepath.Join(out, "all"), 0o755)) // the root of an image is not for writing
		require.FileExists(t, filepath.Join(out, "all/data/note"))
		require.NoDirExists(t, filepath.Join(out, "all/proc/1"))
	})
}

func TestExport(t *testing.T) {
	t.Parallel()
	both(t, container.Options{}, func(t *testing.T, c *container.Container) {
		ctx := t.Context()
		require.NoError(t, c.WriteFile(ctx, "/data/mine", []byte("m"), 0o644, container.CopyOptions{}))
		body, err := c.Export(ctx)
		require.NoError(t, err)
		defer body.Close()
		data, headers := untar(t, body)
		assert.Equal(t, "m", data["data/mine"])
		assert.Equal(t, "from the image", data["data/note"])
		assert.Equal(t, byte(tar.TypeDir), headers["data/"].Typeflag)
		for name := range data {
			assert.False(t, strings.HasPrefix(name, "/") || strings.HasPrefix(name, "proc/") && name != "proc/", name)
		}
	})
}
