//go:build linux

package files

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/api"
)

// fill makes files of lines: "NAME/" and "NAME/ MODE" are directories, "NAME -> TARGET" links, "NAME = TARGET" more names of a
// file, "NAME MODE CONTENT" files.
func fill(t *testing.T, dir string, lines ...string) {
	t.Helper()
	old := time.Unix(1_000_000_000, 0)
	for _, line := range lines {
		name, rest, _ := strings.Cut(line, " ")
		full := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		mode, content, _ := strings.Cut(rest, " ")
		var perm uint32
		if _, err := fmt.Sscanf(mode, "%o", &perm); err != nil {
			perm = 0o644
		}
		switch {
		case mode == "->":
			require.NoError(t, os.Symlink(content, full))
			continue
		case mode == "=":
			require.NoError(t, os.Link(filepath.Join(dir, content), full))
			continue
		case mode == "p":
			require.NoError(t, unix.Mkfifo(full, 0o640))
			continue
		case strings.HasSuffix(name, "/"):
			require.NoError(t, os.MkdirAll(full, 0o755))
			if mode == "" {
				perm = 0o755
			}
		default:
			require.NoError(t, os.WriteFile(full, []byte(content), 0o600))
		}
		require.NoError(t, unix.Chmod(full, perm))
		require.NoError(t, os.Chtimes(full, old, old))
	}
}

// tree lists what is in a directory, in the form of fill; owners that are not the process's stand behind an @.
func tree(t *testing.T, dir string) (out []string) {
	t.Helper()
	links := map[uint64]string{}
	require.NoError(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		if p == dir {
			return nil
		}
		rel, _ := filepath.Rel(dir, p)
		var st unix.Stat_t
		require.NoError(t, unix.Lstat(p, &st))
		owner := ""
		if int(st.Uid) != os.Getuid() || int(st.Gid) != os.Getgid() {
			owner = fmt.Sprintf("@%d:%d", st.Uid, st.Gid)
		}
		switch first := links[st.Ino]; {
		case d.IsDir():
			out = append(out, fmt.Sprintf("%s/ %o%s", rel, st.Mode&0o7777, owner))
		case first != "":
			out = append(out, rel+" = "+first)
			return nil
		case d.Type() == fs.ModeSymlink:
			to, err := os.Readlink(p)
			require.NoError(t, err)
			out = append(out, rel+" -> "+to+owner)
		case d.Type() == fs.ModeNamedPipe:
			out = append(out, rel+" p"+owner)
		default:
			b, err := os.ReadFile(p)
			require.NoError(t, err)
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %o%s %s", rel, st.Mode&0o7777, owner, b)))
		}
		if st.Nlink > 1 && !d.IsDir() {
			links[st.Ino] = rel
		}
		return nil
	}))
	return out
}

func openTree(t *testing.T, dir string, ignore ...string) *Tree {
	t.Helper()
	o := TreeOptions{RootOwned: os.Geteuid() == 0}
	if len(ignore) > 0 {
		var err error
		o.Ignore, err = NewIgnore(ignore)
		require.NoError(t, err)
	}
	tr, err := OpenTree(dir, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tr.Close()) })
	return tr
}

