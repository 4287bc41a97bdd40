//go:build linux

package network_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

// An agent is a further process with one container on a network. It does what it reads on standard input, a
// command a line, and answers with "ok", or what went wrong.
type agent struct {
	t    *testing.T
	cmd  *exec.Cmd
	in   *os.File
	out  *bufio.Scanner
	IP   string
	name string
}

// startAgent starts one; apart gives it a user namespace of its own, as agents of an ordinary user have.
func startAgent(t *testing.T, dir, netName, name string, apart bool) *agent {
	t.Helper()
	a := &agent{t: t, name: name}
	conf := managerOptions(t, dir).ResolvConf
	a.cmd = exec.Command("/proc/self/exe")
	a.cmd.Env = append(os.Environ(), stageEnv+"="+stageAgent, "AGENT_DIR="+dir, "AGENT_NETWORK="+netName, "AGENT_NAME="+name, "AGENT_RESOLV="+conf)
	a.cmd.Stderr = testWriter{t}
	a.cmd.SysProcAttr = &syscall.SysProcAttr{}
	if apart {
		asUserNamespaceRoot(a.cmd)
	}
	inR, inW, err := os.Pipe()
	require.NoError(t, err)
	outR, outW, err := os.Pipe()
	require.NoError(t, err)
	a.cmd.Stdin, a.cmd.Stdout, a.in, a.out = inR, outW, inW, bufio.NewScanner(outR)
	require.NoError(t, a.cmd.Start())
	inR.Close()
	outW.Close()
	t.Cleanup(func() {
		inW.Close()
		a.cmd.Process.Kill()
		a.cmd.Wait()
		outR.Close()
	})
	require.True(t, a.out.Scan(), "agent %s did not start", name)
	require.NoError(t, json.Unmarshal(a.out.Bytes(), a), a.out.Text())
	return a
}

func (a *agent) tell(format string, args ...any) string {
	a.t.Helper()
	a.ask(format, args...)
	return a.hear()
}

func (a *agent) ask(format string, args ...any) {
	a.t.Helper()
	_, err := fmt.Fprintf(a.in, format+"\n", args...)
	require.NoError(a.t, err)
}

func (a *agent) hear() string {
	a.t.Helper()
	require.True(a.t, a.out.Scan(), "agent %s ended", a.name)
	return a.out.Text()
}

func (a *agent) must(format string, args ...any) {
	a.t.Helper()
	require.Equal(a.t, "ok", a.tell(format, args...), "agent %s: %s", a.name, fmt.Sprintf(format, args...))
}

// kill ends the agent as a crash does.
func (a *agent) kill() {
	require.NoError(a.t, a.cmd.Process.Kill())
	a.cmd.Wait()
}

// agentMain is the agent's side.
func agentMain() int {
	var level slog.Level = slog.LevelDebug
	m, err := network.Open(network.Options{Dir: os.Getenv("AGENT_DIR"), ResolvConf: os.Getenv("AGENT_RESOLV"),
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})).With("agent", os.Getenv("AGENT_NAME"))})
	if err != nil {
		return agentFail(err)
	}
	defer m.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n, err := m.Join(ctx, os.Getenv("AGENT_NETWORK"))
	if err != nil {
		return agentFail(err)
	}
	ns, err := netns.New()
	if err != nil {
		return agentFail(err)
	}
	ep, err := n.Attach(ctx, network.EndpointOptions{
		Netns: ns, Name: os.Getenv("AGENT_NAME"), Container: os.Getenv("AGENT_NAME") + "-container", HostPorts: plan.HostPorts{All: true},
	})
	if err != nil {
		return agentFail(err)
	}
	l, err := netns.Listen(ctx, ns, "tcp", ":80")
	if err != nil {
		return agentFail(err)
	}
	go acceptAll(l, echo)
	json.NewEncoder(os.Stdout).Encode(map[string]string{"IP": ep.Info().IPv4.Addr().String()})
	b := box{ns: ns, ep: ep}
	s := agentSession{b: b, n: n}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if err := s.do(strings.Fields(in.Text())); err != nil {
			fmt.Println(err)
		} else {
			fmt.Println("ok")
		}
	}
	return 0
}

func agentFail(err error) int {
	fmt.Println(err)
	return 1
}

type agentSession struct {
	b    box
	n    *network.Network
	kept net.Conn
}

func (s *agentSession) do(f []string) error {
	switch f[0] {
	case "leads":
		if !s.n.Leads() {
			return fmt.Errorf("follows")
		}
		return nil
	case "echo": // echo ADDR BYTES: a new connection
		var size int
		fmt.Sscan(f[2], &size)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		c, err := netns.Dial(ctx, s.b.ns, "tcp", f[1])
		if err != nil {
			return err
		}
		defer c.Close()
		return echoThrough(c, size)
	case "keep": // keep ADDR: a connection for later
		c, err := netns.Dial(context.Background(), s.b.ns, "tcp", f[1])
		s.kept = c
		return err
	case "kept": // is it still good?
		return roundTrip(s.kept, "still there?")
	case "lookup": // lookup NAME WANT
		r, err := s.b.tryQuery("udp", f[1], dns.TypeA)
		if err != nil {
			return err
		}
		if len(r.Answer) != 1 || r.Answer[0].(*dns.A).A.String() != f[2] {
			return fmt.Errorf("%s: %s %v", f[1], dns.RcodeToString[r.Rcode], r.Answer)
		}
		return nil
	case "detach":
		return s.b.ep.Detach(context.Background())
	case "ping":
		return ping(s.b, f[1])
	}
	return fmt.Errorf("unknown command %q", f)
}
