//go:build linux

package builds

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/agent/internal/builds/dockerfile"
	"github.com/caisson-dev/caisson/image"
)

// TestOutput: the text and the events of a step, and what its error will carry.
func TestOutput(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	var events []string
	o := newOutput(&text, func(e image.BuildEvent) {
		events = append(events, fmt.Sprintf("%s %d%s %d/%d :%d %s %q %s", e.Kind, e.Stage, e.StageName, e.Step, e.Steps, e.Line, e.Instruction, e.Output, e.Image))
	}, true)
	plan := &dockerfile.Plan{InFile: 3}
	s := o.begin(plan, &dockerfile.Stage{Index: 1, Name: "mid"}, 2, 5, 7, "RUN x")
	fmt.Fprint(s, "one\ntw")
	fmt.Fprint(s, "o\nthree")
	s.cached()
	s.done(strings.Repeat("a", 64))
	s.committed(strings.Repeat("b", 64), []string{"t:1", "t:2"})
	assert.Equal(t, "[2/3] STEP 2/5: RUN x\n[2/3] one\n[2/3] two\n[2/3] three[2/3] --> Using cache\n[2/3] --> aaaaaaaaaaaa\n"+
		"[2/3] COMMIT t:1\n[2/3] --> bbbbbbbbbbbb\nSuccessfully tagged t:1\nSuccessfully tagged t:2\n"+strings.Repeat("b", 64)+"\n", text.String())
	assert.Equal(t, []string{
		`step 2mid 2/5 :7 RUN x "" `, `output 2mid 2/5 :7 RUN x "one\ntw" `, `output 2mid 2/5 :7 RUN x "o\nthree" `,
		`cached 2mid 2/5 :7 RUN x "" `, `done 2mid 2/5 :7 RUN x "" aaaaaaaaaaaa`, `done 2mid 2/5 :7 RUN x "" bbbbbbbbbbbb`,
	}, events)
	assert.Equal(t, "one\ntwo\nthree", s.text())
}

// TestTail: the last lines, and of a line without an end its beginning.
func TestTail(t *testing.T) {
	t.Parallel()
	s := &step{o: newOutput(&bytes.Buffer{}, nil, false)}
	for i := range 30 {
		fmt.Fprintf(s, "line %d\n", i)
	}
	fmt.Fprint(s, strings.Repeat("x", 10_000))
	lines := strings.Split(s.text(), "\n")
	assert.Len(t, lines, tailLines+1)
	assert.Equal(t, "line 10", lines[0])
	assert.Len(t, lines[tailLines], 4096)
}

func TestWarn(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	var got []image.BuildEvent
	o := newOutput(&text, func(e image.BuildEvent) { got = append(got, e) }, false)
	o.warn([]dockerfile.Warning{{Rule: "R", Description: "d", URL: "u", Message: "m", Line: 3}, {Rule: "S", Message: "n"}})
	assert.Equal(t, "WARN: R: m (line 3)\nWARN: S: n\n", text.String())
	assert.Equal(t, []image.BuildEvent{
		{Kind: image.BuildWarning, Line: 3, Warning: &image.BuildRule{Name: "R", Description: "d", URL: "u", Message: "m"}},
		{Kind: image.BuildWarning, Warning: &image.BuildRule{Name: "S", Message: "n"}},
	}, got)
}

func TestMissingIn(t *testing.T) {
	t.Parallel()
	main := dockerfile.Source{Main: true}
	for _, c := range []struct {
		name, want string
		from       dockerfile.Source
	}{
		{"/a", "no file a in the build context, or .dockerignore excludes it", main},
		{"a*", "no file fits in the build context, or .dockerignore excludes it", main},
		{"../a", "no file ../a in the build context, or .dockerignore excludes it; .. does not lead out of the context", main},
		{"a", "no file a in src", dockerfile.Source{Context: "src", Ref: "src"}},
	} {
		assert.Equal(t, c.want, missingIn(c.name, c.from))
	}
}
