package dockerfile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/api"
)

// TestErrors: each has the line and the remedy.
func TestErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, says string }{
		"empty":                 {"\n# nothing\n", "Dockerfile:1: the file has no instructions: begin with FROM"},
		"no FROM":               {"ARG A=1\n", ":1: no FROM instruction"},
		"before FROM":           {"ENV A=1\nFROM scratch\n", ":1: ENV before FROM: only ARG may stand there"},
		"unknown":               {"FROM scratch\nENV A=1\nCOPPY a b\n", ":3: unknown instruction COPPY: is it COPY?"},
		"FROM nothing":          {"FROM\n", ":1: FROM requires an argument"},
		"FROM too much":         {"FROM scratch a b\n", ":1: FROM takes an image, or an image followed by AS and a name"},
		"FROM empty":            {"ARG BASE\n\nFROM $BASE\n", ":3: FROM $BASE: the name is empty"},
		"FROM name":             {"FROM scratch\nFROM Upper\n", ":2: FROM Upper: invalid name"},
		"FROM unset":            {"ARG A\nFROM scratch\nFROM base:$A$B\n", ":3: FROM base:$A$B: invalid name: these arguments have no value: A, B: set them"},
		"FROM platform":         {"FROM --platform=$NONE scratch\n", `:1: FROM --platform=$NONE: "" is not a valid platform`},
		"stage name":            {"FROM scratch AS 1a\n", ":1: invalid name for build stage"},
		"RUN nothing":           {"FROM scratch\n\nRUN\n", ":3: RUN requires an argument"},
		"RUN empty":             {"FROM scratch\nRUN []\n", ":2: RUN requires an argument"},
		"COPY one":              {"FROM scratch\nCOPY a\n", ":2: COPY requires at least two arguments, the last the destination"},
		"COPY many to a file":   {"FROM scratch\nCOPY a b /f\n", ":2: COPY: /f: with more than one source the destination must be a directory: end it with a slash"},
		"COPY of an URL":        {"FROM scratch\nCOPY https://x/f /f\n", ":2: COPY: https://x/f: source can't be a URL for COPY: download it with ADD"},
		"COPY of no number":     {"FROM scratch\nCOPY a b\nCOPY --from=1 a b\n", ":3: COPY copies from stage 1, which is not an earlier stage"},
		"COPY of itself":        {"FROM scratch AS me\nCOPY --from=ME a b\n", ":2: stage ME begins on line 1, and not before this stage"},
		"COPY of a later stage": {"FROM scratch\nCOPY --from=late a b\nFROM scratch AS late\nFROM 0\nCOPY --from=0 a b\n", ":2: stage late begins on line 3"},
		"mode":                  {"FROM scratch\nCOPY --chmod=x a b\n", ":2: COPY: --chmod=x: it is not a valid mode: write it like 755, 4755 or u=rwX,go=rX"},
		"large mode":            {"FROM scratch\nCOPY --chmod=17777 a b\n", ":2: COPY: --chmod=17777: it is more than 7777"},
		"flag":                  {"FROM scratch\nCOPY --chwn=1 a b\n", ":2: unknown flag: --chwn (did you mean chown?)"},
		"checksum of a file":    {"FROM scratch\nADD --checksum=sha256:x a b\n", ":2: ADD: --checksum is for URLs"},
		"checksum":              {"FROM scratch\nADD --checksum=sha256:x http://x/a b\n", ":2: ADD: --checksum=sha256:x: "},
		"checksum of two":       {"FROM scratch\nADD --checksum=sha256:x http://x/a b c/\n", ":2: ADD: --checksum is of one source"},
		"ENV without value":     {"FROM scratch\nENV A\n", ":2: ENV must have two arguments"},
		"ENV without name":      {"FROM scratch\nENV =x\n", ":2: ENV names can not be blank"},
		"directive twice":       {"# escape=\\\n# escape=`\nFROM scratch\n", "Dockerfile:2: only one escape parser directive can be used"},
		"LABEL of two lines":    {"FROM scratch\n# c\nLABEL a=b \\\n  c=\"d\" e\n", ":4: "},
		"unterminated heredoc":  {"FROM scratch\nRUN <<EOF\ntrue\n", ":2: EOF: unterminated heredoc: no line has this alone"},
		"port":                  {"FROM scratch\nEXPOSE 80 http\n", ":2: EXPOSE http: it is not a valid port"},
		"ports":                 {"FROM scratch\nEXPOSE 90-80\n", ":2: EXPOSE 90-80: it is not a valid port: the range 90-80 ends before it begins"},
		"protocol":              {"FROM scratch\nEXPOSE 80/http\n", `"http" is not a protocol`},
		"signal":                {"FROM scratch\nSTOPSIGNAL SIGNOT\n", ":2: STOPSIGNAL: invalid signal: SIGNOT: write it like SIGTERM or 15"},
		"health":                {"FROM scratch\nHEALTHCHECK --interval=x CMD y\n", ":2: "},
		"shell":                 {"FROM scratch\nSHELL sh -c\n", ":2: "},
		"onbuild":               {"FROM scratch\nONBUILD FROM x\n", ":2: FROM isn't allowed as an ONBUILD trigger"},
		"network":               {"FROM scratch\nRUN --network=host true\n", ":2: RUN: --network=host: a Dockerfile can't give a step the host's network"},
		"security":              {"FROM scratch\nRUN --security=insecure true\n", ":2: RUN: --security=insecure: steps are confined"},
		"device":                {"FROM scratch\nRUN --device=x true\n", ":2: RUN: --device: steps have no devices"},
		"mount key":             {"FROM scratch\nRUN --mount=typ=bind true\n", ":2: RUN: unexpected key 'typ'"},
		"mount argument":        {"FROM scratch\nARG X=y\nRUN --mount=from=$X,target=/x true\n", ":3: RUN --mount=from=$X: arguments are not replaced there: add a stage FROM $X"},
		"mount without target":  {"FROM scratch\nRUN --mount=type=tmpfs true\n", ":2: RUN: --mount=type=tmpfs: it has no target"},
		"mount on the root":     {"FROM scratch\nRUN --mount=type=tmpfs,target=/a/.. true\n", "invalid mount target"},
		"variable":              {"FROM scratch\nENV A=${B:?none}\n", ":2: ENV: B: none"},
		"bad variable":          {"FROM scratch\nENV A=${B\n", ":2: ENV: syntax error: missing '}'"},
		"check":                 {"# check=skip\nFROM scratch\n", ":1: # check=skip: "},
		"check as error":        {"# check=error=true\nFROM scratch as x\n", ":2: FromAsCasing: "},
		"escape":                {"# escape=x\nFROM scratch\n", ":1: invalid escape token"},
	} {
		_, err := plan(c.text, Options{})
		if assert.ErrorIs(t, err, api.ErrDockerfile, name) {
			assert.ErrorContains(t, err, c.says, name)
		}
	}
}

