//go:build linux

package main

import (
	"bytes"
	"context"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/examples/cli/internal/format"
)

func TestListOptions(t *testing.T) {
	flags := pflag.NewFlagSet("ps", pflag.ContinueOnError)
	where := format.FilterFlag(flags, psFilters...)
	require.NoError(t, flags.Parse(strings.Fields("-f ancestor=i -f network=n -f volume=v -f status=exited -f health=healthy "+
		"-f before=x -f since=y -f label=k=v -f label=l -f exited=3 -f publish=80/udp -f id=1 -f name=a")))
	o, err := listOptions(where)
	require.NoError(t, err)
	require.Equal(t, container.ListOptions{
		Images: []string{"i"}, Networks: []string{"n"}, Volumes: []string{"v"},
		Statuses: []container.Status{container.StatusExited}, Before: "x", Since: "y",
		Labels: map[string]string{"k": "v", "l": ""}, ExitCodes: []int{3},
	}, o)
	for _, bad := range []string{"exited=x", "status=x", "health=x", "publish=x", "expose=2-1", "color=red"} {
		flags := pflag.NewFlagSet("ps", pflag.ContinueOnError)
		where := format.FilterFlag(flags, psFilters...)
		require.NoError(t, flags.Parse([]string{"-f", bad}))
		_, err = listOptions(where)
		require.ErrorContains(t, err, "--filter "+bad)
	}
}

func TestTop(t *testing.T) {
	now := time.Now()
	list := []container.Process{
		{PID: 1, HostPID: 501, User: "root", Started: now.Add(-10 * time.Second), CPU: 5 * time.Second, Command: []string{"/bin/init", "-x"}, State: "S", Threads: 3, Memory: 4096},
		{PID: 7, ParentPID: 1, HostPID: 508, User: "1000", Started: now.Add(-50 * time.Hour), CPU: 3723 * time.Second, TTY: true, Command: []string{"sh"}},
	}
	at, day := now.Add(-10*time.Second).Format("15:04"), now.Add(-50*time.Hour).Format("Jan02")
	for args, want := range map[string][]string{
		"":                                    {"UID PID PPID C STIME TTY TIME CMD", "root 501 0 50 " + at + " ? 00:00:05 /bin/init -x", "1000 508 501 2 " + day + " pts/0 01:02:03 sh"},
		"-ef":                                 {"UID PID PPID C STIME TTY TIME CMD", "root 501 0 50 " + at + " ? 00:00:05 /bin/init -x", "1000 508 501 2 " + day + " pts/0 01:02:03 sh"},
		"-o pid,comm":                         {"PID COMMAND", "501 init", "508 sh"},
		"-eo pid,ppid,user,args":              {"PID PPID USER COMMAND", "501 0 root /bin/init -x", "508 501 1000 sh"},
		"-o pid -o nlwp,rss,stat,etimes,%cpu": {"PID NLWP RSS STAT ELAPSED %CPU", "501 3 4 S 10 50.0", "508 0 0  180000 2.1"},
		"aux":                                 {"USER PID %CPU RSS TTY STAT STIME TIME COMMAND", "root 501 50.0 4 ? S " + at + " 00:00:05 /bin/init -x", "1000 508 2.1 0 pts/0  " + day + " 01:02:03 sh"},
	} {
		columns, err := topColumns(strings.Fields(args))
		require.NoError(t, err, args)
		header, rows := topTable(columns, list, now)
		got := []string{strings.Join(header, " ")}
		for _, r := range rows {
			got = append(got, strings.Join(r, " "))
		}
		require.Equal(t, want, got, args)
	}
	for args, want := range map[string]string{"-o": "columns", "-o nosuch": "nosuch", "-o user": "PID", "--forest": "--forest"} {
		_, err := topColumns(strings.Fields(args))
		require.ErrorContains(t, err, want)
	}
}

