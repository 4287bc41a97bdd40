//go:build linux

package main

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

func TestMoment(t *testing.T) {
	now := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"": {}, "10m": now.Add(-10 * time.Minute), "0s": now, "1700000000": time.Unix(1700000000, 0), "1700000000.5": time.Unix(1700000000, 5e8),
		"2026-01-02T03:04:05Z": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "2026-01-02T03:04:05.5+01:00": time.Date(2026, 1, 2, 2, 4, 5, 5e8, time.UTC),
		"2026-01-02T03:04:05": time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local), "2026-01-02": time.Date(2026, 1, 2, 0, 0, 0, 0, time.Local),
	} {
		got, err := moment(s, now)
		require.NoError(t, err, s)
		require.WithinDuration(t, want, got, 0, s)
	}
	_, err := moment("yesterday", now)
	require.ErrorContains(t, err, "duration")
}

func TestFilters(t *testing.T) {
	flags := pflag.NewFlagSet("ps", pflag.ContinueOnError)
	f := filterFlag(flags, "dangling", "label", "name", "id")
	require.NoError(t, flags.Parse([]string{"-f", "name=a", "--filter", "name=b", "-f", "label=k=v", "-f", "label=n", "-f", "dangling=true", "-f", "id=0"}))
	require.True(t, f.any("name", contains("xbx")))
	require.False(t, f.any("name", contains("xyz")))
	require.True(t, f.all("label", labelled(map[string]string{"k": "v", "n": "1"})))
	require.False(t, f.all("label", labelled(map[string]string{"k": "v"})))
	require.False(t, f.all("label", labelled(map[string]string{"k": "w", "n": "1"})))
	require.True(t, f.is("dangling", true))
	require.False(t, f.is("dangling", false))
	require.True(t, f.is("other", false), "one that is not given fits all")
	require.ErrorContains(t, f.Set("x"), "NAME=VALUE")
	require.ErrorContains(t, f.Set("x=y"), `no filter "x"`)
	require.ErrorContains(t, f.Set("dangling=y"), "true or false")

	o, err := listOptions(map[string][]string{
		"id": {"1"}, "name": {"a", "b"}, "ancestor": {"i"}, "network": {"n"}, "volume": {"v"}, "status": {"exited"}, "health": {"healthy"},
		"before": {"x"}, "since": {"y"}, "label": {"k=v", "l"}, "exited": {"3"},
	})
	require.NoError(t, err)
	require.Equal(t, container.ListOptions{
		IDs: []string{"1"}, Names: []string{"a", "b"}, Images: []string{"i"}, Networks: []string{"n"}, Volumes: []string{"v"},
		Statuses: []container.Status{container.StatusExited}, Health: []container.HealthStatus{container.HealthHealthy}, Before: "x", Since: "y",
		Labels: map[string]string{"k": "v", "l": ""}, ExitCodes: []int{3},
	}, o)
	_, err = listOptions(map[string][]string{"exited": {"x"}})
	require.ErrorContains(t, err, "exited=x")
}

func TestTopRows(t *testing.T) {
	now := time.Now()
	rows := topRows([]container.Process{
		{PID: 1, HostPID: 501, User: "root", Started: now.Add(-10 * time.Second), CPU: 5 * time.Second, Command: []string{"/bin/init", "-x"}},
		{PID: 7, ParentPID: 1, HostPID: 508, User: "1000", Started: now.Add(-50 * time.Hour), CPU: 3723 * time.Second, TTY: true, Command: []string{"sh"}},
	}, now)
	require.Equal(t, []string{"root", "501", "0", "50", now.Add(-10 * time.Second).Format("15:04"), "?", "00:00:05", "/bin/init -x"}, rows[0])
	require.Equal(t, []string{"1000", "508", "501", "2", now.Add(-50 * time.Hour).Format("Jan02"), "pts/0", "01:02:03", "sh"}, rows[1])
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

func TestFormat(t *testing.T) {
	rows := []volumeRow{{Name: "a", Driver: "local"}, {Name: "b"}}
	as := listing[volumeRow]{id: func(r volumeRow) string { return r.Name }, header: "NAME", cells: func(r volumeRow) []string { return []string{r.Name} }}
	for how, want := range map[string]string{
		"table": "NAME\na\nb\n", "{{.Name}}/{{.Driver}}": "a/local\nb/\n", `{{upper .Name}} {{json .Name}}`: "A \"a\"\nB \"b\"\n",
		"json": `{"Driver":"local","Labels":"","Mountpoint":"","Name":"a","Scope":""}` + "\n" + `{"Driver":"","Labels":"","Mountpoint":"","Name":"b","Scope":""}` + "\n",
	} {
		var f format
		require.NoError(t, f.Set(how))
		var out bytes.Buffer
		require.NoError(t, show(&out, f, false, rows, as))
		require.Equal(t, want, out.String())
	}
	var out bytes.Buffer
	require.NoError(t, show(&out, "table", true, rows, as))
	require.Equal(t, "a\nb\n", out.String())
	var f format
	require.Error(t, f.Set("yaml"))
	require.Error(t, f.Set("{{.Name"))
	require.NoError(t, f.Set("{{.Nothing}}"))
	require.Error(t, show(&out, f, false, rows, as))
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
