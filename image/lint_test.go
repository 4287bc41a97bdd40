//go:build linux

package image_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

// TestLint: the warnings of a Dockerfile come in the order of their lines, and nothing is built.
func TestLint(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, err := build(t, s, base+"ENV SET=1\n", image.BuildOptions{Tags: []string{"lint-base"}}, nil)
	require.NoError(t, err)
	before, err := s.List(t.Context(), image.ListOptions{All: true})
	require.NoError(t, err)
	text := `FROM lint-base AS Build
RUN echo $SET $UNSET
WORKDIR $SET/$UNSET
CMD \
  a b
from scratch
COPY --from=Build /bin/sh /sh
`
	res, err := s.Lint(t.Context(), image.BuildOptions{DockerfileText: "# check=error=true\n" + text, Pull: image.PullNever})
	require.NoError(t, err)
	require.Equal(t, "Dockerfile", res.File)
	require.Equal(t, "# check=error=true\n"+text, res.Text)
	var got []string
	for _, w := range res.Warnings {
		require.NotEmpty(t, w.Description)
		require.Contains(t, w.URL, "https://")
		got = append(got, fmt.Sprint(w.Line, "-", w.LastLine, " ", w.Name))
	}
	require.Equal(t, []string{"2-2 StageNameCasing", "4-4 UndefinedVar", "4-4 WorkdirRelativePath", "5-6 JSONArgsRecommended", "7-7 ConsistentInstructionCasing"}, got)

	res, err = s.Lint(t.Context(), image.BuildOptions{DockerfileText: "# check=skip=all\n" + text, Pull: image.PullNever})
	require.NoError(t, err)
	require.Empty(t, res.Warnings)
	_, err = s.Lint(t.Context(), image.BuildOptions{DockerfileText: "FROM scratch\nRUNE x"})
	require.ErrorIs(t, err, image.ErrDockerfile)
	_, err = s.Lint(t.Context(), image.BuildOptions{DockerfileText: "FROM not-there", Pull: image.PullNever})
	require.ErrorIs(t, err, image.ErrNotFound)
	_, err = s.Lint(t.Context(), image.BuildOptions{})
	require.ErrorIs(t, err, image.ErrInvalidArgument)
	after, err := s.List(t.Context(), image.ListOptions{All: true})
	require.NoError(t, err)
	require.Equal(t, before, after)
	requireNoTempAtAll(t, s)
}
