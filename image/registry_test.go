package image_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry/server"
)

func serve(t testing.TB, o server.Options, at server.ServeOptions) *server.Serving {
	t.Helper()
	r, err := server.Serve(o, at)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// phases counts the ends of phases and checks that what has a total reaches it.
type phases map[image.Phase]int

func (p phases) see(t testing.TB) func(image.Progress) {
	return func(ev image.Progress) {
		if ev.Total > 0 && ev.Current > ev.Total {
			t.Errorf("progress beyond its total: %+v", ev)
		}
		if ev.Done {
			p[ev.Phase]++
			if ev.Current != ev.Total {
				t.Errorf("done before its total: %+v", ev)
			}
		}
	}
}

func TestPushAndPull(t *testing.T) {
	t.Parallel()
	reg := serve(t, server.Options{}, server.ServeOptions{})
	ctx := context.Background()
	s := open(t)
	built, err := build(t, s, base+"RUN fill /data 3000000\nLABEL a=b\nHEALTHCHECK CMD /bin/sh true\n", image.BuildOptions{Tags: []string{"app:1"}}, nil)
	require.NoError(t, err)
	up := phases{}
	digest, err := s.Push(ctx, "app:1", image.PushOptions{Destination: reg.Addr + "/app:1", Progress: up.see(t)})
	require.NoError(t, err)
	require.Positive(t, up[image.PhaseUpload])

	other := open(t)
	for _, ref := range []string{reg.Addr + "/app:1", reg.Addr + "/app@" + digest, reg.Addr + "/app:1@" + digest} {
		down := phases{}
		img, err := other.Pull(ctx, ref, image.PullOptions{Progress: down.see(t)})
		require.NoError(t, err)
		require.Equal(t, built.ID, img.ID)
		require.Equal(t, built.Config, img.Config)
		require.Contains(t, img.Digests, reg.Addr+"/app@"+digest)
		got, err := other.Get(ctx, ref)
		require.NoError(t, err)
		require.Equal(t, img, got)
	}
	_, err = other.Pull(ctx, reg.Addr+"/app:1", image.PullOptions{Policy: image.PullNever})
	require.NoError(t, err)
	_, err = other.Pull(ctx, reg.Addr+"/app:2", image.PullOptions{Policy: image.PullNever})
	require.ErrorIs(t, err, image.ErrNotFound)
	require.ErrorContains(t, err, "pull policy is never")
}
