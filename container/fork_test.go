//go:build linux

package container_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// forkOf forks a container, which is removed with the test. Where a user can't freeze it, it is stopped, after the user was
// told so.
func forkOf(t testing.TB, c *container.Container, opts container.ForkOptions) *container.Container {
	t.Helper()
	f, err := c.Fork(t.Context(), opts)
	if os.Geteuid() != 0 && errors.Is(err, container.ErrUnsupported) {
		require.ErrorContains(t, err, "stop it first")
		require.NoError(t, c.Stop(t.Context(), container.StopOptions{}))
		f, err = c.Fork(t.Context(), opts)
	}
	require.NoError(t, err)
	t.Cleanup(func() {
		err := f.Remove(context.Background(), container.RemoveOptions{Force: true})
		if err != nil && !errors.Is(err, container.ErrAgentGone) { // the test has closed the store
			require.ErrorIs(t, err, container.ErrNotFound)
		}
	})
	return f
}

func sh(t testing.TB, c *container.Container, args ...string) string {
	t.Helper()
	out, err := c.Command("/bin/testbox", args...).Output(t.Context())
	require.NoError(t, err)
	return string(out)
}

func TestFork(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	dropVolume(t, e, "fork-named")
	dropVolume(t, e, "fork-read")
	c := start(t, e, container.Options{
		Cmd: []string{"trap", "terminated"}, Env: []string{"OF=original"}, Labels: map[string]string{"a": "1", "b": "1"},
		Ports: []container.Port{{Container: 80}},
		Mounts: []container.Mount{
			{Type: container.MountVolume, Target: "/anonymous"},
			{Type: container.MountVolume, Source: "fork-named", Target: "/named"},
			{Type: container.MountVolume, Source: "fork-read", Target: "/read", ReadOnly: true},
			{Type: container.MountTmpfs, Target: "/memory"},
		},
	})
	waitForLog(t, c, "ready")
	for _, name := range []string{"/work/layer", "/anonymous/a", "/named/n", "/memory/m"} {
		require.NoError(t, c.WriteFile(ctx, name, []byte("of the original"), 0o640, container.CopyOptions{}))
	}
	sh(t, c, "rm", "/data/note", "/bin/cat")
	sh(t, c, "rm", "/data")
	sh(t, c, "mkdir", "/data/fresh")
	sh(t, c, "ln", "/work/layer", "/work/link")

	f := forkOf(t, c, container.ForkOptions{Labels: map[string]string{"b": "2"}})
	info, err := f.Inspect(ctx)
	require.NoError(t, err)
	of, err := c.Inspect(ctx)
	require.NoError(t, err)
	assert.Equal(t, container.StatusCreated, info.State.Status)
	assert.Equal(t, of.ImageID, info.ImageID)
	assert.Equal(t, of.Image, info.Image)
	assert.Equal(t, of.Command, info.Command)
	assert.Equal(t, map[string]string{"a": "1", "b": "2"}, info.Options.Labels)
	assert.NotEqual(t, of.Name, info.Name)
	for i, m := range info.Mounts {
		assert.Equal(t, of.Mounts[i].Target, m.Target)
		assert.Equal(t, m.Target == "/read" || m.Target == "/memory", of.Mounts[i].Source == m.Source, m.Target)
	}

	require.NoError(t, f.Start(ctx))
	assert.Equal(t, "of the originalof the originalof the original", sh(t, f, "cat", "/work/link", "/anonymous/a", "/named/n"))
	assert.Equal(t, "/data\n/data/fresh\n", sh(t, f, "ls", "/data"), "a directory that was made anew has nothing of the image's")
	assert.NotContains(t, sh(t, f, "ls", "/bin"), "/bin/cat")
	assert.Equal(t, "/memory\n", sh(t, f, "ls", "/memory"))
	assert.Contains(t, sh(t, f, "stat", "/named/n"), "100640 0:0 15")
	assert.Contains(t, sh(t, f, "env"), "OF=original")

	// Neither has what the other writes from now on.
	sh(t, f, "write", "/named/n", "of the fork")
	sh(t, f, "write", "/work/layer", "of the fork")
	if of.State.Status != container.StatusRunning {
		require.NoError(t, c.Start(ctx))
	}
	assert.Equal(t, "of the originalof the original", sh(t, c, "cat", "/work/layer", "/named/n"))
	sh(t, c, "write", "/anonymous/a", "later")
	assert.Equal(t, "of the original", sh(t, f, "cat", "/anonymous/a"))

	volumes := []string{info.Mounts[0].Source, info.Mounts[1].Source}
	require.NoError(t, f.Remove(ctx, container.RemoveOptions{Force: true}))
	for _, m := range info.Mounts {
		if m.Type == container.MountVolume && !m.ReadOnly {
			_, err := e.Volume(ctx, m.Source)
			require.ErrorIs(t, err, container.ErrNotFound, volumes)
		}
	}
	_, err = e.Volume(ctx, "fork-named")
	require.NoError(t, err)
}

