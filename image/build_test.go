package image_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

const base = `FROM scratch
COPY sh /bin/sh
`

func TestBuild(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := context.Background()
	img, err := build(t, s, base+`
ENV A=1
RUN echo hello > /hello && id && pids && env
RUN cat /hello
CMD ["/bin/sh", "-c", "cat /hello"]
`, image.BuildOptions{Tags: []string{"app:1", "app:2"}}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"docker.io/library/app:1", "docker.io/library/app:2"}, img.Names)
	imgs, err := s.List(ctx, image.ListOptions{})
	require.NoError(t, err)
	require.Len(t, imgs, 1)
	var out bytes.Buffer
	_, err = build(t, s, base+"RUN exit 7", image.BuildOptions{Output: &out}, nil)
	var be *image.BuildError
	require.ErrorAs(t, err, &be, out.String())
	require.Equal(t, 7, be.ExitCode)
	t.Logf("%+v", be)
	img, err = build(t, s, base+"RUN echo x > /x", image.BuildOptions{}, nil)
	require.NoError(t, err)
	t.Logf("%+v", img)
	imgs, err = s.List(ctx, image.ListOptions{})
	require.NoError(t, err)
	require.Len(t, imgs, 2)
	imgs, err = s.List(ctx, image.ListOptions{All: true})
	require.NoError(t, err)
	for _, i := range imgs {
		t.Log(i.ID, i.Names, i.Size)
	}
}
