package share_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/network/share"
)

var one = share.Amount{share.Flows: 1}

// fill has members take in turn until none gets any more, and says how much each has.
func fill(p *share.Pool, members ...[2]string) []int {
	got := make([]int, len(members))
	for full := false; !full; {
		full = true
		for i, m := range members {
			if p.Take(m[0], m[1], one) != nil {
				got[i]++
				full = false
			}
		}
	}
	return got
}

// TestFairness: columns are who takes, in turn, until nobody gets any more; and what one who comes then gets.
func TestFairness(t *testing.T) {
	t.Parallel()
	a, b, c := [2]string{"app", "a"}, [2]string{"app", "b"}, [2]string{"app", "c"}
	other, third := [2]string{"other", "x"}, [2]string{"third", "y"}
	for _, tc := range []struct {
		name   string
		takers [][2]string
		want   []int
		later  [2]string
		gets   int
	}{
		{"one alone, then one on its network", [][2]string{a}, []int{300}, b, 100},
		{"one alone, then one on another network", [][2]string{a}, []int{300}, other, 200},
		{"two of a network", [][2]string{a, b}, []int{180, 180}, c, 60},
		{"two of a network, then another network", [][2]string{a, b}, []int{180, 180}, other, 180},
		{"three of a network", [][2]string{a, b, c}, []int{129, 129, 128}, other, 172},
		{"two networks", [][2]string{a, other}, []int{225, 225}, third, 150},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := share.New(share.Amount{share.Flows: 900})
			assert.Equal(t, tc.want, fill(p, tc.takers...))
			assert.Equal(t, []int{tc.gets}, fill(p, tc.later))
		})
	}
}

// TestNewcomer: whoever holds nothing gets some, however many hold as much as they can.
func TestNewcomer(t *testing.T) {
	t.Parallel()
	for _, networks := range []int{1, 2, 20} {
		p := share.New(share.Amount{share.Flows: 2048})
		var hogs [][2]string
		for n := range networks {
			for c := range 20 {
				hogs = append(hogs, [2]string{fmt.Sprint("net", n), fmt.Sprint(c)})
			}
		}
		fill(p, hogs...)
		late := fill(p, [2]string{"late", "c"})
		assert.Positive(t, late[0], "%d networks", networks)
	}
}

func TestAllOrNothing(t *testing.T) {
	t.Parallel()
	p := share.New(share.Amount{share.Descriptors: 100, share.Pending: 3})
	want := share.Amount{share.Descriptors: 6, share.Pending: 1}
	l := p.Take("app", "a", want)
	require.NotNil(t, l)
	require.Nil(t, p.Take("app", "a", want), "the second would wait for too much")
	assert.Equal(t, want, p.Held("app", "a"))
	require.Nil(t, p.Take("app", "b", share.Amount{share.Flows: 1}), "there are none")
	assert.Equal(t, share.Amount{}, p.Held("app", "b"))

	l.Return(share.Amount{share.Pending: 1})
	assert.Equal(t, share.Amount{share.Descriptors: 6}, p.Held("app", "a"))
	l.Return(share.Amount{share.Pending: 1, share.Descriptors: 100}) // no more than it has
	assert.Equal(t, share.Amount{}, p.Held("app", "a"))
	l.Release()
	l.Release()
	(*share.Lease)(nil).Release()
	assert.Equal(t, share.Amount{}, p.Held("app", "a"))
	require.NotNil(t, p.Take("app", "a", want), "nothing is lost")
}

// TestConcurrent: the sums are right whoever takes and gives at the same time.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	p := share.New(share.Amount{share.Flows: 64})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 1000 {
				l := p.Take("app", fmt.Sprint(i%3), one)
				if l != nil {
					go l.Release()
					l.Release()
				}
			}
		})
	}
	wg.Wait()
	assert.Equal(t, []int{22}, fill(p, [2]string{"app", "0"}), "all was given back")
}

func TestSize(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	for _, c := range []struct {
		m    share.Machine
		want share.Amount
	}{
		{share.Machine{Files: 1024, Memory: 8 * gib, Ports: 28232}, share.Amount{512, 512, 512, 256}},
		{share.Machine{Files: 4096, Memory: 8 * gib, Ports: 28232}, share.Amount{2048, 2048, 2048, 1024}},
		{share.Machine{Files: 1 << 20, Memory: 8 * gib, Ports: 28232}, share.Amount{1 << 19, 16384, 14116, 4096}},
		{share.Machine{Files: 1 << 20, Memory: 256 * gib, Ports: 28232}, share.Amount{1 << 19, 65536, 14116, 4096}},
		{share.Machine{Files: 1 << 20, Memory: gib / 2, Ports: 100}, share.Amount{1 << 19, 1024, 50, 512}},
		{share.Machine{Files: 1<<64 - 1, Memory: gib, Ports: 28232}, share.Amount{1 << 30, 2048, 2048, 1024}},
	} {
		assert.Equal(t, c.want, c.m.Size(), "%+v", c.m)
	}
}