// TestForkStatus: a container need not run to be forked, nor have run, and one that is paused stays so; a fork can be forked.
func TestForkStatus(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	c := create(t, e, container.Options{Cmd: []string{"cat", "/work/x"}})
	require.NoError(t, c.WriteFile(ctx, "/work/x", []byte("made before"), 0o644, container.CopyOptions{}))
	f := c
	for range 3 {
		f = forkOf(t, f, container.ForkOptions{})
	}
	require.NoError(t, f.Start(ctx))
	st, err := f.Wait(ctx)
	require.NoError(t, err)
	require.Zero(t, st.ExitCode)
	require.NoError(t, forkOf(t, f, container.ForkOptions{}).Start(ctx), "of one that has ended")

	c = start(t, e, container.Options{Cmd: []string{"trap", "terminated"}})
	waitForLog(t, c, "ready")
	pause(t, c)
	f = forkOf(t, c, container.ForkOptions{})
	info, err := c.Inspect(ctx)
	require.NoError(t, err)
	assert.Equal(t, container.StatusPaused, info.State.Status)
	require.NoError(t, f.Start(ctx))
	waitForLog(t, f, "ready")
}

// TestForkConsistent: no fork of a container that writes has a write without those before it, in whichever directory.
func TestForkConsistent(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	c := start(t, e, container.Options{
		Cmd:    []string{"tally", "/work/first", "/vol/second"},
		Mounts: []container.Mount{{Type: container.MountVolume, Target: "/vol"}},
	})
	waitForLog(t, c, "ready")
	for range 8 {
		f := forkOf(t, c, container.ForkOptions{})
		var n [2]int
		for i, name := range []string{"/work/first", "/vol/second"} {
			b, err := f.ReadFile(ctx, name)
			require.NoError(t, err)
			n[i], err = strconv.Atoi(string(b))
			require.NoError(t, err)
		}
		assert.Contains(t, []int{0, 1}, n[0]-n[1])
		goesOn(t, c, "/work/first")
		require.NoError(t, f.Remove(ctx, container.RemoveOptions{}))
	}
}

func TestForkManyAtOnce(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := create(t, e, container.Options{Cmd: []string{"cat", "/vol/x"}, Mounts: []container.Mount{{Type: container.MountVolume, Target: "/vol"}}})
	require.NoError(t, c.WriteFile(t.Context(), "/vol/x", []byte("x"), 0o644, container.CopyOptions{}))
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			f, err := c.Fork(t.Context(), container.ForkOptions{})
			if err == nil {
				err = errors.Join(f.Start(t.Context()), f.Remove(t.Context(), container.RemoveOptions{Force: true}))
			}
			errs[i] = err
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
}

