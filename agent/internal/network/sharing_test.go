//go:build linux

package network_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

// Several processes share a network. Those of the machine's root share one namespace; those of an ordinary user have
// a user namespace each, may not enter each other's, and are tied by trunks.
func sharingModes(t *testing.T, test func(t *testing.T, apart []bool)) {
	if os.Getenv(stageEnv) == stageHost {
		t.Run("one user namespace", func(t *testing.T) { test(t, []bool{false, false, false, false}) })
		t.Run("mixed", func(t *testing.T) { test(t, []bool{false, true, false, true}) })
	}
	t.Run("a user namespace each", func(t *testing.T) { test(t, []bool{true, true, true, true}) })
}

func TestSharing(t *testing.T) {
	sharingModes(t, func(t *testing.T, apart []bool) {
		dir := t.TempDir()
		m := openManager(t, dir)
		_, err := m.Create(ctxFor(t), plan.Spec{Name: "app"})
		require.NoError(t, err)
		var all []*agent
		for i, name := range []string{"a", "b", "c"} {
			all = append(all, startAgent(t, dir, "app", name, apart[i]))
		}
		all[0].must("leads")
		for _, from := range all {
			for _, to := range all {
				from.must("lookup %s %s", to.name, to.IP)
				from.must("echo %s:80 %d", to.IP, 4<<20)
			}
			from.must("echo %s:%s %d", outside4, echoPort, 4<<20)
			from.must("lookup outside.test %s", outside4)
			from.must("ping %s", outside4)
		}
		info, err := m.Inspect("app")
		require.NoError(t, err)
		require.Len(t, info.Endpoints, 3)
		require.Equal(t, 3, info.Holders)
		require.ErrorIs(t, m.Remove(ctxFor(t), "app"), network.ErrInUse)

		// A follower that ends takes its name along.
		all[2].kill()
		last := ""
		if !within(5*time.Second, func() bool {
			last = all[0].tell("lookup c %s", all[2].IP)
			return last == "c: NXDOMAIN []"
		}) {
			t.Fatal(last)
		}
	})
}

func TestTakeover(t *testing.T) {
	sharingModes(t, func(t *testing.T, apart []bool) {
		dir := t.TempDir()
		m := openManager(t, dir)
		_, err := m.Create(ctxFor(t), plan.Spec{Name: "app"})
		require.NoError(t, err)
		var all []*agent
		for i, name := range []string{"a", "b", "c"} {
			all = append(all, startAgent(t, dir, "app", name, apart[i]))
		}
		b, c := all[1], all[2]
		b.must("keep %s:80", c.IP)
		b.must("kept")
		all[0].must("leads")
		all[0].kill()
		start := time.Now()

		b.must("kept") // container to container, unharmed
		for _, from := range []*agent{b, c} {
			eventually(t, from, "echo %s:%s 100000", outside4, echoPort)
			eventually(t, from, "lookup outside.test %s", outside4)
			eventually(t, from, "lookup b %s", b.IP)
			from.must("lookup c %s", c.IP)
		}
		t.Logf("gateway and DNS answer %v after the leader was killed", time.Since(start).Round(time.Millisecond))
		b.must("kept")
		leaders := 0
		for _, x := range []*agent{b, c} {
			if x.tell("leads") == "ok" {
				leaders++
			}
		}
		require.Equal(t, 1, leaders)
		require.NotEqual(t, "ok", b.tell("lookup a %s", all[0].IP), "the name of a process that died")

		d := startAgent(t, dir, "app", "d", apart[3])
		for _, x := range []*agent{b, c} {
			d.must("echo %s:80 100000", x.IP)
			eventually(t, x, "echo %s:80 100000", d.IP)
			x.must("lookup d %s", d.IP)
		}
	})
}

// eventually repeats a command: while nobody leads, packets to the gateway are lost.
func eventually(t *testing.T, a *agent, format string, args ...any) {
	t.Helper()
	var last string
	if !within(10*time.Second, func() bool {
		last = a.tell(format, args...)
		return last == "ok"
	}) {
		t.Fatalf("agent %s: %s: %s", a.name, fmt.Sprintf(format, args...), last)
	}
}

func TestManyJoinAtOnce(t *testing.T) {
	dir := t.TempDir()
	m := openManager(t, dir)
	_, err := m.Create(ctxFor(t), plan.Spec{Name: "app"})
	require.NoError(t, err)
	const count = 6
	started := make(chan *agent, count)
	for i := range count {
		go func() {
			started <- startAgent(t, dir, "app", fmt.Sprintf("a%d", i), os.Getenv(stageEnv) == stageRootless)
		}()
	}
	var all []*agent
	for range count {
		all = append(all, <-started)
	}
	leaders := 0
	for i, a := range all {
		if a.tell("leads") == "ok" {
			leaders++
		}
		next := all[(i+1)%count]
		eventually(t, a, "echo %s:80 10000", next.IP)
		a.must("lookup %s %s", next.name, next.IP)
	}
	require.Equal(t, 1, leaders)
}

func TestDetachByAFollowerEndsItsConnections(t *testing.T) {
	sharingModes(t, func(t *testing.T, apart []bool) {
		dir := t.TempDir()
		m := openManager(t, dir)
		ended := make(chan struct{})
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		go acceptAll(l, func(c *net.TCPConn) {
			io.Copy(c, c)
			c.Close()
			close(ended)
		})
		_, err = m.Create(ctxFor(t), plan.Spec{Name: "app"})
		require.NoError(t, err)
		n, err := m.Join(ctxFor(t), "app")
		require.NoError(t, err)
		require.True(t, n.Leads())
		a := startAgent(t, dir, "app", "a", apart[1])
		a.must("keep 169.254.1.2:%d", l.Addr().(*net.TCPAddr).Port)
		a.must("kept")
		a.must("detach")
		select {
		case <-ended:
		case <-ctxFor(t).Done():
			t.Fatal("the gateway keeps the connection of an endpoint that is gone")
		}
	})
}
