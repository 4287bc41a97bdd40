//go:build linux

package work_test

import (
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/caisson-dev/caisson/agent/internal/builds/work"
	"github.com/caisson-dev/caisson/internal/api"
)

func one(m work.Mount) work.Run { return work.Run{Mounts: []work.Mount{m}} }

// TestMountBind: a bind mount shows what the source shows, and what is written is refused or dropped.
func TestMountBind(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base := b.base()
	lower := b.layer(base.ID, func(r *work.Root) {
		src := b.source(work.ContextOptions{}, "d/f 644 layer")
		require.NoError(t, r.Copy(t.Context(), work.Copy{Source: src, Paths: []string{"."}, Dest: "/"}))
	})
	layer, err := b.w.Layer(t.Context(), lower.ID)
	require.NoError(t, err)
	ctx := b.source(work.ContextOptions{Ignore: []string{"secret", "d/x"}}, "secret 600 s", "d/f 640 context", "d/x 600 x")
	inline, err := b.w.Inline("script", []byte("text"), 0o755)
	require.NoError(t, err)
	for _, c := range []struct {
		name string
		m    work.Mount
		cmd  []string
		want string
	}{
		{"a context", work.Mount{Source: ctx}, []string{"ls", "/m"}, "/m\n/m/d\n"},
		{"a directory of it", work.Mount{Source: ctx, Path: "d"}, []string{"ls", "/m"}, "/m\n/m/f\n"},
		{"a file of it", work.Mount{Source: ctx, Path: "/d/f"}, []string{"cat", "/m"}, "context"},
		{"whose files are root's", work.Mount{Source: ctx, Path: "d"}, []string{"stat", "/m/f"}, "/m/f 100640 0:0 7\n"},
		{"a layer", work.Mount{Source: layer, Path: "d/f"}, []string{"cat", "/m"}, "layer"},
		{"a here-document", work.Mount{Source: inline}, []string{"stat", "/m"}, "/m 100755 0:0 4\n"},
		{"a target in the working directory", work.Mount{Source: ctx, Path: "d", Target: "rel"}, []string{"cat", "/rel/f"}, "context"},
	} {
		for _, write := range []bool{false, true} {
			r := b.begin(base.ID)
			c.m.Type, c.m.Write = work.MountBind, write
			if c.m.Target == "" {
				c.m.Target = "/m"
			}
			assert.Equal(t, c.want, b.mustRun(r, one(c.m), c.cmd...), "%s, rw %v", c.name, write)
			assert.True(t, b.commit(r).Empty, c.name)
		}
	}
	r := b.begin(base.ID)
	ro := one(work.Mount{Type: work.MountBind, Source: ctx, Target: "/m", Path: "d"})
	_, err = b.run(r, ro, "write", "/m/new", "x")
	require.Error(t, err)
	_, err = b.run(r, ro, "write", "/m/f", "x")
	require.Error(t, err)
	for _, src := range []*work.Source{ctx, layer} {
		rw := one(work.Mount{Type: work.MountBind, Source: src, Target: "/m", Path: "d", Write: true})
		b.mustRun(r, rw, "write", "/m/f", "changed")
		assert.NotContains(t, b.mustRun(r, rw, "cat", "/m/f"), "changed")
	}
	_, err = b.run(r, one(work.Mount{Type: work.MountBind, Source: ctx, Target: "/m", Path: "secret"}), "true")
	var missing *work.MissingError
	require.ErrorAs(t, err, &missing)
	assert.Equal(t, "secret", missing.Path)
}