func openRoot(t *testing.T, dir string) *os.File {
	t.Helper()
	f, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func TestCopy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		src    []string
		ignore []string
		dst    []string
		s      Selection
		to     To
		want   []string
		err    string
	}{
		{
			name: "a file to a name", src: []string{"f 640 x"}, s: Selection{Paths: []string{"f"}}, to: To{Dest: "/a/b"},
			want: []string{"a/ 755", "a/b 640 x"},
		}, {
			name: "a file to a directory by its slash", src: []string{"f 640 x"}, s: Selection{Paths: []string{"f"}}, to: To{Dest: "/a/"},
			want: []string{"a/ 755", "a/f 640 x"},
		}, {
			name: "a file to a directory that is there", src: []string{"f 640 x"}, dst: []string{"a/ 700"}, s: Selection{Paths: []string{"f"}}, to: To{Dest: "/a"},
			want: []string{"a/ 700", "a/f 640 x"},
		}, {
			name: "to the working directory", src: []string{"d/f 640 x"}, s: Selection{Paths: []string{"d/f"}}, to: To{Dest: ".", Dir: "/app"},
			want: []string{"app/ 755", "app/f 640 x"},
		}, {
			name: "a file over a file", src: []string{"f 640 x"}, dst: []string{"f 777 old", "g = f"}, s: Selection{Paths: []string{"f"}}, to: To{Dest: "/f"},
			want: []string{"f 640 x", "g 777 old"},
		}, {
			name: "a file over a link", src: []string{"f 640 x"}, dst: []string{"t 777 old", "d/l -> ../t"}, s: Selection{Paths: []string{"f"}}, to: To{Dest: "/d/l"},
			want: []string{"d/ 755", "d/l -> ../t", "t 640 x"},
		}, {
			name: "a file into a directory that has a link of its name", src: []string{"l 640 x"}, dst: []string{"t 777 old", "d/l -> ../t"}, s: Selection{Paths: []string{"l"}}, to: To{Dest: "/d/"},
			want: []string{"d/ 755", "d/l 640 x", "t 777 old"},
		}, {
			name: "a directory is its content", src: []string{"d/ 700", "d/f 640 x", "d/e/ 711", "d/e/l -> /etc/passwd"}, s: Selection{Paths: []string{"d"}}, to: To{Dest: "/new"},
			want: []string{"new/ 755", "new/e/ 711", "new/e/l -> /etc/passwd", "new/f 640 x"},
		}, {
			name: "directories merge, with the modes of the source", src: []string{"d/e/ 711", "d/e/f 640 x"}, dst: []string{"a/ 700", "a/e/ 777", "a/e/old 600 y"}, s: Selection{Paths: []string{"d/"}}, to: To{Dest: "/a"},
			want: []string{"a/ 700", "a/e/ 711", "a/e/f 640 x", "a/e/old 600 y"},
		}, {
			name: "links in the image are followed within it", src: []string{"f 640 x"}, dst: []string{"real/ 755", "l -> /real"}, s: Selection{Paths: []string{"f"}}, to: To{Dest: "/l/sub/"},
			want: []string{"l -> /real", "real/ 755", "real/sub/ 755", "real/sub/f 640 x"},
		}, {
			name: "a link that leads out leads to the root", src: []string{"f 640 x"}, dst: []string{"l -> ../../../../tmp"}, s: Selection{Paths: []string{"f"}}, to: To{Dest: "/l/"},
			want: []string{"l -> ../../../../tmp", "tmp/ 755", "tmp/f 640 x"},
		}, {
			name: "a link to nothing", src: []string{"f 640 x"}, dst: []string{"l -> /a/b"}, s: Selection{Paths: []string{"f"}}, to: To{Dest: "/l"},
			want: []string{"a/ 755", "a/b 640 x", "l -> /a/b"},
		}, {
			name: "the source is a link", src: []string{"f 640 x", "l -> f", "d/g 600 y", "m -> d"}, s: Selection{Paths: []string{"l", "m"}}, to: To{Dest: "/a/"},
			want: []string{"a/ 755", "a/g 600 y", "a/l 640 x"},
		}, {
			name: "a link of the context leads nowhere else", src: []string{"l -> /../../../../../../etc/hostname"}, s: Selection{Paths: []string{"l"}}, to: To{Dest: "/a"},
			err: "l: not found",
		}, {
			name: "wildcards", src: []string{"a.go 640 x", "b.go 600 y", "c.txt 600 z", "d.go/f 600 w"}, s: Selection{Paths: []string{"*.go"}}, to: To{Dest: "/a/"},
			want: []string{"a/ 755", "a/a.go 640 x", "a/b.go 600 y", "a/f 600 w"},
		}, {
			name: "wildcards of several components", src: []string{"p/x/a.go 640 x", "p/y/a.go 600 y", "p/y/b.txt 600 z"}, s: Selection{Paths: []string{"p/*/*.go"}}, to: To{Dest: "/a/"},
			want: []string{"a/ 755", "a/a.go 600 y"},
		}, {
			name: "a wildcard that matches nothing", src: []string{"f 640 x"}, s: Selection{Paths: []string{"f", "no*"}}, to: To{Dest: "/a/"},
			want: []string{"a/ 755", "a/f 640 x"},
		}, {
			name: "a bracket by itself", src: []string{"arr[0].txt 640 x"}, s: Selection{Paths: []string{"arr[[]0].txt"}}, to: To{Dest: "/a/"},
			want: []string{"a/ 755", "a/arr[0].txt 640 x"},
		}, {
			name: "a missing source", src: []string{"f 640 x"}, s: Selection{Paths: []string{"d/g"}}, to: To{Dest: "/a/"}, err: "d/g: not found",
		}, {
			name: "a bad pattern", src: []string{"f 640 x"}, s: Selection{Paths: []string{"[a"}}, to: To{Dest: "/a/"}, err: "[a: ",
		}, {
			name: "exclude", src: []string{"d/a.go 640 x", "d/b.txt 640 y", "d/e/c.txt 640 z", "d/e/d.go 640 w", "d/t/only.txt 600 v"}, s: Selection{Paths: []string{"d"}, Exclude: []string{"**/*.txt"}}, to: To{Dest: "/a"},
			want: []string{"a/ 755", "a/a.go 640 x", "a/e/ 755", "a/e/d.go 640 w", "a/t/ 755"},
		}, {
			name: "exclude, but", src: []string{"d/x/a 640 x", "d/x/b 640 y", "d/z 600 z"}, s: Selection{Paths: []string{"d"}, Exclude: []string{"x", "!x/b"}}, to: To{Dest: "/a"},
			want: []string{"a/ 755", "a/x/ 755", "a/x/b 640 y", "a/z 600 z"},
		}, {
			name: "exclude of what a wildcard matches", src: []string{"home.txt 640 x", "home.md 640 y"}, s: Selection{Paths: []string{"hom*"}, Exclude: []string{"*.txt"}}, to: To{Dest: "/a/"},
			want: []string{"a/ 755", "a/home.md 640 y"},
		}, {
			name: "parents", src: []string{"x/ 700", "x/y/ 750", "x/y/f 640 x", "x/y/g 640 y", "x/z 600 z"}, s: Selection{Paths: []string{"x/y/f"}, Parents: true}, to: To{Dest: "/a/"},
			want: []string{"a/ 755", "a/x/ 700", "a/x/y/ 750", "a/x/y/f 640 x"},
		}, {
			name: "parents from a pivot", src: []string{"x/y/c/d/f 640 x", "x/y/e 600 y"}, s: Selection{Paths: []string{"/x/y/./c/d"}, Parents: true}, to: To{Dest: "/a/"},
			want: []string{"a/ 755", "a/c/ 755", "a/c/d/ 755", "a/c/d/f 640 x"},
		}, {
			name: "parents with wildcards before and after the pivot", src: []string{"t/b/c/q/bar 640 x", "t/b2/c/bar 600 y", "t/b2/c/baz 600 z"}, s: Selection{Paths: []string{"/t/b*/./c/**/bar"}, Parents: true}, to: To{Dest: "/a/"},
			want: []string{"a/ 755", "a/c/ 755", "a/c/bar 600 y", "a/c/q/ 755", "a/c/q/bar 640 x"},
		}, {
			name: "parents of nothing", src: []string{"f 640 x"}, s: Selection{Paths: []string{"x/y"}, Parents: true}, to: To{Dest: "/a/"}, err: "x/y: not found",
		}, {
			name: "parents of a wildcard that matches nothing", src: []string{"f 640 x"}, s: Selection{Paths: []string{"x*/y"}, Parents: true}, to: To{Dest: "/a/"},
			want: []string{"a/ 755"},
		}, {
			name: "ignored", src: []string{"a 640 x", "b/c 640 y", "b/d 600 z", "e/f 600 w"}, ignore: []string{"a", "b", "!b/c", "e"}, s: Selection{Paths: []string{"."}}, to: To{Dest: "/"},
			want: []string{"b/ 755", "b/c 640 y"},
		}, {
			name: "an ignored source", src: []string{"a/b 640 x"}, ignore: []string{"a"}, s: Selection{Paths: []string{"a/b"}}, to: To{Dest: "/"}, err: "a/b: not found",
		}, {
			name: "an ignored file by a link", src: []string{"a/b 640 x", "l -> a/b"}, ignore: []string{"a"}, s: Selection{Paths: []string{"l"}}, to: To{Dest: "/"}, err: "l: not found",
		}, {
			name: "a file by an ignored link", src: []string{"a/b 640 x", "l -> a"}, ignore: []string{"l"}, s: Selection{Paths: []string{"l/b"}}, to: To{Dest: "/"}, err: "l/b: not found",
		}, {
			name: "a directory over a file", src: []string{"d/e/f 640 x"}, dst: []string{"a/e 600 old"}, s: Selection{Paths: []string{"d"}}, to: To{Dest: "/a"},
			err: "cannot copy the directory /d/e to /a/e, which is not a directory",
		}, {
			name: "a file over a directory", src: []string{"d/e 640 x"}, dst: []string{"a/e/ 755"}, s: Selection{Paths: []string{"d"}}, to: To{Dest: "/a"},
			err: "cannot replace the directory /a/e with the file /d/e",
		}, {
			name: "below a file", src: []string{"f 640 x"}, dst: []string{"a 600 old"}, s: Selection{Paths: []string{"f"}}, to: To{Dest: "/a/b"},
			err: "destination /a/b: ",
		}, {
			name: "links and pipes", src: []string{"d/f 640 x", "d/g = d/f", "d/p p"}, s: Selection{Paths: []string{"d"}}, to: To{Dest: "/a"},
			want: []string{"a/ 755", "a/f 640 x", "a/g = a/f", "a/p p"},
		}, {
			name: "chmod", src: []string{"d/ 700", "d/e/ 711", "d/e/f 640 x", "d/l -> f"}, s: Selection{Paths: []string{"d"}}, to: To{Dest: "/a/b", Mode: "4750"},
			want: []string{"a/ 750", "a/b/ 750", "a/b/e/ 4750", "a/b/e/f 4750 x", "a/b/l -> f"},
		}, {
			name: "symbolic chmod", src: []string{"d/e/ 700", "d/e/f 640 x", "d/e/g 750 y"}, s: Selection{Paths: []string{"d"}}, to: To{Dest: "/a", Mode: "go=rX"},
			want: []string{"a/ 755", "a/e/ 755", "a/e/f 644 x", "a/e/g 755 y"},
		}, {
			name: "a here-document", src: []string{"a* 644 x"}, s: Selection{Paths: []string{"a*"}, Literal: true}, to: To{Dest: "/d/"},
			want: []string{"d/ 755", "d/a* 644 x"},
		}, {
			name: "chown to a name that is not there", src: []string{"f 644 x"}, s: Selection{Paths: []string{"f"}}, to: To{Dest: "/", Owner: "bob"}, err: `has no user "bob"`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			src, dst := t.TempDir(), t.TempDir()
			fill(t, src, c.src...)
			fill(t, dst, c.dst...)
			err := Copy(t.Context(), openRoot(t, dst), openTree(t, src, c.ignore...), c.s, c.to)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, tree(t, dst))
		})
	}
}

