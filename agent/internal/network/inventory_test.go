//go:build linux

package network_test

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

// inventory counts what a leak would add to.
type inventory struct{ files, goroutines, threads int }

func takeInventory(t testing.TB) inventory {
	t.Helper()
	return inventory{countDir(t, "/proc/self/fd"), runtime.NumGoroutine(), countDir(t, "/proc/self/task")}
}

func countDir(t testing.TB, dir string) int {
	t.Helper()
	e, err := os.ReadDir(dir)
	require.NoError(t, err)
	return len(e)
}

// requireSame waits until nothing more is there than before: what ends may take a moment to be gone.
func (before inventory) requireSame(t testing.TB) {
	t.Helper()
	var now inventory
	if !within(time.Minute, func() bool {
		now = takeInventory(t)
		runtime.GC() // returns splice's spare pipes
		return now.files <= before.files && now.goroutines <= before.goroutines
	}) {
		buf := make([]byte, 1<<20)
		t.Fatalf("left behind: before %+v, now %+v\n%s", before, now, buf[:runtime.Stack(buf, true)])
	}
}

// within polls: what it waits for has no event to wait on.
func within(limit time.Duration, done func() bool) bool {
	deadline := time.After(limit)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			return false
		case <-tick.C:
		}
	}
	return true
}

func TestNothingIsLeftBehind(t *testing.T) {
	round := func() {
		m, err := network.Open(managerOptions(t, t.TempDir()))
		require.NoError(t, err)
		n := newNetwork(t, m, plan.Spec{Name: "app", EnableIPv6: true})
		ns, err := netns.New()
		require.NoError(t, err)
		ep, err := n.Attach(ctxFor(t), network.EndpointOptions{Netns: ns, Name: "a"})
		require.NoError(t, err)
		a := box{t, ns, ep}
		var conns []interface{ Close() error }
		for range 10 {
			// Left open on purpose: the gateway has to end them.
			tcp := a.dial("tcp", outside4+":"+sourcePort)
			readOne(t, tcp)
			udp := a.dial("udp", outside4+":"+echoPort)
			checkPacketEcho(t, udp, 10)
			conns = append(conns, tcp, udp)
		}
		a.lookup("outside.test")
		require.NoError(t, ep.Release(ctxFor(t)))
		require.NoError(t, n.Leave())
		require.NoError(t, m.Close())
		for _, c := range conns {
			c.Close()
		}
		require.NoError(t, ns.Close())
	}
	round() // what is made once
	before := takeInventory(t)
	for range 5 {
		round()
	}
	before.requireSame(t)
}

func readOne(t *testing.T, c interface{ Read([]byte) (int, error) }) {
	t.Helper()
	_, err := c.Read(make([]byte, 1))
	require.NoError(t, err)
}