func TestForkNetwork(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	_, err := e.CreateNetwork(ctx, container.NetworkOptions{Name: "forknet", IPv4: netip.MustParsePrefix("10.213.77.0/24")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.RemoveNetwork(context.Background(), "forknet")) })
	address := netip.MustParseAddr("10.213.77.9")
	c := start(t, e, container.Options{
		Cmd: []string{"trap", "terminated"}, Ports: []container.Port{{Container: 80, Host: 21000, HostLast: 21999}},
		Networking: container.NetworkingConfig{Endpoints: []container.Endpoint{{Network: "forknet", Aliases: []string{"db"}, IPv4: address, MAC: "02:42:0a:d5:4d:09"}}},
	})
	waitForLog(t, c, "ready")
	f := forkOf(t, c, container.ForkOptions{})
	require.NoError(t, f.Start(ctx), "beside the original")
	info, err := f.Inspect(ctx)
	require.NoError(t, err)
	require.Len(t, info.Networks, 1)
	assert.NotEqual(t, address, info.Networks[0].IPv4.Addr())
	assert.Contains(t, info.Networks[0].Aliases, "db")
	require.Len(t, info.Ports, 1)
	assert.Zero(t, info.Options.Ports[0].Host)
}

func TestForkErrors(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	c := create(t, e, container.Options{Mounts: []container.Mount{{Type: container.MountVolume, Target: "/vol"}}})
	_, err := c.Fork(ctx, container.ForkOptions{Name: "-"})
	require.ErrorIs(t, err, container.ErrInvalidArgument)
	_, err = c.Fork(ctx, container.ForkOptions{Name: c.Name()})
	require.ErrorIs(t, err, container.ErrNameInUse)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = c.Fork(ended, container.ForkOptions{Name: "forked-late"})
	require.ErrorIs(t, err, context.Canceled)
	_, err = e.Get(ctx, "forked-late")
	require.ErrorIs(t, err, container.ErrNotFound)

	modified := create(t, e, container.Options{ModifySpec: func(*specs.Spec) error { return nil }})
	_, err = modified.Fork(ctx, container.ForkOptions{})
	require.ErrorIs(t, err, container.ErrUnsupported)
	require.ErrorContains(t, err, "ModifySpec")
	require.NoError(t, c.Remove(ctx, container.RemoveOptions{}))
	_, err = c.Fork(ctx, container.ForkOptions{})
	require.ErrorIs(t, err, container.ErrNotFound)
}

// TestForkOfAnothers: a container of another process, or a detached one, is forked by this process, and goes with it.
func TestForkOfAnothers(t *testing.T) {
	root, before := killStore(t)
	cmd := startChild(t, root, "detach")
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // killed
	})
	e := openEngine(t, root)
	ctx := t.Context()
	var detached *container.Container
	require.Eventually(t, func() (ok bool) {
		var err error
		if detached, err = e.Get(ctx, "detached"); err != nil {
			return false
		}
		info, err := detached.Inspect(ctx)
		return err == nil && info.State.Status == container.StatusRunning
	}, time.Minute, time.Millisecond)
	never, err := e.Get(ctx, "never-started")
	require.NoError(t, err)
	waitForLog(t, detached, "ready")
	for _, c := range []*container.Container{detached, never} {
		require.NoError(t, c.WriteFile(ctx, "/work/x", []byte("of another"), 0o644, container.CopyOptions{}))
		f := forkOf(t, c, container.ForkOptions{})
		b, err := f.ReadFile(ctx, "/work/x")
		require.NoError(t, err)
		assert.Equal(t, "of another", string(b))
	}
	kept := forkOf(t, never, container.ForkOptions{Detach: true, Name: "kept"})
	require.NoError(t, e.Store().Close())
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // killed
	e = openEngine(t, root)
	require.Eventually(t, func() bool {
		list, err := e.List(ctx, container.ListOptions{All: true})
		return err == nil && len(list) == 2
	}, time.Minute, 5*time.Millisecond, "the detached one and the detached fork are left")
	for _, name := range []string{"detached", kept.Name()} {
		c, err := e.Get(ctx, name)
		require.NoError(t, err)
		require.NoError(t, c.Remove(ctx, container.RemoveOptions{Force: true}))
	}
	require.NoError(t, e.Store().Close())
	settles(t, root, before)
}

