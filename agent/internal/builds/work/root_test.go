//go:build linux

package work_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/builds/work"
	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/internal/api"
)

// TestRootLayers: layers have what was written, on what is below them, and say of it what is gone.
func TestRootLayers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	one := b.layer("", func(r *work.Root) {
		src := b.source(work.ContextOptions{}, "d/a 640 one", "d/e/ 700", "d/e/f 600 f", "g 4755 g")
		require.NoError(t, r.Copy(t.Context(), work.Copy{Source: src, Paths: []string{"."}, Dest: "/"}))
		made, err := r.Mkdir(t.Context(), "/w/x", "")
		require.NoError(t, err)
		assert.True(t, made)
	})
	want := []string{"/ 755", "d/ 755", "d/a 640 one", "d/e/ 700", "d/e/f 600 f", "g 4755 g", "w/ 755", "w/x/ 755"}
	assert.Equal(t, want, b.tree(one.ID))
	assert.Equal(t, one.DiffID.Encoded(), one.ID, "as pulls name it")
	assert.False(t, one.Empty)

	two := b.layer(one.ID, func(r *work.Root) {
		src := b.source(work.ContextOptions{}, "a 600 two")
		require.NoError(t, r.Copy(t.Context(), work.Copy{Source: src, Paths: []string{"a"}, Dest: "/d/a"}))
	})
	assert.Equal(t, []string{"d", "d/a"}, b.upper(two.ID))
	want[2] = "d/a 600 two"
	assert.Equal(t, want, b.tree(two.ID))
	assert.Equal(t, digest.Canonical.FromString(one.ID+"+"+two.DiffID.Encoded()).Encoded(), two.ID)

	same := b.layer(one.ID, func(*work.Root) {})
	assert.True(t, same.Empty)
	assert.EqualValues(t, "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef", same.DiffID, "Docker's empty layer")
	skipped, err := b.begin(one.ID).Commit(t.Context(), work.CommitOptions{SkipEmpty: true})
	require.NoError(t, err)
	assert.Equal(t, work.Layer{ID: one.ID, Empty: true}, skipped)

	report, err := b.images.Storage().Check(storage.CheckEverything())
	require.NoError(t, err)
	assert.Empty(t, report.Layers)
}

// TestRootTaken: the files of a layer are those that were written, and not copies.
func TestRootTaken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.begin("")
	src := b.source(work.ContextOptions{}, "f 644 f")
	require.NoError(t, r.Copy(t.Context(), work.Copy{Source: src, Paths: []string{"f"}, Dest: "/taken"}))
	uppers, err := filepath.Glob(filepath.Join(b.w.Dir(), "root-*", "upper", "taken"))
	require.NoError(t, err)
	require.Len(t, uppers, 1)
	before, err := os.Stat(uppers[0])
	require.NoError(t, err)
	l := b.commit(r)
	after, err := os.Stat(filepath.Join(b.images.Layout().Graph(), "overlay", l.ID, "diff", "taken"))
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after))
}

// TestRootByStore: where the storage driver mounts and packs layers, they become the same.
func TestRootByStore(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	w, err := shared.s.ByStore().Worker()
	require.NoError(t, err)
	b.w = w
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	base := b.base()
	r := b.begin(base.ID)
	b.mustRun(r, work.Run{Mounts: []work.Mount{{Type: work.MountTmpfs, Target: "/new/dir"}}}, "rm", "/etc/hostname")
	b.mustRun(r, work.Run{}, "write", "/f", "text")
	l := b.commit(r)
	got := b.tree(l.ID)
	assert.Contains(t, got, "/ 755")
	assert.Contains(t, got, "f 644 text")
	assert.NotContains(t, got, "new/ 755")
	assert.NotContains(t, got, "etc/hostname 644 image\n")
	src, err := b.w.Layer(t.Context(), l.ID)
	require.NoError(t, err)
	_, err = src.Digest(t.Context(), work.Copy{Paths: []string{"/f"}})
	require.NoError(t, err)
	require.NoError(t, src.Close())
	same, err := b.begin(l.ID).Commit(t.Context(), work.CommitOptions{SkipEmpty: true})
	require.NoError(t, err)
	assert.Equal(t, l.ID, same.ID)
	require.NoError(t, w.Close())
	b.nothingLeft()
}