func TestCopyTimesAndAttributes(t *testing.T) {
	t.Parallel()
	src, dst := t.TempDir(), t.TempDir()
	fill(t, src, "d/e/ 755", "d/e/f 640 x")
	old := time.Unix(1_000_000_000, 0)
	require.NoError(t, os.Chtimes(filepath.Join(src, "d/e"), old, old))
	require.NoError(t, unix.Setxattr(filepath.Join(src, "d/e/f"), "user.note", []byte("hello"), 0))
	require.NoError(t, Copy(t.Context(), openRoot(t, dst), openTree(t, src), Selection{Paths: []string{"d"}}, To{Dest: "/a"}))
	for _, name := range []string{"a/e", "a/e/f"} {
		st, err := os.Stat(filepath.Join(dst, name))
		require.NoError(t, err)
		assert.True(t, st.ModTime().Equal(old), name)
	}
	got := make([]byte, 16)
	n, err := unix.Getxattr(filepath.Join(dst, "a/e/f"), "user.note", got)
	require.NoError(t, err)
	assert.Equal(t, "hello", string(got[:n]))
}

// TestCopyOwners: of a layer the files' own, of a context root's, or those of --chown, which the directories that are made have too.
func TestCopyOwners(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away")
	}
	src := t.TempDir()
	fill(t, src, "d/f 4755 x")
	require.NoError(t, os.Lchown(filepath.Join(src, "d/f"), 7, 8))
	require.NoError(t, unix.Chmod(filepath.Join(src, "d/f"), 0o4755))
	for _, c := range []struct {
		rootOwned bool
		owner     string
		want      []string
	}{
		{false, "", []string{"a/ 755", "a/f 4755@7:8 x"}},
		{true, "", []string{"a/ 755", "a/f 4755 x"}},
		{true, "bob:20", []string{"a/ 755@1000:20", "a/f 4755@1000:20 x"}},
	} {
		dst := t.TempDir()
		fill(t, dst, "etc/passwd 644 bob:x:1000:1001:::")
		tr, err := OpenTree(src, TreeOptions{RootOwned: c.rootOwned})
		require.NoError(t, err)
		require.NoError(t, Copy(t.Context(), openRoot(t, dst), tr, Selection{Paths: []string{"d"}}, To{Dest: "/a", Owner: c.owner}))
		require.NoError(t, tr.Close())
		assert.Equal(t, c.want, tree(t, dst)[:2], c.owner)
	}
}

