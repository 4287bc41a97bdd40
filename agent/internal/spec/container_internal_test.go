package spec

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMergeEnv(t *testing.T) {
	for _, c := range []struct {
		name     string
		env, add []string
		want     []string
	}{
		{name: "nothing"},
		{name: "added behind", env: []string{"A=1"}, add: []string{"B=2"}, want: []string{"A=1", "B=2"}},
		{name: "replaced in its place", env: []string{"A=1", "B=2"}, add: []string{"A=3"}, want: []string{"A=3", "B=2"}},
		{name: "the last one of two counts", add: []string{"A=1", "A=2"}, want: []string{"A=2"}},
		{name: "taken away", env: []string{"A=1", "B=2"}, add: []string{"A"}, want: []string{"B=2"}},
		{name: "taken away where it is not", env: []string{"A=1"}, add: []string{"B"}, want: []string{"A=1"}},
		{name: "taken away and set again", env: []string{"A=1", "B=2"}, add: []string{"A", "A=3"}, want: []string{"B=2", "A=3"}},
		{name: "set and taken away", add: []string{"A=1", "A"}, want: []string{}},
		{name: "empty value", env: []string{"A=1"}, add: []string{"A="}, want: []string{"A="}},
		{name: "value with =", env: []string{"A=1"}, add: []string{"A=b=c"}, want: []string{"A=b=c"}},
		{name: "a name that begins like another", env: []string{"AB=1"}, add: []string{"A=2", "AB"}, want: []string{"A=2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := append([]string{}, c.env...)
			assert.Equal(t, c.want, mergeEnv(c.env, c.add))
			assert.Equal(t, before, append([]string{}, c.env...), "what is given stays as it is")
		})
	}
}

func TestNumberSet(t *testing.T) {
	for s, want := range map[string][]int{"0": {0}, "0-2,4": {0, 1, 2, 4}, "3-3": {3}, "1,1": {1}, "8191": {8191}} {
		set, ok := numberSet(s)
		assert.True(t, ok, s)
		assert.Len(t, set, len(want), s)
		for _, n := range want {
			assert.True(t, set[n], "%s: %d", s, n)
		}
	}
	for _, s := range []string{"", "a", "1-", "-1", "2-1", "1,,2", "0-9999", "1 2", "1-2-3"} {
		_, ok := numberSet(s)
		assert.False(t, ok, s)
	}
}
