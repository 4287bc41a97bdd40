//go:build linux

package container_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestExecBothWays: a command is what it is whoever starts it. One without a terminal is started by a list of system calls
// of the agent's, one with a terminal by libcontainer: all that a process can find out about itself, and all that it may do, is
// the same.
func TestExecBothWays(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	d, last := dockerDefaults(t)
	confinement := append([]string{"confinement", strconv.Itoa(last)}, slices.Concat(d.MaskedPaths, d.ReadonlyPaths)...)
	for name, tc := range map[string]struct {
		opts container.Options
		cmd  container.Cmd
		ids  bool // needs more than one
		root bool // needs it
	}{
		"default":    {},
		"privileged": {opts: container.Options{Security: container.Security{Privileged: true}}},
		"capabilities": {opts: container.Options{Security: container.Security{
			CapDrop: []string{"ALL"}, CapAdd: []string{"KILL", "SYS_ADMIN"}, NoNewPrivileges: true,
		}}},
		"no filter":       {opts: container.Options{Security: container.Security{Seccomp: container.Unconfined, CapDrop: []string{"ALL"}}}},
		"host namespaces": {opts: container.Options{Network: container.NetworkHost, Namespaces: container.Namespaces{IPC: "host", UTS: "host"}}},
		"host processes":  {opts: container.Options{Namespaces: container.Namespaces{PID: "host"}}, root: true},
		"limits": {opts: container.Options{Resources: container.Resources{
			OOMScoreAdj: 300, Ulimits: []container.Ulimit{{Name: "core", Soft: 5, Hard: 7}, {Name: "nofile", Soft: 100, Hard: 200}},
		}}},
		"directory":          {cmd: container.Cmd{Dir: "/etc", Env: []string{"B=2", "A=1", "B=3"}}},
		"privileged command": {cmd: container.Cmd{Privileged: true}},
		"user":               {cmd: container.Cmd{User: "1234:1235"}, ids: true},
		"user without new privileges": {
			opts: container.Options{User: "1234", Process: container.ProcessConfig{Groups: []string{"77", "78"}}, Security: container.Security{NoNewPrivileges: true}}, ids: true,
		},
		"privileged user": {opts: container.Options{Security: container.Security{Privileged: true}}, cmd: container.Cmd{User: "1234", Privileged: true}, ids: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.ids {
				testenv.ManyIDs(t)
			}
			if tc.root {
				testenv.Root(t)
			}
			tc.opts.Cmd = []string{"sleep", "1h"}
			c := start(t, e, tc.opts)
			ask := func(tty bool, args ...string) (out map[string]any) {
				cmd := c.Command("testbox", args...)
				cmd.Dir, cmd.Env, cmd.User, cmd.Privileged, cmd.TTY = tc.cmd.Dir, tc.cmd.Env, tc.cmd.User, tc.cmd.Privileged, tty
				var text bytes.Buffer
				cmd.Stdin, cmd.Stdout = strings.NewReader(""), &text
				require.NoError(t, cmd.Run(t.Context()), "%s", text.String())
				require.NoError(t, json.Unmarshal(text.Bytes(), &out), "%s", text.String())
				return out
			}
			theirs, ours := ask(true, "self"), ask(false, "self")
			theirs["env"] = strings.Replace(theirs["env"].(string), "\nTERM=xterm", "", 1) // of a terminal
			same(t, theirs, ours)
			theirs, ours = ask(true, confinement...), ask(false, confinement...)
			forget(theirs)
			forget(ours)
			same(t, theirs, ours)
		})
	}
}

// same compares each part by itself, since they are long.
func same(t *testing.T, theirs, ours map[string]any) {
	t.Helper()
	require.Equal(t, slices.Sorted(maps.Keys(theirs)), slices.Sorted(maps.Keys(ours)))
	for k := range theirs {
		assert.Equal(t, theirs[k], ours[k], k)
	}
}

// forget takes out what differs between two processes that are the same: numbers, times, and what streams are.
func forget(confined map[string]any) {
	maps.DeleteFunc(confined["status"].(map[string]any), func(k string, v any) bool {
		return strings.HasPrefix(k, "Vm") || strings.HasPrefix(k, "Rss") || strings.HasPrefix(k, "NS") || strings.HasSuffix(k, "switches") ||
			slices.Contains([]string{"Pid", "Tgid", "Threads", "State", "SigQ", "FDSize"}, k)
	})
	var fds []string
	for _, fd := range confined["fds"].([]any) {
		n, file, _ := strings.Cut(fd.(string), " ")
		if !slices.Contains([]string{"0", "1", "2"}, n) {
			n = file // the Go runtime's, which must be the same
		}
		fds = append(fds, n)
	}
	slices.Sort(fds)
	confined["fds"] = fds
}