// TestKillForker: whoever is killed while a fork is made leaves nothing of it, and the original goes on.
func TestKillForker(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	for name, agent := range map[string]bool{"owner": false, "agent": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, _ := killStore(t)
			ctx := t.Context()
			// open is how another process sees it, which removes what dead ones have left.
			open := func(do func(*container.Engine)) {
				store, err := image.OpenStore(image.StoreOptions{Root: root})
				require.NoError(t, err)
				defer func() { require.NoError(t, store.Close()) }()
				e, err := container.NewEngine(store, container.EngineOptions{})
				require.NoError(t, err)
				do(e)
			}
			open(func(e *container.Engine) {
				c, err := e.Start(ctx, container.Options{
					Image: testImage, Name: "original", Cmd: []string{"tally", "/work/n", "/vol/n"}, Detach: true,
					Mounts: []container.Mount{{Type: container.MountVolume, Target: "/vol"}},
				})
				require.NoError(t, err)
				waitForLog(t, c, "ready")
				many := make([]byte, 4<<20)
				for i := range 4 {
					require.NoError(t, c.WriteFile(ctx, fmt.Sprintf("/vol/f%d", i), many, 0o644, container.CopyOptions{}))
				}
				require.NoError(t, forkOf(t, c, container.ForkOptions{}).Remove(ctx, container.RemoveOptions{}))
			})
			base := look(t, root)
			for range 2 {
				before := agentsOf(t, root)
				cmd := startChild(t, root, "fork")
				require.Eventually(t, func() bool { return forking(root) }, time.Minute, 100*time.Microsecond)
				if agent {
					for _, pid := range agentsOf(t, root) {
						if !slices.Contains(before, pid) {
							_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
						}
					}
				}
				_ = cmd.Process.Kill() // it may have ended with its agent
				_ = cmd.Wait()         // killed
				require.Eventually(t, func() bool { return len(agentsOf(t, root)) == len(before) }, time.Minute, 5*time.Millisecond)
				open(func(e *container.Engine) {
					require.Eventually(t, func() bool {
						now := look(t, root)
						return now.Containers == base.Containers && now.Layers == base.Layers && now.Volumes == base.Volumes && now.Names == base.Names
					}, time.Minute, 5*time.Millisecond)
					c, err := e.Get(ctx, "original")
					require.NoError(t, err)
					goesOn(t, c, "/work/n")
				})
			}
			open(func(e *container.Engine) {
				c, err := e.Get(ctx, "original")
				require.NoError(t, err)
				require.NoError(t, c.Remove(ctx, container.RemoveOptions{Force: true}))
			})
		})
	}
}

// goesOn waits for another number in a file of a container that runs.
func goesOn(t *testing.T, c *container.Container, name string) {
	t.Helper()
	info, err := c.Inspect(t.Context())
	require.NoError(t, err)
	if info.State.Status != container.StatusRunning {
		return
	}
	before, err := c.ReadFile(t.Context(), name)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		now, err := c.ReadFile(t.Context(), name)
		return err == nil && string(now) > string(before)
	}, time.Minute, time.Millisecond, "it is not frozen")
}

// forking says whether a container is being made whose volume has files already.
func forking(root string) bool {
	dirs, _ := filepath.Glob(filepath.Join(root, "containers", "*")) // the pattern is sound
	for _, d := range dirs {
		if _, err := os.Lstat(filepath.Join(d, "state.json")); err == nil {
			continue
		}
		b, err := os.ReadFile(filepath.Join(d, "config.json"))
		if err != nil {
			continue
		}
		files, _ := filepath.Glob(filepath.Join(root, "volumes", "*", "_data", "f*")) // the pattern is sound
		for _, f := range files {
			if strings.Contains(string(b), filepath.Base(filepath.Dir(filepath.Dir(f)))) {
				return true
			}
		}
	}
	return false
}
