//go:build linux

package procstat

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/cgroups"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

// proc writes a directory such as /proc/PID.
func proc(t *testing.T, stat, status, cmdline string) string {
	dir := t.TempDir() + "/"
	for name, text := range map[string]string{"stat": stat, "status": status, "cmdline": cmdline} {
		require.NoError(t, os.WriteFile(dir+name, []byte(text), 0o600))
	}
	return dir
}

func TestReadProcess(t *testing.T) {
	t.Parallel()
	boot := time.Unix(1000, 0)
	const rest = " S 7 1 1 34816 1 4194560 1 2 3 4 150 50 0 0 20 0 3 0 500 1000000 25 18446744073709551615 1 1"
	status := "Name:\tx\nUid:\t0\t33\t0\t0\nNSpid:\t4711\t12\n"
	p, err := readProcess(proc(t, "4711 (a) b (c))"+rest, status, "sh\x00-c\x00x y\x00"), 4711, boot)
	require.NoError(t, err)
	assert.Equal(t, &container.Process{
		PID: 12, HostPID: 4711, ParentPID: 7, User: "33", State: "S", TTY: true, Threads: 3, CPU: 2 * time.Second,
		Started: boot.Add(5 * time.Second), Memory: 25 * int64(os.Getpagesize()), Command: []string{"sh", "-c", "x y"},
	}, p)
	p, err = readProcess(proc(t, "1 (kworker/0:1)"+rest, status, ""), 1, boot)
	require.NoError(t, err)
	assert.Equal(t, []string{"[kworker/0:1]"}, p.Command)
	for _, bad := range []string{"", "1 x S 1", "1 (x) S 1 2"} {
		_, err := readProcess(proc(t, bad, status, ""), 1, boot)
		require.ErrorContains(t, err, "does not parse", "%q", bad)
	}
	_, err = readProcess(t.TempDir()+"/", 1, boot)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Against ourselves and a child.
func TestList(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	own, child := os.Getpid(), cmd.Process.Pid
	procs, err := List([]int{child, 0x7ffffff0, own})
	require.NoError(t, err)
	require.Len(t, procs, 2, "what has ended is left out")
	byHost := map[int]container.Process{}
	for _, p := range procs {
		byHost[p.HostPID] = p
	}
	assert.Equal(t, byHost[own].PID, byHost[child].ParentPID)
	assert.Zero(t, byHost[own].ParentPID, "the parent is none of the container's")
	assert.Equal(t, []string{"cat"}, byHost[child].Command)
	assert.WithinDuration(t, time.Now(), byHost[child].Started, time.Minute)
	pids, err := InNamespace(own)
	require.NoError(t, err)
	assert.Subset(t, pids, []int{own, child})
	_, err = InNamespace(0x7ffffff0)
	require.ErrorIs(t, err, os.ErrNotExist)
	var sum container.Stats
	require.NoError(t, Sum(procs, &sum))
	assert.True(t, sum.Partial)
	assert.Equal(t, procs[0].Memory+procs[1].Memory, sum.Memory)
	assert.Greater(t, sum.MemoryLimit, sum.Memory)
}

func TestNameUsers(t *testing.T) {
	t.Parallel()
	users := func(passwd string) (out []string) {
		procs := []container.Process{{User: "0"}, {User: "33"}, {User: "1000"}}
		NameUsers(procs, strings.NewReader(passwd))
		for _, p := range procs {
			out = append(out, p.User)
		}
		return out
	}
	assert.Equal(t, []string{"root", "www", "1000"}, users("root:x:0:0::/:/bin/sh\nwww:x:33:33::/:\ntoor:x:0:0::/:\n"), "the first of two names")
	assert.Equal(t, []string{"0", "33", "1000"}, users(""))
}

func TestCgroup(t *testing.T) {
	t.Parallel()
	st := &cgroups.Stats{}
	st.CpuStats.CpuUsage.TotalUsage = 5e9
	st.MemoryStats.Usage = cgroups.MemoryData{Usage: 1000, Limit: math.MaxUint64}
	st.MemoryStats.Stats = map[string]uint64{"inactive_file": 300, "total_inactive_file": 400}
	st.PidsStats = cgroups.PidsStats{Current: 3, Limit: math.MaxUint64}
	st.BlkioStats.IoServiceBytesRecursive = []cgroups.BlkioStatEntry{{Op: "Read", Value: 1}, {Op: "write", Value: 2}, {Op: "read", Value: 4}, {Op: "sync", Value: 8}}
	total, err := hostMemory()
	require.NoError(t, err)
	var out container.Stats
	require.NoError(t, Cgroup(st, true, &out))
	assert.Equal(t, container.Stats{CPU: 5 * time.Second, Memory: 700, MemoryLimit: total, PIDs: 3, BlockRead: 5, BlockWrite: 2}, out)

	st.MemoryStats.Usage.Limit, st.PidsStats.Limit = 4096, 10
	out = container.Stats{}
	require.NoError(t, Cgroup(st, false, &out))
	assert.EqualValues(t, 600, out.Memory, "version 1 counts the tree's")
	assert.EqualValues(t, 4096, out.MemoryLimit)
	assert.Equal(t, 10, out.PIDsLimit)
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "dev")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write(`Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0:      10      11   12   13    0     0          0         0       20      21   22   23    0     0       0          0
`)
	got, err := Network(file)
	require.NoError(t, err)
	assert.Equal(t, map[string]container.NetworkStats{"eth0": {
		RxBytes: 10, RxPackets: 11, RxErrors: 12, RxDropped: 13, TxBytes: 20, TxPackets: 21, TxErrors: 22, TxDropped: 23,
	}}, got)
	write("eth0: a 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n")
	_, err = Network(file)
	require.ErrorContains(t, err, "does not parse")
}

func TestOOMKilled(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "memory.events")
	assert.False(t, OOMKilled(file))
	for text, want := range map[string]bool{
		"low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 0\n": true, "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n": true,
		"oom 3\noom_kill 0\n": false, "oom_kill_disable 1\n": false, "": false,
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		assert.Equal(t, want, OOMKilled(file), text)
	}
}