func TestCopySparseAndLarge(t *testing.T) {
	t.Parallel()
	src, dst := t.TempDir(), t.TempDir()
	f, err := os.Create(filepath.Join(src, "sparse"))
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("begin"), 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("middle"), 40<<20)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(64<<20))
	require.NoError(t, f.Close())
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	require.NoError(t, os.WriteFile(filepath.Join(src, "large"), large, 0o600))
	require.NoError(t, Copy(t.Context(), openRoot(t, dst), openTree(t, src), Selection{Paths: []string{"."}}, To{Dest: "/"}))
	got, err := os.ReadFile(filepath.Join(dst, "large"))
	require.NoError(t, err)
	assert.True(t, bytes.Equal(large, got))
	want, err := os.ReadFile(filepath.Join(src, "sparse"))
	require.NoError(t, err)
	got, err = os.ReadFile(filepath.Join(dst, "sparse"))
	require.NoError(t, err)
	assert.True(t, bytes.Equal(want, got))
	var st unix.Stat_t
	require.NoError(t, unix.Stat(filepath.Join(dst, "sparse"), &st))
	assert.Less(t, st.Blocks*512, int64(8<<20), "the holes are kept")
}

// TestCopyHostile: while a context changes between file, link and directory under the copier, nothing from outside gets in.
func TestCopyHostile(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	fill(t, outside, "secret 600 secret")
	src := t.TempDir()
	fill(t, src, "a/d/secret 600 mine", "a/f 600 mine")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		d, f := filepath.Join(src, "a/d"), filepath.Join(src, "a/f")
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Rename(d, d+"x")
			_ = os.Symlink(outside, d)
			_ = os.Remove(f)
			_ = os.Symlink(filepath.Join(outside, "secret"), f)
			_ = os.Remove(d)
			_ = os.Rename(d+"x", d)
			_ = os.Remove(f)
			_ = os.WriteFile(f, []byte("mine"), 0o600)
		}
	})
	tr := openTree(t, src)
	for range 300 {
		dst := t.TempDir()
		err := Copy(t.Context(), openRoot(t, dst), tr, Selection{Paths: []string{"a", "a/d/secret", "a/f"}}, To{Dest: "/x/"})
		_ = err // most find something half way
		for _, line := range tree(t, dst) {
			assert.NotContains(t, line, "600 secret")
		}
	}
	close(stop)
	wg.Wait()
}

