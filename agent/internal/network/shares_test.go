//go:build linux

package network_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/agent/internal/network/share"
)

// silent4 is beyond the outside's first hop, where nobody answers, not even that nobody is there.
const silent4 = "203.0.113.99"

// TestShares: whatever one container opens, others on its network and on another one go on, and when it is detached all
// that it had is free at once.
func TestShares(t *testing.T) {
	size := share.Amount{share.Descriptors: 120, share.Flows: 90, share.Sessions: 60, share.Pending: 45}
	for _, c := range []struct {
		name  string
		flood func(t *testing.T, a box)
		kind  share.Kind
		most  int
	}{
		{"UDP sessions", func(t *testing.T, a box) {
			for port := range 300 {
				c := a.dial("udp", fmt.Sprintf("%s:%d", outside4, 2000+port))
				_, err := c.Write([]byte("x"))
				require.NoError(t, err)
			}
		}, share.Sessions, 20},
		{"TCP connections", func(t *testing.T, a box) { dialMany(t, a, 150, net.JoinHostPort(outside4, echoPort)) }, share.Flows, 30},
		{"dials that nobody answers", func(t *testing.T, a box) { dialMany(t, a, 150, net.JoinHostPort(silent4, "80")) }, share.Pending, 15},
		{"pings that nobody answers", func(t *testing.T, a box) {
			background(t, 40, func(context.Context) { assert.Error(t, ping(a, silent4)) })
		}, share.Pending, 15},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := managerOptions(t, t.TempDir())
			opts.Shares = share.New(size)
			m, err := network.Open(opts)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, m.Close()) })
			n, other := newNetwork(t, m, plan.Spec{Name: "app"}), newNetwork(t, m, plan.Spec{Name: "other"})
			a, b, x := newBox(t, n, network.EndpointOptions{Name: "a"}), newBox(t, n, network.EndpointOptions{Name: "b"}), newBox(t, other, network.EndpointOptions{Name: "x"})
			held := func() share.Amount { return opts.Shares.Held("app", a.ep.Info().Container) }

			c.flood(t, a)
			require.Eventually(t, func() bool { return held()[c.kind] == c.most }, 30*time.Second, time.Millisecond, "the flood comes to its share")
			for _, good := range []box{b, x} {
				checkEcho(t, good.dial("tcp", net.JoinHostPort(outside4, echoPort)), 10_000)
				checkPacketEcho(t, good.dial("udp", net.JoinHostPort(outside4, echoPort)), 100)
				require.NoError(t, ping(good, outside4))
				good.query("udp", "elsewhere.example", 1)
				good.query("tcp", "elsewhere.example", 1)
			}
			assert.LessOrEqual(t, held()[c.kind], c.most)
			require.NoError(t, a.ep.Detach(ctxFor(t)))
			require.Eventually(t, func() bool { return held() == share.Amount{} }, 5*time.Second, time.Millisecond, "what it had is free")
		})
	}
}

// dialMany connects many times, and keeps what it gets until the test ends.
func dialMany(t *testing.T, b box, n int, to string) {
	background(t, n, func(ctx context.Context) {
		if c, err := netns.Dial(ctx, b.ns, "tcp", to); err == nil {
			<-ctx.Done()
			c.Close()
		}
	})
}

// background runs n times what ends with the test.
func background(t *testing.T, n int, f func(context.Context)) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { f(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}
