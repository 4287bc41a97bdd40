//go:build linux

package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fake notes its turns.
type fake struct {
	none
	title string
	log   *[]string
	fails int // at this turn; 0: never
	turn  int
}

func (f *fake) name() string { return f.title }

func (f *fake) life(context.Context) error {
	f.turn++
	*f.log = append(*f.log, f.title)
	if f.turn == f.fails {
		return errors.New("no more")
	}
	return nil
}

func life(c contender) (func() error, func() error, error) {
	return func() error { return c.life(context.Background()) }, nil, nil
}

// TestTurns: contenders take turns, the first call of each does not count, one that fails is left out, and ours must not.
func TestTurns(t *testing.T) {
	t.Parallel()
	var log []string
	ours, a, b := &fake{title: "ours", log: &log}, &fake{title: "a", log: &log, fails: 3}, &fake{title: "b", log: &log, fails: 1}
	s, err := turns("it", []contender{ours, a, b}, 3, life)
	require.NoError(t, err)
	assert.Equal(t, "ours a b ours a ours a ours", strings.Join(log, " "))
	require.Len(t, s.Figures, 3)
	assert.Equal(t, []int{3, 1, 0}, []int{len(s.Figures[0].Milliseconds), len(s.Figures[1].Milliseconds), len(s.Figures[2].Milliseconds)})
	assert.Equal(t, []string{"", "no more", "no more"}, []string{s.Figures[0].Failed, s.Figures[1].Failed, s.Figures[2].Failed})

	for _, fails := range []int{1, 2} {
		_, err = turns("it", []contender{&fake{title: "ours", log: &log, fails: fails}}, 3, life)
		require.ErrorContains(t, err, "it: ours: no more")
	}
	ended := 0
	s, err = turns("it", []contender{ours, a}, 1, func(c contender) (func() error, func() error, error) {
		if c == contender(a) {
			return c.exec(context.Background())
		}
		call, _, _ := life(c)
		return call, func() error { ended++; return nil }, nil
	})
	require.NoError(t, err)
	assert.Len(t, s.Figures, 1, "who has no such thing is not listed")
	assert.Equal(t, 1, ended)
}

func sample() *results {
	return &results{
		Machine: machine{Kernel: "6.1", Processor: "one", Cores: 2, LoadBefore: "1 2 3"}, Missing: []string{"runc: not found"},
		Subjects: []subject{{What: "a life <&>", Figures: []figures{
			{Name: "caisson", Milliseconds: []float64{30, 10, 20}}, {Name: "podman", Milliseconds: []float64{100, 60}}, {Name: "docker", Failed: "no daemon"},
		}}},
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `2 cores of one, kernel 6.1, load before: 1 2 3
missing: runc: not found

a life <&>
  ms:      median  least  ours is
  caisson  20.0    10.0   
  podman   80.0    60.0   0.25 of it
  docker   failed: no daemon
`, sample().table())
}

func TestJSON(t *testing.T) {
	t.Parallel()
	var back results
	require.NoError(t, json.Unmarshal(sample().json(), &back))
	assert.Equal(t, sample(), &back)
}

// TestSVG: the chart is well formed, with a bar for each contender that has figures.
func TestSVG(t *testing.T) {
	t.Parallel()
	svg := sample().svg()
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	bars, text := 0, ""
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		switch tok := tok.(type) {
		case xml.StartElement:
			if tok.Name.Local == "rect" {
				bars++
			}
		case xml.CharData:
			text += string(tok)
		}
	}
	assert.Equal(t, 3, bars, "the background and two")
	for _, want := range []string{"a life <&>", "20.0 ms", "80.0 ms, ours is 0.25 of it", "failed"} {
		assert.Contains(t, text, want)
	}
}

func TestMachine(t *testing.T) {
	t.Parallel()
	m := thisMachine()
	assert.NotEmpty(t, m.Kernel)
	assert.Positive(t, m.Cores)
	assert.Len(t, strings.Fields(m.LoadBefore), 3)
}