func TestCopyCancel(t *testing.T) {
	t.Parallel()
	src, dst := t.TempDir(), t.TempDir()
	fill(t, src, "f 600 x")
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	cancel(gone)
	require.ErrorIs(t, Copy(ctx, openRoot(t, dst), openTree(t, src), Selection{Paths: []string{"."}}, To{Dest: "/"}), gone)
}

func archiveOf(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, h := range headers {
		content := h.PAXRecords["content"]
		h.PAXRecords = nil
		h.Size = int64(len(content))
		require.NoError(t, w.WriteHeader(&h))
		_, err := w.Write([]byte(content))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return b.Bytes()
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("chroot")
	}
	content := func(s string) map[string]string { return map[string]string{"content": s} }
	src, dst := t.TempDir(), t.TempDir()
	archive := archiveOf(t,
		tar.Header{Name: "d", Typeflag: tar.TypeDir, Mode: 0o750},
		tar.Header{Name: "d/f", Typeflag: tar.TypeReg, Mode: 0o640, Uid: 7, Gid: 8, PAXRecords: content("x")},
		tar.Header{Name: "d/.wh.g", Typeflag: tar.TypeReg, Mode: 0o640},
		tar.Header{Name: "implied/f", Typeflag: tar.TypeReg, Mode: 0o666},
		tar.Header{Name: "out", Typeflag: tar.TypeSymlink, Linkname: "../../.."},
		tar.Header{Name: "out/escaped", Typeflag: tar.TypeReg, Mode: 0o644, PAXRecords: content("escaped")},
	)
	require.NoError(t, os.WriteFile(filepath.Join(src, "a.tgz"), archive, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(src, "bad.tgz"), archive[:len(archive)/2], 0o600))
	fill(t, src, "plain 644 x")
	fill(t, dst, "app/d/old 600 y")
	tr := openTree(t, src)
	require.NoError(t, Copy(t.Context(), openRoot(t, dst), tr, Selection{Paths: []string{"plain"}}, To{Dest: "/plain", Unpack: true}))
	require.NoError(t, Copy(t.Context(), openRoot(t, dst), tr, Selection{Paths: []string{"a.tgz"}}, To{Dest: "/app", Unpack: true}))
	got := tree(t, dst)
	assert.Contains(t, got, "plain 644 x")
	assert.Contains(t, got, "app/d/f 640@7:8 x")
	assert.Contains(t, got, "app/d/old 600 y")
	assert.Contains(t, got, "app/implied/ 755")
	assert.Contains(t, got, "app/implied/f 666")
	assert.True(t, slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "app/d/.wh.g ") }), "an archive has no whiteouts")
	assert.Contains(t, got, "app/escaped 644 escaped", "the directory is the archive's root")
	err := Copy(t.Context(), openRoot(t, dst), tr, Selection{Paths: []string{"bad.tgz"}}, To{Dest: "/bad", Unpack: true})
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	require.NoError(t, Copy(t.Context(), openRoot(t, dst), tr, Selection{Paths: []string{"a.tgz"}}, To{Dest: "/owned", Unpack: true, Owner: "5:6"}))
	var st syscall.Stat_t
	require.NoError(t, syscall.Stat(filepath.Join(dst, "owned/d/f"), &st))
	assert.Equal(t, []uint32{5, 6}, []uint32{st.Uid, st.Gid})
}

