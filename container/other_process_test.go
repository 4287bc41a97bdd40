//go:build linux

package container_test

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestFromAnotherProcess: every operation works on a container that another process made, and has.
func TestFromAnotherProcess(t *testing.T) {
	testenv.Slow(t)
	root, before := killStore(t)
	maker := startChild(t, root, "other")
	ends := sync.OnceFunc(func() {
		_ = maker.Process.Kill() // it may have ended
		_ = maker.Wait()         // killed
	})
	t.Cleanup(ends)
	e := openEngine(t, root)
	ctx := t.Context()
	var c *container.Container
	require.Eventually(t, func() bool {
		var err error
		if c, err = e.Get(ctx, "other"); err != nil {
			return false
		}
		info, err := c.Inspect(ctx)
		return err == nil && info.State.Status == container.StatusRunning
	}, time.Minute, 5*time.Millisecond)
	begin := time.Now()
	rootless := os.Getuid() != 0
	for _, step := range []struct {
		name string
		do   func(*testing.T) error
	}{
		{"List", func(t *testing.T) error {
			list, err := e.List(ctx, container.ListOptions{})
			assert.Len(t, list, 3)
			return err
		}},
		{"Attach", func(t *testing.T) error {
			w := &watcher{text: "HELLO"}
			actx, done := context.WithCancel(ctx)
			defer done()
			w.found = done
			in, typed := io.Pipe() // without an end, which would be the process's
			att, err := c.Attach(actx, container.AttachOptions{Stdin: in, Stdout: w})
			if err != nil {
				return err
			}
			if _, err := io.WriteString(typed, "hello\n"); err != nil {
				return err
			}
			_, err = att.Wait()
			assert.ErrorIs(t, err, context.Canceled)
			return nil
		}},
		{"Logs", func(t *testing.T) error { waitForLog(t, c, "HELLO"); return nil }},
		{"Command", func(t *testing.T) error {
			out, err := c.Command("/bin/testbox", "echo", "hello").Output(ctx)
			assert.Equal(t, "hello\n", string(out))
			return err
		}},
		{"Top", func(t *testing.T) error {
			list, err := c.Top(ctx)
			assert.NotEmpty(t, list)
			return err
		}},
		{"Stats", func(t *testing.T) error {
			st, err := c.Stats(ctx)
			assert.Positive(t, st.PIDs)
			return err
		}},
		{"Pause", func(*testing.T) error {
			err := c.Pause(ctx)
			if err == nil {
				err = c.Resume(ctx)
			}
			return unlessRootless(rootless, err)
		}},
		{"Update", func(*testing.T) error {
			return unlessRootless(rootless, c.Update(ctx, container.UpdateOptions{Resources: container.Resources{PIDs: 100}}))
		}},
		{"CopyFS", func(*testing.T) error {
			return c.CopyFS(ctx, "/tmp/in", fstest.MapFS{"f": {Data: []byte("copied")}}, container.CopyOptions{})
		}},
		{"ReadFile", func(t *testing.T) error {
			b, err := c.ReadFile(ctx, "/tmp/in/f")
			assert.Equal(t, "copied", string(b))
			return err
		}},
		{"Diff", func(t *testing.T) error {
			changes, err := c.Diff(ctx)
			assert.Contains(t, changes, container.Change{Kind: container.ChangeAdded, Path: "/tmp/in/f"})
			return err
		}},
		{"Export", func(*testing.T) error {
			r, err := c.Export(ctx)
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, r)
			return errors.Join(err, r.Close())
		}},
		{"Commit", func(t *testing.T) error {
			img, err := c.Commit(ctx, container.CommitOptions{Tags: []string{"localhost/other:1"}})
			if err == nil {
				assert.Equal(t, []string{"localhost/other:1"}, img.Names)
			}
			return err
		}},
		{"Dial and Listen", func(*testing.T) error {
			l, err := c.Listen(ctx, "tcp", "127.0.0.1:8000")
			if err != nil {
				return err
			}
			conn, err := c.Dial(ctx, "tcp", ":8000")
			if err == nil {
				err = conn.Close()
			}
			return errors.Join(err, l.Close())
		}},
		{"Connect and Disconnect", func(*testing.T) error {
			if _, err := e.CreateNetwork(ctx, container.NetworkOptions{Name: "other-net"}); err != nil {
				return err
			}
			return errors.Join(c.Connect(ctx, container.Endpoint{Network: "other-net"}), c.Disconnect(ctx, "other-net"), e.RemoveNetwork(ctx, "other-net"))
		}},
		{"Rename", func(*testing.T) error { return c.Rename(ctx, "renamed") }},
		{"Restart", func(*testing.T) error { return c.Restart(ctx, container.StopOptions{Timeout: time.Millisecond}) }},
		{"Kill and Wait", func(t *testing.T) error {
			if err := c.Kill(ctx, "KILL"); err != nil {
				return err
			}
			st, err := c.Wait(ctx)
			assert.Equal(t, 137, st.ExitCode)
			return err
		}},
		{"Start", func(*testing.T) error { return c.Start(ctx) }},
		{"Stop", func(*testing.T) error { return c.Stop(ctx, container.StopOptions{Timeout: time.Millisecond}) }},
		{"Remove and WaitRemoved", func(t *testing.T) error {
			gone := make(chan error, 1)
			go func() { gone <- c.WaitRemoved(ctx) }()
			require.ErrorIs(t, shortly(c.WaitRemoved), context.DeadlineExceeded)
			return errors.Join(c.Remove(ctx, container.RemoveOptions{}), <-gone, c.WaitRemoved(ctx))
		}},
		{"Events", func(t *testing.T) error {
			assert.Subset(t, actions(eventsOf(t, e, begin, c.ID())), []container.EventAction{
				container.EventRename, container.EventRestart, container.EventDie, container.EventStart, container.EventStop, container.EventDestroy,
			})
			return nil
		}},
	} {
		require.True(t, t.Run(step.name, func(t *testing.T) { require.NoError(t, step.do(t)) }))
	}
	ends()
	_, err := e.Store().Remove(t.Context(), "localhost/other:1", image.RemoveOptions{})
	require.NoError(t, err)
	require.NoError(t, e.Store().Close())
	settles(t, root, before)
}

// unlessRootless: what needs a cgroup is refused to an ordinary user, in so many words.
func unlessRootless(rootless bool, err error) error {
	if rootless && errors.Is(err, container.ErrUnsupported) {
		return nil
	}
	return err
}

// shortly calls f with a context that ends soon.
func shortly(f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	return f(ctx)
}
