//go:build linux

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

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