func TestTarget(t *testing.T) {
	t.Parallel()
	text := "FROM scratch AS One\nFROM scratch AS two\nFROM one\n"
	for target, want := range map[string]int{"": 2, "One": 0, "ONE": 0, "1": 1, "two": 1, "2": 2} {
		p, err := plan(text, Options{Target: target})
		require.NoError(t, err, target)
		assert.Equal(t, want, p.Target.Index, target)
	}
	_, err := plan(text, Options{Target: "three"})
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	assert.ErrorContains(t, err, `target "three": Dockerfile has no such stage; its stages: one, two, 2`)
}

// stages are the plan in one line: each with its steps, and what it needs.
func stages(p *Plan) string {
	var out []string
	for _, st := range p.Stages {
		s := fmt.Sprintf("%d", st.Index)
		for _, n := range st.Needs {
			s += fmt.Sprintf("<%d", n.Index)
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestGraph(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, target, want string }{
		"one":                {"FROM scratch\n", "", "0"},
		"unused":             {"FROM scratch AS a\nFROM none\n", "", "1"},
		"in a row":           {"FROM scratch AS A\nFROM a\nFROM 1\n", "", "0 1<0 2<1"},
		"copy":               {"FROM scratch AS a\nFROM scratch AS b\nFROM scratch\nCOPY --from=B x y\nCOPY --from=0 x y\nCOPY --from=a x y\n", "", "0 1 2<1<0"},
		"mount":              {"FROM scratch AS a\nFROM scratch\nRUN --mount=from=A,target=/x true\n", "", "0 1<0"},
		"cache":              {"FROM scratch AS a\nFROM scratch\nRUN --mount=type=cache,from=a,target=/x true\n", "", "0 1<0"},
		"by argument":        {"FROM scratch AS a\nFROM scratch\nARG X=a\nCOPY --from=$X x y\n", "", "0 1<0"},
		"first of a name":    {"FROM scratch AS a\nFROM scratch AS a\nFROM a\n", "", "1 2<1"},
		"onbuild of a stage": {"FROM scratch AS src\nFROM scratch AS base\nONBUILD COPY --from=src x y\nFROM base\n", "", "0 1 2<1<0"},
		"target":             {"FROM scratch AS a\nFROM a AS b\nFROM b\n", "b", "0 1<0"},
	} {
		p, err := plan(c.text, Options{Target: c.target})
		require.NoError(t, err, name)
		assert.Equal(t, c.want, stages(p), name)
		assert.Equal(t, p.Target, p.Stages[len(p.Stages)-1], name)
	}
}

// TestNeeds: which images are asked for, and for which platform.
func TestNeeds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		opts Options
		want string
	}{
		"base":         {"FROM a\n", Options{}, "a begins"},
		"platform":     {"FROM --platform=$BUILDPLATFORM a\nCOPY --from=b x y\n", Options{Platform: "linux/arm64"}, "a linux/amd64 begins; b linux/arm64"},
		"architecture": {"ARG TARGETARCH\nFROM --platform=$TARGETARCH a-${TARGETARCH}\n", Options{Platform: "linux/arm64"}, "a-arm64 linux/arm64 begins"},
		"given":        {"ARG TARGETARCH=x\nFROM a-$TARGETARCH\n", Options{Args: map[string]string{"TARGETARCH": "y"}}, "a-y begins"},
		"default":      {"ARG TARGETARCH=x\nFROM a-$TARGETARCH\n", Options{}, "a-x begins"},
		"of an ARG":    {"ARG R=reg\nARG B=$R/base\nFROM ${B}:1\n", Options{}, "reg/base:1 begins"},
		"context":      {"FROM x AS ctx\nFROM golang:latest\nCOPY --from=ctx a b\nCOPY --from=0 a b\n", Options{Contexts: []Context{{"ctx", "tools:1"}, {"golang", "mine"}}}, "mine of golang begins; tools:1 of ctx; tools:1 of ctx"},
		"files":        {"FROM x AS src\nFROM src\nCOPY --from=src a b\nRUN --mount=from=src,target=/x true\n", Options{Contexts: []Context{{Name: "src"}}}, ""},
		"onbuild":      {"FROM with\n", Options{}, "with begins; tool"},
	} {
		var got []string
		opts := c.opts
		opts.Base = func(_ context.Context, n Need) (*Base, error) {
			s := n.Ref
			if n.Platform != "" {
				s += " " + n.Platform
			}
			if n.Context != "" {
				s += " of " + n.Context
			}
			if n.Begins {
				s += " begins"
			}
			got = append(got, s)
			img := empty(opts.Host)
			if n.Ref == "with" {
				img.Config.OnBuild = []string{"COPY --from=tool /x /y"}
			}
			return &Base{Config: img}, nil
		}
		_, err := plan(c.text, opts)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, strings.Join(got, "; "), name)
	}
	_, err := plan("FROM scratch AS a\n", Options{Contexts: []Context{{Name: "a"}}})
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	assert.ErrorContains(t, err, "context a, which replaces it")
	gone := errors.New("gone")
	_, err = plan("FROM scratch\nCOPY --from=x a b\n", Options{Base: func(context.Context, Need) (*Base, error) { return nil, gone }})
	require.ErrorIs(t, err, gone)
	assert.NotErrorIs(t, err, api.ErrDockerfile)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Read(ctx, []byte("FROM scratch\n"), Options{Platform: "linux/amd64"})
	assert.ErrorIs(t, err, context.Canceled)
}

