//go:build linux

package image_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

// misses builds and returns the steps that were run, as "STEP: WHY".
func misses(t *testing.T, s *image.Store, text string, opts image.BuildOptions, files ...string) (*image.Image, []string) {
	t.Helper()
	var ran []string
	opts.Progress = func(e image.BuildEvent) {
		if e.Kind == image.BuildDone && e.Miss != "" {
			ran = append(ran, fmt.Sprintf("%s%d: %s", e.StageName, e.Step, e.Miss))
		}
	}
	context := map[string]string{}
	for i := 0; i+1 < len(files); i += 2 {
		context[files[i]] = files[i+1]
	}
	img, err := build(t, s, text, opts, context)
	require.NoError(t, err)
	return img, ran
}

// TestBuildMiss: a step that is run says why its result could not be taken from an earlier build.
func TestBuildMiss(t *testing.T) {
	t.Parallel()
	s := open(t)
	text := base + "COPY f /f\nRUN cat /f > /g\nENV A=1\nRUN echo $A > /a\n"
	_, ran := misses(t, s, text, image.BuildOptions{}, "f", "1")
	require.Equal(t, []string{"2: new", "3: before", "4: before", "6: before"}, ran)
	_, ran = misses(t, s, text, image.BuildOptions{}, "f", "1")
	require.Empty(t, ran)
	_, ran = misses(t, s, text, image.BuildOptions{}, "f", "2")
	require.Equal(t, []string{"3: files", "4: before", "6: before"}, ran)
	_, ran = misses(t, s, text+"RUN --mount=target=/m cat /m/f > /m2", image.BuildOptions{}, "f", "2")
	require.Equal(t, []string{"7: new"}, ran)
	_, ran = misses(t, s, text+"RUN --mount=target=/m cat /m/f > /m2", image.BuildOptions{}, "f", "2", "other", "x")
	require.Equal(t, []string{"7: files"}, ran)
	_, ran = misses(t, s, text, image.BuildOptions{Cache: image.CacheOptions{Disable: true}}, "f", "2")
	require.Equal(t, []string{"2: disabled", "3: disabled", "4: disabled", "6: disabled"}, ran)
}

// TestDisableStages: the stages that are named are built anew, and those that are made of them follow what they come to.
func TestDisableStages(t *testing.T) {
	t.Parallel()
	s := open(t)
	text := `FROM scratch AS tools
COPY sh /bin/sh
FROM tools AS Random
RUN pids > /same && fill /f 10
FROM random AS made
RUN cat /f > /g
FROM tools AS other
RUN echo o > /o
FROM made
COPY --from=other /o /o
`
	first, ran := misses(t, s, text, image.BuildOptions{})
	require.Len(t, ran, 5)
	same, ran := misses(t, s, text, image.BuildOptions{})
	require.Empty(t, ran)
	require.Equal(t, first.ID, same.ID)
	_, ran = misses(t, s, text, image.BuildOptions{Cache: image.CacheOptions{DisableStages: []string{"RANDOM"}}})
	require.Contains(t, ran, "random2: disabled")
	require.NotContains(t, ran, "tools2: disabled")
	require.NotContains(t, ran, "other2: disabled")
	_, ran = misses(t, s, text, image.BuildOptions{})
	require.Empty(t, ran)
	for _, bad := range []string{"", "none", "0"} {
		_, err := build(t, s, text, image.BuildOptions{Cache: image.CacheOptions{DisableStages: []string{bad}}}, nil)
		require.ErrorIs(t, err, image.ErrInvalidArgument)
		require.ErrorContains(t, err, "its stages: tools, random, made, other, 4")
	}
}

// TestRebuiltBelow: a step whose earlier result lies on what a step before came to then is run anew on what that has come to
// since.
func TestRebuiltBelow(t *testing.T) {
	t.Parallel()
	s := open(t)
	below := base + "RUN --mount=type=cache,target=/c append /c/n x && cat /c/n > /n\n" // another file each time
	text := below + "RUN cat /n > /copy\n"
	first, _ := misses(t, s, text, image.BuildOptions{})
	_, ran := misses(t, s, below, image.BuildOptions{Cache: image.CacheOptions{Disable: true}})
	require.Equal(t, []string{"2: disabled", "3: disabled"}, ran)
	second, ran := misses(t, s, text, image.BuildOptions{})
	require.Equal(t, []string{"4: new"}, ran)
	require.NotEqual(t, first.Layers, second.Layers)
	require.False(t, slices.Contains(first.Layers, second.Layers[1]))
	problems, err := s.Check(t.Context(), image.CheckOptions{})
	require.NoError(t, err)
	require.Empty(t, problems.Problems)
}
