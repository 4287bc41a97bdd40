package buildview

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

// at is an event and the second in which it comes.
type at struct {
	second float64
	image.BuildEvent
}

func event(second float64, kind image.BuildEventKind, stage int, name string, step, steps int, text, output string) at {
	return at{second, image.BuildEvent{Kind: kind, Stage: stage, StageName: name, Step: step, Steps: steps, Instruction: text, Output: []byte(output)}}
}

func pull(second float64, ref, digest string, current, total int64) at {
	return at{second, image.BuildEvent{Kind: image.BuildPull, Instruction: ref, Pull: &image.Progress{Digest: digest, Current: current, Total: total}}}
}

func TestFrame(t *testing.T) {
	t.Parallel()
	from := event(0, image.BuildStep, 1, "", 1, 3, "FROM box", "")
	fromDone := event(0.1, image.BuildDone, 1, "", 1, 3, "FROM box", "")
	run := event(0.2, image.BuildStep, 1, "", 2, 3, "RUN make", "")
	out := func(text string) at { return event(0.3, image.BuildOutput, 1, "", 2, 3, "RUN make", text) }
	for _, c := range []struct {
		name          string
		events        []at
		now           float64
		width, height int
		want          string
	}{
		{"nothing yet", nil, 0.04, 30, 10, "[+] Building 0.0s (0/0)\n"},
		{"a step that runs", []at{from, fromDone, run}, 1.5, 40, 10, `
[+] Building 1.5s (1/3)
 => [stage-0 1/3] FROM box          0.1s
 => [stage-0 2/3] RUN make          1.3s
`},
		{"what it prints", []at{from, fromDone, run, out("one\r\ntwo\nthr"), out("ee\nfour\rFOUR")}, 1, 40, 10, `
[+] Building 1.0s (1/3)
 => [stage-0 1/3] FROM box          0.1s
 => [stage-0 2/3] RUN make          0.8s
 => => # one
 => => # two
 => => # three
 => => # FOUR
`},
		{"only the last lines", []at{run, out("1\n2\n3\n4\n5\n6\n7\n8")}, 1, 40, 10, `
[+] Building 1.0s (0/3)
 => [stage-0 2/3] RUN make          0.8s
 => => # 3
 => => # 4
 => => # 5
 => => # 6
 => => # 7
 => => # 8
`},
		{"cached, and ended", []at{
			event(0, image.BuildStep, 1, "deps", 2, 2, "COPY . .", ""), event(0, image.BuildCached, 1, "deps", 2, 2, "COPY . .", ""), event(0, image.BuildDone, 1, "deps", 2, 2, "COPY . .", ""),
			event(1, image.BuildStep, 2, "", 2, 2, "RUN x", ""), event(2, image.BuildOutput, 2, "", 2, 2, "RUN x", "said\n"), event(3, image.BuildDone, 2, "", 2, 2, "RUN x", ""),
		}, 9, 40, 10, `
[+] Building 9.0s (2/4)
 => CACHED [deps 2/2] COPY . .      0.0s
 => [stage-1 2/2] RUN x             2.0s
`},
		{"a pull", []at{pull(0, "app:1", "a", 1500, 3000), pull(1, "app:1", "b", 500, 1000), pull(1.5, "app:1", "a", 3000, 3000)}, 2, 50, 10, `
[+] Building 2.0s (0/0)
 => pull app:1 3.5kB / 4kB                    2.0s
`},
		{"a pull that is over", []at{pull(0, "app:1", "a", 10, 10), from}, 5, 50, 10, `
[+] Building 5.0s (0/3)
 => pull app:1 10B / 10B                      0.0s
 => [stage-0 1/3] FROM box                    5.0s
`},
		{"a narrow terminal", []at{run, out("a long line of output\x1b[2J\tend\n")}, 1, 20, 10, `
[+] Building 1.0s (0
 => [stage-0 2/ 0.8s
 => => # a long line
`},
		{"a low terminal", []at{from, fromDone, run, out("1\n2\n3\n")}, 1, 40, 4, `
[+] Building 1.0s (1/3)
 => => # 1
 => => # 2
 => => # 3
`},
		{"a terminal that is low by one", []at{from, fromDone, run, out("1\n2\n3\n")}, 1, 40, 5, `
[+] Building 1.0s (1/3)
 => [stage-0 2/3] RUN make          0.8s
 => => # 1
 => => # 2
 => => # 3
`},
		{"warnings come at the end", []at{{0, image.BuildEvent{Kind: image.BuildWarning, Line: 3, Warning: &image.BuildRule{Name: "Rule", Message: "not so"}}}, from}, 1, 40, 0, `
[+] Building 1.0s (0/3)
 => [stage-0 1/3] FROM box          1.0s

Warnings: 1
 - Rule: not so (line 3)
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			moment := func(s float64) time.Time { return time.Unix(1000, 0).Add(time.Duration(s * float64(time.Second))) }
			v := New(moment(0))
			for _, e := range c.events {
				v.Take(e.BuildEvent, moment(e.second))
			}
			got := v.Frame(moment(c.now), c.width, c.height)
			require.Equal(t, strings.TrimPrefix(c.want, "\n"), strings.Join(got, "\n")+"\n")
		})
	}
}

// TestPrinter: frames replace each other, one that is equal is not drawn, and not each event is.
func TestPrinter(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	var b strings.Builder
	p := newPrinter(&b, func() (int, int) { return 40, 10 }, func() time.Time { return now })
	drawn := func() string { defer b.Reset(); return b.String() }
	p.tick()
	require.Equal(t, "[+] Building 0.0s (0/0)\x1b[K\n\x1b[J", drawn())
	for i := range 1000 {
		p.Take(pull(0, "a", "x", int64(i), 1000).BuildEvent)
	}
	require.Empty(t, drawn(), "events alone draw nothing")
	p.tick()
	require.Equal(t, "\x1b[1A\r[+] Building 0.0s (0/0)\x1b[K\n => pull a 999B / 1kB               0.0s\x1b[K\n\x1b[J", drawn())
	p.Take(pull(0, "a", "x", 999, 1000).BuildEvent)
	p.tick()
	require.Empty(t, drawn(), "the frame is the same")
	now = now.Add(100 * time.Millisecond)
	p.tick()
	require.Empty(t, drawn(), "the time alone is not drawn so often")
	now = now.Add(idle)
	p.tick()
	require.Contains(t, drawn(), "Building 0.6s")
	p.Close("the end")
	require.Equal(t, "\x1b[2A\r[+] Building 0.6s (0/0)\x1b[K\n => pull a 999B / 1kB               0.6s\x1b[K\nthe end\x1b[K\n\x1b[J", drawn())

	live := Start(&b, func() (int, int) { return 40, 10 })
	for i := range 100 {
		live.Take(pull(0, fmt.Sprint(i), "x", 1, 2).BuildEvent)
	}
	live.Close()
	require.Contains(t, drawn(), " => pull 99 1B / 2B")
}