func TestMkdir(t *testing.T) {
	t.Parallel()
	dst := t.TempDir()
	fill(t, dst, "real/ 700", "l -> /real", "f 600 x")
	root := openRoot(t, dst)
	made, err := Mkdir(root, "/l/a/b", nil)
	require.NoError(t, err)
	assert.True(t, made)
	made, err = Mkdir(root, "/real/a", nil)
	require.NoError(t, err)
	assert.False(t, made)
	_, err = Mkdir(root, "/f/x", nil)
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	assert.Equal(t, []string{"f 600 x", "l -> /real", "real/ 700", "real/a/ 755", "real/a/b/ 755"}, tree(t, dst))
}

// TestDigest: what changes the copy changes the digest, and nothing else does.
func TestDigest(t *testing.T) {
	t.Parallel()
	base := []string{"d/a 640 x", "d/e/f 600 y", "d/l -> a", "ignored 600 z"}
	sum := func(s Selection, counts Counts, lines ...string) digest.Digest {
		src := t.TempDir()
		fill(t, src, lines...)
		d, err := Digest(t.Context(), openTree(t, src, "ignored"), s, counts)
		require.NoError(t, err)
		return d
	}
	all := Selection{Paths: []string{"d"}}
	with := func(i int, line string) []string {
		out := slices.Clone(base)
		out[i] = line
		return out
	}
	want := sum(all, Counts{}, base...)
	assert.Equal(t, want, sum(all, Counts{}, base...), "in another directory")
	assert.Equal(t, want, sum(all, Counts{}, with(3, "ignored 644 other")...))
	assert.NotEqual(t, want, sum(all, Counts{}, with(0, "d/a 640 X")...), "content")
	assert.NotEqual(t, want, sum(all, Counts{}, with(0, "d/a 644 x")...), "mode")
	assert.NotEqual(t, want, sum(all, Counts{}, with(0, "d/b 640 x")...), "name")
	assert.NotEqual(t, want, sum(all, Counts{}, with(2, "d/l -> b")...), "target")
	assert.NotEqual(t, want, sum(all, Counts{}, append(slices.Clone(base), "d/n = d/a")...), "one more name")
	assert.Equal(t, sum(all, Counts{NoModes: true}, base...), sum(all, Counts{NoModes: true}, with(0, "d/a 644 x")...))
	assert.Equal(t, sum(Selection{Paths: []string{"d"}, Exclude: []string{"a"}}, Counts{}, base...),
		sum(Selection{Paths: []string{"d"}, Exclude: []string{"a"}}, Counts{}, with(0, "d/a 644 other")...))
	assert.Equal(t, want, sum(Selection{Paths: []string{"d2"}}, Counts{}, "d2/a 640 x", "d2/e/f 600 y", "d2/l -> a"), "the name of a directory whose content is copied")
	_, err := Digest(t.Context(), openTree(t, t.TempDir()), all, Counts{})
	require.ErrorIs(t, err, fs.ErrNotExist)

	src := t.TempDir()
	fill(t, src, base...)
	require.NoError(t, unix.Setxattr(filepath.Join(src, "d/a"), "user.note", []byte("x"), 0))
	attr, err := Digest(t.Context(), openTree(t, src, "ignored"), all, Counts{})
	require.NoError(t, err)
	assert.NotEqual(t, want, attr, "attributes")
}