func TestPortsText(t *testing.T) {
	bind := func(addr string, inside uint16, protocol string) container.PortBinding {
		return container.PortBinding{Host: netip.MustParseAddrPort(addr), Container: inside, Protocol: protocol}
	}
	for want, ports := range map[string][]container.PortBinding{
		"":                       nil,
		"127.0.0.1:8080->80/tcp": {bind("127.0.0.1:8080", 80, "tcp")},
		"0.0.0.0:80-81->80-81/tcp, 127.0.0.1:8080->80/tcp": {bind("127.0.0.1:8080", 80, "tcp"), bind("0.0.0.0:81", 81, "tcp"), bind("0.0.0.0:80", 80, "tcp")},
		"0.0.0.0:53->53/udp, [::]:53->53/udp":              {bind("[::]:53", 53, "udp"), bind("0.0.0.0:53", 53, "udp")},
		"0.0.0.0:8000->80/tcp, 0.0.0.0:8001->81/tcp":       {bind("0.0.0.0:8001", 81, "tcp"), bind("0.0.0.0:8000", 80, "tcp")},
	} {
		require.Equal(t, want, portsText(container.Info{Ports: ports}))
	}
	info := container.Info{Networks: []container.EndpointInfo{{Network: "bridge"}}, Ports: []container.PortBinding{bind("127.0.0.1:8080", 80, "tcp")}}
	info.Config.ExposedPorts = []string{"80/tcp", "90/tcp", "91/tcp", "53/udp"}
	info.Options.Networking.Exposed = []string{"92"}
	require.Equal(t, "53/udp, 90-92/tcp, 127.0.0.1:8080->80/tcp", portsText(info))
	info.Networks = nil
	require.Equal(t, "127.0.0.1:8080->80/tcp", portsText(info))
}

func TestSpeak(t *testing.T) {
	for message, want := range map[string]string{
		`Options.Dir "x": it must be absolute`:                                                   `-w "x": it must be absolute`,
		`Options.Networking.Endpoints[0].MAC "zz": no`:                                           `--network "zz": no`,
		`Options.Resources.MemorySwap 1: it must be at least Resources.Memory (2)`:               `--memory-swap 1: it must be at least --memory (2)`,
		`UpdateOptions.Resources.CPUs -1: too few`:                                               `--cpus -1: too few`,
		`Options.Mounts[0].Source "/x": it does not exist: create it first, or set CreateSource`: `-v or --mount "/x": it does not exist: create it first, or use -v, which makes a directory`,
		`remove image x: it has several names: remove those, or set Force`:                       `remove image x: it has several names: remove those, or use -f`,
		`Options.Unknown: x`: `Options.Unknown: x`, `plain`: `plain`,
	} {
		require.Equal(t, want, speak(message))
	}
}

func TestStatsRow(t *testing.T) {
	info := container.Info{ID: "0123456789abcdef", Name: "web"}
	r := newStatsRow(info, container.Stats{
		CPUPercent: 12.345, Memory: 32 << 20, MemoryLimit: 64 << 20, PIDs: 3, BlockRead: 4000, BlockWrite: 0,
		Networks: map[string]container.NetworkStats{"eth0": {RxBytes: 1000, TxBytes: 10}, "eth1": {RxBytes: 500}},
	}, true, false)
	require.Equal(t, statsRow{
		ID: "0123456789ab", Container: info.ID, Name: "web", CPUPerc: "12.35%", MemUsage: "32MiB / 64MiB", MemPerc: "50.00%", PIDs: "3",
		NetIO: "1.5kB / 10B", BlockIO: "4kB / 0B",
	}, r)
	require.Equal(t, "--", newStatsRow(info, container.Stats{}, false, true).CPUPerc)
}

func TestCopyArgument(t *testing.T) {
	for arg, want := range map[string][2]string{
		"web:/a": {"web", "/a"}, "web:a/.": {"web", "/a/."}, "/a:b": {"", "/a:b"}, "./a:b": {"", "./a:b"}, "a": {"", "a"}, "-": {"", "-"}, "web:": {"web", "/"},
	} {
		ctr, name := copyArgument(arg)
		require.Equal(t, want, [2]string{ctr, name}, arg)
	}
}

// TestVerbErrors: with no such container, and a store that has none.
func TestVerbErrors(t *testing.T) {
	root := filepath.Join(t.TempDir(), "store")
	t.Cleanup(func() { destroy(t, root) })
	for _, args := range [][]string{
		{"cp", "nobody:/a", "."}, {"stats", "nobody"}, {"top", "nobody"}, {"diff", "nobody"}, {"commit", "nobody"}, {"export", "nobody"},
		{"update", "-m", "64m", "nobody"}, {"exec", "nobody", "true"}, {"logs", "nobody"}, {"attach", "nobody"}, {"volume", "inspect", "nobody"},
		{"volume", "rm", "nobody"}, {"restart", "nobody"}, {"port", "nobody"}, {"rename", "nobody", "x"}, {"start", "-ai", "nobody"},
	} {
		var out, errs bytes.Buffer
		code := run(context.Background(), append([]string{"--root", root}, args...), bytes.NewReader(nil), &out, &errs)
		require.Equal(t, 1, code, "%v: %s", args, &errs)
		require.Contains(t, errs.String(), "nobody", "%v", args)
	}
}