// TestMountCache: a cache keeps what steps leave, each by its id and how it begins.
func TestMountCache(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := t.Name() + filepath.Base(b.w.Dir())
	r := b.begin(b.base().ID)
	cache := work.Mount{Type: work.MountCache, Target: "/root/.cache/x", ID: id}
	b.mustRun(r, one(cache), "write", "/root/.cache/x/f", "kept")
	assert.Equal(t, "kept", b.mustRun(r, one(cache), "cat", "/root/.cache/x/f"))
	assert.Contains(t, b.mustRun(r, one(cache), "stat", "/root/.cache/x"), " 40755 0:0 ")
	cache.ReadOnly = true
	_, err := b.run(r, one(cache), "write", "/root/.cache/x/f", "changed")
	require.Error(t, err)
	cache.ReadOnly = false
	other := cache
	other.ID = id + "other"
	_, err = b.run(r, one(other), "cat", "/root/.cache/x/f")
	require.Error(t, err)
	mode := uint32(0o1777)
	other.Mode = &mode
	assert.Contains(t, b.mustRun(r, one(other), "stat", "/root/.cache/x"), " 41777 0:0 ")
	if !b.oneID() {
		uid := 1000
		other.UID, other.GID = &uid, &uid
		assert.Contains(t, b.mustRun(r, one(other), "stat", "/root/.cache/x"), " 1000:1000 ")
	}
	from := cache
	from.ID, from.Source, from.Path = id+"from", b.source(work.ContextOptions{}, "d/f 644 begin"), "d"
	assert.Equal(t, "begin", b.mustRun(r, one(from), "cat", "/root/.cache/x/f"))
	assert.True(t, b.commit(r).Empty)

	cache.Sharing = "sometimes"
	_, err = b.run(b.begin(""), one(cache), "true")
	require.ErrorIs(t, err, api.ErrInvalidArgument)
}

// TestMountCacheSharing: a locked cache waits for who has it, or for the end of the context, a private one is another
// meanwhile, and a shared one is the same.
func TestMountCacheSharing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base := b.base()
	id := t.Name() + filepath.Base(b.w.Dir())
	cache := func(sharing string) work.Run {
		return one(work.Mount{Type: work.MountCache, Target: "/c", ID: id, Sharing: sharing})
	}
	for _, c := range []struct {
		first, second string
		waits         bool
		same          string
	}{{"locked", "locked", true, ""}, {"private", "private", false, "no"}, {"shared", "shared", false, "yes"}, {"shared", "locked", true, ""}} {
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		running, ended := make(chan struct{}), make(chan error, 1)
		step := cache(c.first)
		step.Args, step.Network = []string{"/bin/testbox", "trap", "none"}, "none"
		step.Output = &waiter{want: []byte("ready"), found: func() { close(running) }}
		go func() { ended <- b.begin(base.ID).Run(ctx, step) }()
		<-running
		name := "/c/" + c.first + c.second
		if c.waits {
			short, stop := context.WithCancelCause(t.Context())
			begun := b.begin(base.ID)
			late := errors.New("late")
			stop(late)
			require.ErrorIs(t, begun.Run(short, cache(c.second)), late)
		} else {
			b.mustRun(b.begin(base.ID), cache(c.second), "write", name, "x")
		}
		cancel(gone)
		require.ErrorIs(t, <-ended, gone)
		_, err := b.run(b.begin(base.ID), cache(c.second), "cat", name)
		if c.same == "yes" {
			require.NoError(t, err)
		} else {
			require.Error(t, err)
		}
	}
}

// TestMountSecret: a secret is a file in memory, a variable, or both.
func TestMountSecret(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.begin(b.base().ID)
	secret := work.Mount{Type: work.MountSecret, Target: "/run/secrets/s", ID: "s", Secret: []byte("hidden")}
	assert.Equal(t, "hidden", b.mustRun(r, one(secret), "cat", "/run/secrets/s"))
	assert.Equal(t, "/run/secrets/s 100400 0:0 6\n", b.mustRun(r, one(secret), "stat", "/run/secrets/s"))
	mode := uint32(0o444)
	secret.Mode, secret.Env = &mode, "TOKEN"
	assert.Contains(t, b.mustRun(r, one(secret), "stat", "/run/secrets/s"), " 100444 ")
	assert.Contains(t, b.mustRun(r, one(secret), "env"), "TOKEN=hidden\n")
	secret.Target = ""
	assert.Contains(t, b.mustRun(r, one(secret), "env"), "TOKEN=hidden\n")
	assert.NotContains(t, b.mustRun(r, one(secret), "mounts"), "secrets")
	secret.Secret = []byte("a\x00b")
	_, err := b.run(r, one(secret), "true")
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	assert.True(t, b.commit(r).Empty)
}