// TestHashes: what did not change is not read again, and what did is.
func TestHashes(t *testing.T) {
	t.Parallel()
	src, cache := t.TempDir(), filepath.Join(t.TempDir(), "hashes")
	fill(t, src, "f 600 x")
	sum := func(frozen bool) (digest.Digest, *Hashes) {
		h := OpenHashes(cache, src, frozen)
		tr, err := OpenTree(src, TreeOptions{Hashes: h})
		require.NoError(t, err)
		d, err := Digest(t.Context(), tr, Selection{Paths: []string{"."}}, Counts{})
		require.NoError(t, err)
		require.NoError(t, tr.Close())
		return d, h
	}
	first, h := sum(false)
	assert.Empty(t, h.known, "it was changed a moment ago")
	h.put("f", &unix.Stat_t{Ino: 1}, seen{sum: [32]byte{1}, attrs: short{2}}, time.Now())
	require.NoError(t, h.save())
	again := OpenHashes(cache, src, false)
	got, ok := again.get("f", &unix.Stat_t{Ino: 1})
	assert.True(t, ok)
	assert.Equal(t, seen{sum: [32]byte{1}, attrs: short{2}}, got)
	_, ok = again.get("f", &unix.Stat_t{Ino: 1, Size: 1})
	assert.False(t, ok)
	second, _ := sum(false)
	assert.Equal(t, first, second, "another file's hash is not taken")

	require.NoError(t, os.WriteFile(again.path, []byte("damaged"), 0o600))
	third, _ := sum(false)
	assert.Equal(t, first, third)
	_, h = sum(true)
	assert.Len(t, h.known, 1, "a layer's file is remembered at once")
	fill(t, src, "f 600 changed")
	frozen, _ := sum(true)
	assert.Equal(t, first, frozen, "and not read again")
	for i := range maxTrees + 5 {
		h := OpenHashes(cache, fmt.Sprint(i), true)
		h.put("f", &unix.Stat_t{}, seen{}, time.Now())
		require.NoError(t, h.save())
	}
	list, err := os.ReadDir(cache)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(list), maxTrees)
}