// TestRootDeletes: whiteouts and replaced directories are in the layer, and in what is packed of it again.
func TestRootDeletes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base := b.base()
	one := b.layer(base.ID, func(r *work.Root) {
		src := b.source(work.ContextOptions{}, "d/a 644 a", "d/b 644 b", "f 644 f", "k/x 644 x")
		require.NoError(t, r.Copy(t.Context(), work.Copy{Source: src, Paths: []string{"."}, Dest: "/t/"}))
	})
	r := b.begin(one.ID)
	b.mustRun(r, work.Run{}, "rm", "/t/d", "/t/f")
	b.mustRun(r, work.Run{}, "mkdir", "/t/d")
	b.mustRun(r, work.Run{}, "write", "/t/d/c", "c")
	two := b.commit(r)
	want := []string{"t/ 755", "t/d/ 755", "t/d/c 644 c", "t/k/ 755", "t/k/x 644 x"}
	tail := func(id string) []string {
		all := b.tree(id)
		return all[slices.Index(all, "t/ 755"):]
	}
	assert.Equal(t, want, tail(two.ID))

	squashed, err := b.w.Squash(t.Context(), base.ID, two.ID, work.CommitOptions{})
	require.NoError(t, err)
	assert.Equal(t, want, tail(squashed.ID))
	flat, err := b.w.Squash(t.Context(), "", two.ID, work.CommitOptions{})
	require.NoError(t, err)
	assert.Equal(t, b.tree(two.ID), b.tree(flat.ID))

	// The bytes that were noted are made of the files again, and unpack to the same.
	for _, l := range []work.Layer{base, one, two, squashed, flat} {
		rc, size, err := b.images.Layers().Assemble(l.DiffID)
		require.NoError(t, err)
		require.NotNil(t, rc)
		got, err := digest.FromReader(rc)
		require.NoError(t, err)
		require.NoError(t, rc.Close())
		assert.Equal(t, l.DiffID, got)
		assert.Equal(t, l.Size, size)
	}
	report, err := b.images.Storage().Check(storage.CheckEverything())
	require.NoError(t, err)
	assert.Empty(t, report.Layers)
}

// TestRootEpoch: with an epoch, what is made at two times is one layer, and the files say so, too.
func TestRootEpoch(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	epoch := time.Unix(1_500_000_000, 0)
	var ids []string
	for i := range 2 {
		r := b.begin("")
		dir := b.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "d", "a"), nil, 0o644))
		at := time.Now().Add(time.Duration(i) * time.Hour)
		for _, name := range []string{"d/a", "d", "."} {
			require.NoError(t, os.Chtimes(filepath.Join(dir, name), at, at))
		}
		src, err := b.w.Context(dir, work.ContextOptions{})
		require.NoError(t, err)
		require.NoError(t, r.Copy(t.Context(), work.Copy{Source: src, Paths: []string{"."}, Dest: "/"}))
		l, err := r.Commit(t.Context(), work.CommitOptions{Epoch: epoch})
		require.NoError(t, err)
		ids = append(ids, l.ID)
	}
	assert.Equal(t, ids[0], ids[1])
	dir := filepath.Join(b.images.Layout().Graph(), "overlay", ids[0], "diff")
	for _, name := range []string{"d", "d/a"} {
		st, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.True(t, st.ModTime().Equal(epoch), name)
	}
}

// TestRootLink: what is copied into nothing lies on any layer, and no link of that leads it elsewhere.
func TestRootLink(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base := b.layer("", func(r *work.Root) {
		src := b.source(work.ContextOptions{}, "real/x 644 x")
		require.NoError(t, r.Copy(t.Context(), work.Copy{Source: src, Paths: []string{"."}, Dest: "/"}))
	})
	r := b.begin("")
	src := b.source(work.ContextOptions{}, "f 644 f")
	require.NoError(t, r.Copy(t.Context(), work.Copy{Source: src, Paths: []string{"f"}, Dest: "/real/y/"}))
	l, err := r.Commit(t.Context(), work.CommitOptions{On: &base.ID})
	require.NoError(t, err)
	assert.Equal(t, []string{"/ 755", "real/ 755", "real/x 644 x", "real/y/ 755", "real/y/f 644 f"}, b.tree(l.ID))
}