// TestBombs: what would fill the memory or take minutes is refused at once.
func TestBombs(t *testing.T) {
	t.Parallel()
	ten := strings.Repeat("ENV a=$a$a$a$a$a$a$a$a$a$a\n", 5)
	big := "ENV b=" + strings.Repeat("x", 60_000) + "\n"
	for name, c := range map[string]struct{ text, says string }{
		"size":        {"FROM scratch\n" + strings.Repeat("#", MaxSize), "a Dockerfile has at most"},
		"line":        {"FROM scratch\nENV a=" + strings.Repeat("x", 70_000) + "\n", ":2: the line is longer than 65535 bytes: continue it on the next"},
		"number":      {"FROM scratch\n" + strings.Repeat("USER a\n", maxInstructions), ":10001: the file has 10001 instructions"},
		"variable":    {"FROM scratch\nENV a=aaaaaaaaaa\n" + ten, "the variable a has"},
		"argument":    {"FROM scratch\nARG a=aaaaaaaaaa\n" + strings.ReplaceAll(ten, "ENV", "ARG"), "the variable a has"},
		"global":      {"ARG a=aaaaaaaaaa\n" + strings.ReplaceAll(ten, "ENV", "ARG") + "FROM scratch\n", "the variable a has"},
		"environment": {"FROM scratch\n" + big + numbered("ENV b%d=$b\n", 60), "the variables have"},
		"word":        {"FROM scratch\n" + big + "LABEL x=" + strings.Repeat("$b", 100) + "\n", "too long together"},
		"heredoc":     {"FROM scratch\n" + big + "COPY <<E /f\n" + strings.Repeat("$b\n", 1000) + "E\n", "too long together"},
		"replacement": {"FROM scratch\n" + big + "LABEL x=${b//x/$b}\n", "too long together"},
		"labels":      {"FROM scratch\n" + big + numbered("LABEL l%d=$b\n", 80), "the configuration of the stage's image has"},
		"all":         {"FROM scratch\n" + big + strings.Repeat("LABEL l=$b\n", 500), "too long together"},
		"command":     {"FROM scratch\nRUN " + strings.Repeat("x", 50_000) + strings.Repeat("\\\n"+strings.Repeat("x", 50_000), 3) + "\n", "an argument of the command has"},
	} {
		_, err := plan(c.text, Options{})
		if assert.ErrorIs(t, err, api.ErrDockerfile, name) {
			assert.ErrorContains(t, err, c.says, name)
			assert.Less(t, len(err.Error()), 3000, name)
		}
	}
	deep := "FROM scratch\nENV a=" + strings.Repeat("${b:-", 10_000) + strings.Repeat("}", 10_000) + "\n"
	_, err := plan(deep, Options{})
	assert.NoError(t, err)
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}