func TestMountTmpfs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.begin(b.base().ID)
	m := work.Mount{Type: work.MountTmpfs, Target: "/t", Size: 1 << 20}
	assert.Contains(t, b.mustRun(r, one(m), "mounts"), "/t")
	assert.Contains(t, b.mustRun(r, one(m), "stat", "/t"), " 41777 0:0 ")
	info := b.mustRun(r, one(m), "cat", "/proc/self/mountinfo")
	assert.Contains(t, info, "size=1024k")
	m.Target = "/etc"
	b.mustRun(r, one(m), "write", "/etc/x", "x")
	assert.True(t, b.commit(r).Empty)
	m.Type = "other"
	_, err := b.run(b.begin(""), one(m), "true")
	require.ErrorIs(t, err, api.ErrInvalidArgument)
}

// TestMountSSH: a step can use the keys of an agent, or of a file, and not change them.
func TestMountSSH(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(key, "")
	require.NoError(t, err)
	dir := b.TempDir()
	file := filepath.Join(dir, "key")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	ring := agent.NewKeyring()
	require.NoError(t, ring.Add(agent.AddedKey{PrivateKey: key}))
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, c) }()
		}
	}()
	base := b.base()
	for _, from := range []string{file, socket} {
		r := b.begin(base.ID)
		m := work.Mount{Type: work.MountSSH, Target: "/run/ssh/agent", ID: "default", SSH: from}
		assert.Contains(t, b.mustRun(r, one(m), "stat", "/run/ssh/agent"), " 140600 0:0 ")
		assert.True(t, b.commit(r).Empty)
	}
	for _, bad := range []string{filepath.Join(dir, "none"), dir} {
		_, err = b.run(b.begin(base.ID), one(work.Mount{Type: work.MountSSH, Target: "/a", ID: "default", SSH: bad}), "true")
		require.ErrorIs(t, err, api.ErrInvalidArgument)
	}
}

// TestMountOrder: a mount below another is not hidden by it, whatever order they have.
func TestMountOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.begin(b.base().ID)
	src := b.source(work.ContextOptions{}, "f 644 x")
	step := work.Run{Mounts: []work.Mount{
		{Type: work.MountBind, Target: "/a/b/f", Source: src, Path: "f"}, {Type: work.MountTmpfs, Target: "/a"},
	}}
	assert.Equal(t, "x", b.mustRun(r, step, "cat", "/a/b/f"))
	assert.True(t, b.commit(r).Empty)
}

func TestRootHTTP(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("fetched")) }))
	t.Cleanup(srv.Close)
	src, err := b.w.HTTP(t.Context(), work.HTTP{URL: srv.URL + "/a/f[1].txt"})
	require.NoError(t, err)
	l := b.layer("", func(r *work.Root) {
		require.NoError(t, r.Copy(t.Context(), work.Copy{Source: src, Dest: "/d/"}))
		require.NoError(t, r.Copy(t.Context(), work.Copy{Source: src, Dest: "/e", Mode: "755"}))
	})
	assert.Equal(t, []string{"/ 755", "d/ 755", "d/f[1].txt 600 fetched", "e 755 fetched"}, b.tree(l.ID))
	d, err := src.Digest(t.Context(), work.Copy{})
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(d.String(), "sha256:"))
	_, err = b.w.HTTP(t.Context(), work.HTTP{URL: srv.URL, Checksum: digest.Digest("sha256:" + strings.Repeat("0", 64))})
	require.ErrorIs(t, err, api.ErrInvalidArgument)
}
