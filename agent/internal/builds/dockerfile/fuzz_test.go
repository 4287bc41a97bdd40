package dockerfile

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/api"
)

// FuzzRead: a Dockerfile is refused by its name, or all of its plan is there.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"", "\n# nothing\n", "FROM scratch", "FROM", "FROM a AS b\nFROM b\nCOPY --from=b x y\n", "ARG A=1\nFROM $A\n", "FROM ${A:-b}\n", "ENV A=1\nFROM a\n",
		"FROM a\nSHELL [\"/bin/x\", \"-c\"]\nCMD a b\nENTRYPOINT c\n", "FROM a\nSHELL [\"x\"]\nCMD [\"a\"]\n", "FROM a\nRUN <<EOF\nx\nEOF\n", "FROM a\nRUN <<EOF\n",
		"# escape=`\nFROM a\nRUN a `\n b\n", "# syntax=docker/dockerfile:1\nFROM --platform=$BUILDPLATFORM a\n", "FROM a\nONBUILD CMD x\nONBUILD FROM y\n",
		"FROM a\nCOPY --from=0 a b\nADD http://x y\n", "FROM a\nLABEL a=b \\\n c=\"d\"\n", "FROM a\nHEALTHCHECK CMD x\nHEALTHCHECK NONE\n", "from a\nrun x\n", "FROM a\nRUN --mount=type=bind,from=b x\n",
		"FROM a \\\n", "FROM a\r\nRUN x\r\n", "\xef\xbb\xbfFROM a\n", "FROM \x00\n", "FROM a\nSHELL\nSHELL []\nCMD x\n", "FROM a\nADD git@x:y.git#z /d\nWORKDIR .\nEXPOSE 1-2\n",
		"FROM a\nCOPY <<E <<'F' /d/\n$A\nE\nF\n", "FROM a\nENV x=${A//a/b} y=${A#*} z=${A%%b}\n", "# check=error=true\nFROM a as b\n",
	} {
		f.Add(s, "")
	}
	f.Add("FROM a AS b\n", "b")
	f.Add("FROM a AS b\n", "c")
	f.Fuzz(func(t *testing.T, text, target string) {
		p, err := plan(text, Options{Args: map[string]string{"A": "base"}, Target: target})
		if err != nil {
			require.True(t, errors.Is(err, api.ErrDockerfile) || errors.Is(err, api.ErrInvalidArgument), err)
			return
		}
		require.Equal(t, p.Target, p.Stages[len(p.Stages)-1])
		for _, st := range p.Stages {
			require.NotNil(t, st.Image)
			for _, s := range st.Steps {
				require.NotEmpty(t, s.Text)
				require.Equal(t, s.Changes(), s.Key != "")
				require.Equal(t, s.Changes(), s.Image != nil)
			}
		}
	})
}