// TestRootFromLayer: a layer is a source, and has the digest of what is taken of it.
func TestRootFromLayer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	one := b.layer("", func(r *work.Root) {
		src := b.source(work.ContextOptions{}, "d/a 640 a", "b 600 b")
		c := work.Copy{Source: src, Paths: []string{"."}, Dest: "/"}
		if !b.oneID() {
			c.Owner = "7:8"
		}
		require.NoError(t, r.Copy(t.Context(), c))
	})
	src, err := b.w.Layer(t.Context(), one.ID)
	require.NoError(t, err)
	two := b.layer("", func(r *work.Root) {
		require.NoError(t, r.Copy(t.Context(), work.Copy{Source: src, Paths: []string{"/d"}, Dest: "/e"}))
	})
	want := []string{"/ 755", "e/ 755", "e/a 640 7:8 a"}
	if b.oneID() {
		want[2] = "e/a 640 a"
	}
	assert.Equal(t, want, b.tree(two.ID))
	first, err := src.Digest(t.Context(), work.Copy{Paths: []string{"/d"}})
	require.NoError(t, err)
	second, err := src.Digest(t.Context(), work.Copy{Paths: []string{"/d"}})
	require.NoError(t, err)
	assert.Equal(t, first, second)
	_, err = src.Digest(t.Context(), work.Copy{Paths: []string{"/nothing"}})
	var missing *work.MissingError
	require.ErrorAs(t, err, &missing)
	assert.Equal(t, "/nothing", missing.Path)
	nothing, err := b.w.Layer(t.Context(), "")
	require.NoError(t, err)
	_, err = nothing.Digest(t.Context(), work.Copy{Paths: []string{"x"}})
	require.ErrorAs(t, err, &missing)
	_, err = b.w.Layer(t.Context(), "none")
	require.ErrorIs(t, err, api.ErrNotFound)
	_, err = b.w.Begin(t.Context(), "none")
	require.ErrorIs(t, err, api.ErrNotFound)
}

func (b *bench) oneID() bool {
	h, err := host.Find()
	require.NoError(b, err)
	return h.OneID
}

// TestRootOwners: whoever this user's containers have no id for can't own a file.
func TestRootOwners(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.begin(b.base().ID)
	src := b.source(work.ContextOptions{}, "f 644 f")
	err := r.Copy(t.Context(), work.Copy{Source: src, Paths: []string{"f"}, Dest: "/new/", Owner: "bob"})
	_, merr := r.Mkdir(t.Context(), "/work/dir", "bob")
	if b.oneID() {
		require.ErrorIs(t, err, api.ErrUnsupported)
		require.ErrorContains(t, err, "/etc/subuid")
		require.ErrorIs(t, merr, api.ErrUnsupported)
		return
	}
	require.NoError(t, err)
	require.NoError(t, merr)
	got := b.tree(b.commit(r).ID)
	for _, want := range []string{"new/ 755 1000:1000", "new/f 644 1000:1000 f", "work/ 755 1000:1000", "work/dir/ 755 1000:1000"} {
		assert.Contains(t, got, want)
	}
}

func TestRootInline(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	src, err := b.w.Inline("/a[b]*", []byte("text"), 0o644)
	require.NoError(t, err)
	l := b.layer("", func(r *work.Root) {
		require.NoError(t, r.Copy(t.Context(), work.Copy{Source: src, Dest: "/d/"}))
		require.NoError(t, r.Copy(t.Context(), work.Copy{Source: src, Dest: "/e", Mode: "u+x"}))
	})
	assert.Equal(t, []string{"/ 755", "d/ 755", "d/a[b]* 644 text", "e 744 text"}, b.tree(l.ID))
	_, err = b.w.Inline("..", nil, 0o644)
	require.ErrorIs(t, err, api.ErrInvalidArgument)
}

// TestRootCancel: nothing is begun after the end of the context, and nothing is left of what was dropped.
func TestRootCancel(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	r := b.begin("")
	src := b.source(work.ContextOptions{}, "f 644 f")
	require.NoError(t, r.Copy(ctx, work.Copy{Source: src, Paths: []string{"f"}, Dest: "/"}))
	cancel(gone)
	_, err := r.Commit(ctx, work.CommitOptions{})
	require.ErrorIs(t, err, gone)
	_, err = b.w.Begin(ctx, "")
	require.ErrorIs(t, err, gone)
	b.begin("") // left open
	require.NoError(t, b.w.Close())
	b.nothingLeft()
}

// nothingLeft: no mount or file of the closed worker is left.
func (b *bench) nothingLeft() {
	b.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(b, err)
	assert.NotContains(b, string(mounts), b.w.Dir())
	assert.NoDirExists(b, b.w.Dir())
}
