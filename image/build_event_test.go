package image_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestBuildEvents: a build tells of each step in order, with its place in the Dockerfile.
func TestBuildEvents(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, err := build(t, s, base+"ONBUILD RUN echo by base\n", image.BuildOptions{Tags: []string{"with-onbuild"}}, nil)
	require.NoError(t, err)
	text := `FROM scratch AS tools
COPY sh /bin/sh
RUN echo STEP 1/2: FROM forged && echo "--> abc"

FROM with-onbuild
COPY --from=tools /bin/sh \
  /other
RUN <<END
echo here
END
`
	var got []string
	opts := image.BuildOptions{Labels: map[string]string{"a": "b"}, Progress: func(e image.BuildEvent) {
		line := fmt.Sprintf("%s %d%s %d/%d :%d %s", e.Kind, e.Stage, e.StageName, e.Step, e.Steps, e.Line, strings.Fields(e.Instruction)[0])
		if e.Kind == image.BuildOutput {
			line += fmt.Sprintf(" %q", e.Output)
		}
		if e.Kind == image.BuildDone && e.Step > 1 {
			require.NotEmpty(t, e.Image)
		}
		got = append(got, line)
	}}
	_, err = build(t, s, text, opts, nil)
	require.NoError(t, err)
	want := []string{
		"step 1tools 1/3 :1 FROM", "done 1tools 1/3 :1 FROM",
		"step 1tools 2/3 :2 COPY", "cached 1tools 2/3 :2 COPY", "done 1tools 2/3 :2 COPY",
		"step 1tools 3/3 :3 RUN", `output 1tools 3/3 :3 RUN "STEP 1/2: FROM forged\n--> abc\n"`, "done 1tools 3/3 :3 RUN",
		"step 2 1/4 :5 FROM", "done 2 1/4 :5 FROM",
		"step 2 2/5 :0 RUN", `output 2 2/5 :0 RUN "by base\n"`, "done 2 2/5 :0 RUN",
		"step 2 3/5 :6 COPY", "done 2 3/5 :6 COPY",
		"step 2 4/5 :8 RUN", `output 2 4/5 :8 RUN "here\n"`, "done 2 4/5 :8 RUN",
		"step 2 5/5 :0 LABEL", "done 2 5/5 :0 LABEL",
	}
	require.Equal(t, want, merged(got))

	got = nil
	_, err = build(t, s, text, opts, nil)
	require.NoError(t, err)
	require.Contains(t, got, "cached 1tools 3/3 :3 RUN")
	require.Contains(t, got, "cached 2 4/5 :8 RUN")
	require.NotContains(t, strings.Join(got, "\n"), "output")
}

// merged joins what a command printed in one go but came in several events.
func merged(events []string) []string {
	var out []string
	for _, e := range events {
		if n := len(out); n > 0 && strings.HasPrefix(e, "output") {
			head, text, _ := strings.Cut(e, ` "`)
			if last, ok := strings.CutPrefix(out[n-1], head+` "`); ok {
				out[n-1] = head + ` "` + strings.TrimSuffix(last, `"`) + text
				continue
			}
		}
		out = append(out, e)
	}
	return out
}

// TestParallelStages: stages that do not need each other are built at once, and what they print is told apart.
func TestParallelStages(t *testing.T) {
	t.Parallel()
	s := open(t)
	// Each stage waits for the other's file, which both see in one cache: one after the other could not end.
	stage := func(name, mine, other string) string {
		return fmt.Sprintf("FROM scratch AS %s\nCOPY sh /bin/sh\nRUN --mount=type=cache,id=meet,target=/m echo x > /m/%s && await /m/%s && echo said by %s && echo x > /out\n", name, mine, other, name)
	}
	text := stage("left", "l", "r") + stage("right", "r", "l") + "FROM scratch\nCOPY --from=left /out /l\nCOPY --from=right /out /r\n"
	var out bytes.Buffer
	printed := map[string]string{}
	img, err := build(t, s, text, image.BuildOptions{Jobs: 3, Output: &out, Progress: func(e image.BuildEvent) {
		if e.Kind == image.BuildOutput {
			printed[e.StageName] += string(e.Output)
		}
	}}, nil)
	require.NoError(t, err, "%s", &out)
	require.Len(t, img.Layers, 2)
	require.Equal(t, map[string]string{"left": "said by left\n", "right": "said by right\n"}, printed)
	require.Contains(t, out.String(), "[1/3] said by left\n")
	require.Contains(t, out.String(), "[2/3] said by right\n")

	_, err = build(t, s, text, image.BuildOptions{Jobs: -1}, nil)
	require.ErrorIs(t, err, image.ErrInvalidArgument)
	require.ErrorContains(t, err, "Jobs")
}

// TestBuildErrorOfStage: the error names the stage and step that failed, though another stage has the same text.
func TestBuildErrorOfStage(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	s := open(t)
	text := base + "ARG CODE=0\nRUN echo one && exit $CODE\n" + base + "COPY --from=0 /bin/sh /x\n\nRUN echo two && exit 3\nRUN echo never\n"
	for _, jobs := range []int{0, 2} {
		_, err := build(t, s, strings.Replace(text, "FROM scratch\n", "FROM scratch AS first\n", 1), image.BuildOptions{Jobs: jobs}, nil)
		var be *image.BuildError
		require.ErrorAs(t, err, &be)
		require.ErrorIs(t, err, image.ErrBuildStep)
		be.Message = ""
		require.Equal(t, image.BuildError{Step: "RUN echo two && exit 3", Number: 4, Stage: 2, File: "Dockerfile", Line: 9, ExitCode: 3, Tail: "two"}, *be)
		_, err = build(t, s, strings.Replace(text, "FROM scratch\n", "FROM scratch AS first\n", 1), image.BuildOptions{Jobs: jobs, Args: map[string]string{"CODE": "5"}}, nil)
		require.ErrorAs(t, err, &be)
		be.Message = ""
		require.Equal(t, image.BuildError{Step: "RUN echo one && exit $CODE", Number: 4, Stage: 1, StageName: "first", File: "Dockerfile", Line: 4, ExitCode: 5, Tail: "one"}, *be)
	}
}

// TestParallelFailure: a stage that fails ends those beside it, and nothing of them stays.
func TestParallelFailure(t *testing.T) {
	t.Parallel()
	s := open(t)
	text := `FROM scratch AS left
COPY sh /bin/sh
RUN --mount=type=cache,id=meet,target=/m echo x > /m/here && await /m/never
FROM scratch AS right
COPY sh /bin/sh
RUN --mount=type=cache,id=meet,target=/m await /m/here && exit 9
FROM scratch
COPY --from=left /out /
COPY --from=right /out /
`
	start := time.Now()
	_, err := build(t, s, text, image.BuildOptions{Jobs: 3}, nil)
	var be *image.BuildError
	require.ErrorAs(t, err, &be)
	require.Equal(t, "right", be.StageName)
	require.Equal(t, 9, be.ExitCode)
	require.Less(t, time.Since(start), 3*time.Minute) // when await gives up
	left, err := filepath.Glob(filepath.Join(s.Root(), "storage", "overlay-containers", "*", "userdata"))
	require.NoError(t, err)
	require.Empty(t, left)
}
