package container_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// limits skips a test of limits where the user has none, which TestLimitsWithoutRights looks at.
func limits(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("an ordinary user has no cgroups here: TestLimitsWithoutRights has what happens then")
	}
}

// cgroup reads a file of a container's cgroup from outside. v1 and v2 are its name in each; v1 begins with a controller.
func cgroup(t testing.TB, c *container.Container, parent, v1, v2 string) string {
	t.Helper()
	if parent == "" {
		parent = "caisson"
	}
	controller, file := filepath.Split(v1)
	path := filepath.Join("/sys/fs/cgroup", controller, parent, c.ID(), file)
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		path = filepath.Join("/sys/fs/cgroup", parent, c.ID(), v2)
	}
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return strings.TrimSpace(string(b))
}

func TestLimits(t *testing.T) {
	t.Parallel()
	limits(t)
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Resources: container.Resources{
		Memory: 64 << 20, MemoryReservation: 32 << 20, CPUs: 0.5, CPUSet: "0", CPUShares: 512, PIDs: 30, OOMScoreAdj: 300, CgroupParent: "/caisson/of-a-test",
	}})
	in := "caisson/of-a-test"
	t.Cleanup(func() {
		dirs, err := filepath.Glob("/sys/fs/cgroup/*/caisson/of-a-test")
		require.NoError(t, err)
		for _, d := range append(dirs, "/sys/fs/cgroup/caisson/of-a-test") {
			if err := os.Remove(d); err != nil {
				require.ErrorIs(t, err, os.ErrNotExist, "the parent is the caller's to remove, and empty")
			}
		}
	})
	t.Cleanup(func() { require.NoError(t, c.Remove(context.Background(), container.RemoveOptions{Force: true})) })
	assert.Equal(t, "67108864", cgroup(t, c, in, "memory/memory.limit_in_bytes", "memory.max"))
	assert.Equal(t, "33554432", cgroup(t, c, in, "memory/memory.soft_limit_in_bytes", "memory.low"))
	assert.Equal(t, "30", cgroup(t, c, in, "pids/pids.max", "pids.max"))
	assert.Equal(t, "0", cgroup(t, c, in, "cpuset/cpuset.cpus", "cpuset.cpus"))
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		assert.Equal(t, "50000 100000", cgroup(t, c, in, "", "cpu.max"))
		assert.Equal(t, "67108864", cgroup(t, c, in, "", "memory.swap.max"), "swap alone: as much again")
	} else {
		assert.Equal(t, "50000", cgroup(t, c, in, "cpu/cpu.cfs_quota_us", ""))
		assert.Equal(t, "100000", cgroup(t, c, in, "cpu/cpu.cfs_period_us", ""))
		assert.Equal(t, "512", cgroup(t, c, in, "cpu/cpu.shares", ""))
		assert.Equal(t, "134217728", cgroup(t, c, in, "memory/memory.memsw.limit_in_bytes", ""))
	}
	out, err := c.Command("/bin/testbox", "cat", "/proc/1/oom_score_adj", "/proc/self/oom_score_adj").Output(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "300\n300\n", string(out))
	out, err = c.Command("/bin/testbox", "cat", "/proc/self/status").Output(t.Context())
	require.NoError(t, err)
	assert.Contains(t, string(out), "Cpus_allowed_list:\t0\n")
}

func TestMemoryLimitKills(t *testing.T) {
	t.Parallel()
	limits(t)
	e := newEngine(t)
	_, _, st := run(t, e, container.Options{Cmd: []string{"eat", "256"}, Resources: container.Resources{Memory: 32 << 20, MemorySwap: 32 << 20}})
	assert.Equal(t, 137, st.ExitCode)
	assert.Equal(t, "SIGKILL", st.Signal)
	assert.True(t, st.OOMKilled)
	_, _, st = run(t, e, container.Options{Cmd: []string{"eat", "16"}, Resources: container.Resources{Memory: 64 << 20}})
	assert.Zero(t, st.ExitCode)
	assert.False(t, st.OOMKilled)
}

func TestPIDsLimit(t *testing.T) {
	t.Parallel()
	limits(t)
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"forks", "200"}, Resources: container.Resources{PIDs: 40}})
	waitForLog(t, c, "resource temporarily unavailable")
}

// TestBlockIO: limits of a disk are the container's in the kernel.
func TestBlockIO(t *testing.T) {
	t.Parallel()
	limits(t)
	disks, err := filepath.Glob("/sys/block/*")
	require.NoError(t, err)
	device, number := "", ""
	for _, d := range disks {
		if _, err := os.Stat("/dev/" + filepath.Base(d)); err == nil {
			b, err := os.ReadFile(d + "/dev")
			require.NoError(t, err)
			device, number = "/dev/"+filepath.Base(d), strings.TrimSpace(string(b))
			break
		}
	}
	if device == "" {
		testenv.Skip(t, "a block device")
	}
	e := newEngine(t)
	twice := container.BlockIOLimit{Device: device, ReadBPS: 1 << 20}
	_, err = e.Create(t.Context(), container.Options{Image: testImage, Resources: container.Resources{BlockIO: []container.BlockIOLimit{twice, twice}}})
	require.ErrorIs(t, err, container.ErrInvalidArgument)
	require.ErrorContains(t, err, "BlockIO[1].Device")
	c, err := e.Start(t.Context(), container.Options{Image: testImage, Cmd: []string{"sleep", "1h"}, Network: container.NetworkNone, Resources: container.Resources{
		BlockIO: []container.BlockIOLimit{{Device: device, ReadBPS: 1 << 20, WriteBPS: 2 << 20, ReadIOPS: 300, WriteIOPS: 400}},
	}})
	if errors.Is(err, container.ErrUnsupported) {
		testenv.Skip(t, "limits of block devices: "+err.Error())
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Remove(context.Background(), container.RemoveOptions{Force: true})) })
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		assert.Equal(t, number+" rbps=1048576 wbps=2097152 riops=300 wiops=400", cgroup(t, c, "", "", "io.max"))
		return
	}
	for file, want := range map[string]string{"read_bps": "1048576", "write_bps": "2097152", "read_iops": "300", "write_iops": "400"} {
		assert.Equal(t, number+" "+want, cgroup(t, c, "", "blkio/blkio.throttle."+file+"_device", ""))
	}
}

func TestBlockIOWeight(t *testing.T) {
	t.Parallel()
	limits(t)
	e := newEngine(t)
	c, err := e.Create(t.Context(), container.Options{Image: testImage, Cmd: []string{"sleep", "1h"}, Resources: container.Resources{BlockIOWeight: 200}})
	if err != nil {
		require.ErrorIs(t, err, container.ErrUnsupported)
		testenv.Skip(t, "a kernel with weights of block devices")
	}
	t.Cleanup(func() { require.NoError(t, c.Remove(context.Background(), container.RemoveOptions{Force: true})) })
	require.NoError(t, c.Start(t.Context()))
	assert.Contains(t, cgroup(t, c, "", "blkio/blkio.bfq.weight", "io.bfq.weight"), "200")
}

func TestUlimitsAndShm(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Resources: container.Resources{
		ShmSize: 8 << 20,
		Ulimits: []container.Ulimit{
			{Name: "nofile", Soft: 100, Hard: 200}, {Name: "sigpending", Soft: 100, Hard: 200}, {Name: "core", Soft: 0, Hard: 0}, {Name: "stack", Soft: -1, Hard: -1}, {Name: "cpu", Soft: 90, Hard: 100},
			{Name: "memlock", Soft: 1 << 50, Hard: 1 << 50},
		},
	}})
	for _, file := range []string{"/proc/1/limits", "/proc/self/limits"} {
		out, err := c.Command("/bin/testbox", "cat", file).Output(t.Context())
		require.NoError(t, err)
		got := map[string][]string{}
		for line := range strings.Lines(string(out)) {
			if len(line) > 50 {
				got[strings.TrimSpace(line[:25])] = strings.Fields(line[25:])
			}
		}
		assert.Equal(t, "200", got["Max open files"][1], "%s: the soft one is raised by every Go program", file)
		assert.Equal(t, []string{"100", "200"}, got["Max pending signals"][:2], file)
		assert.Equal(t, []string{"0", "0"}, got["Max core file size"][:2], file)
		assert.Equal(t, []string{"90", "100"}, got["Max cpu time"][:2], file)
		if os.Geteuid() != 0 {
			hard, err := strconv.ParseInt(got["Max locked memory"][1], 10, 64)
			require.NoError(t, err)
			assert.Less(t, hard, int64(1<<50), "%s: cut to what the user may have", file)
		}
	}
	out, err := c.Command("/bin/testbox", "cat", "/proc/self/mounts").Output(t.Context())
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^shm /dev/shm tmpfs rw,nosuid,nodev,noexec,.*size=8192k`, string(out))
}

func TestResourceErrors(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for field, r := range map[string]container.Resources{
		"Memory 1":                      {Memory: 1},
		"MemorySwap 5":                  {MemorySwap: 5},
		"MemorySwap 8388608":            {Memory: 16 << 20, MemorySwap: 8 << 20},
		"MemorySwap -2":                 {Memory: 16 << 20, MemorySwap: -2},
		"CPUs -1":                       {CPUs: -1},
		"CPUs 0.001":                    {CPUs: 0.001},
		"CPUs " + itoa(cpus()+1):        {CPUs: float64(cpus() + 1)},
		`CPUSet "0-"`:                   {CPUSet: "0-"},
		`CPUSet "8000"`:                 {CPUSet: "8000"},
		`MemoryNodes "999"`:             {MemoryNodes: "999"},
		"CPUShares 1":                   {CPUShares: 1},
		"PIDs -2":                       {PIDs: -2},
		"BlockIOWeight 5":               {BlockIOWeight: 5},
		"ShmSize -1":                    {ShmSize: -1},
		"OOMScoreAdj 1001":              {OOMScoreAdj: 1001},
		`CgroupParent "/a/../b"`:        {CgroupParent: "/a/../b"},
		`CgroupParent "/"`:              {CgroupParent: "/"},
		`Ulimits[0].Name "files"`:       {Ulimits: []container.Ulimit{{Name: "files"}}},
		"Ulimits[0] nofile: the soft":   {Ulimits: []container.Ulimit{{Name: "nofile", Soft: -1, Hard: 5}}},
		"Ulimits[1] core: it is given":  {Ulimits: []container.Ulimit{{Name: "core"}, {Name: "core"}}},
		"Ulimits[0] core: soft -7, har": {Ulimits: []container.Ulimit{{Name: "core", Soft: -7}}},
	} {
		t.Run(field, func(t *testing.T) {
			_, err := e.Create(t.Context(), container.Options{Image: testImage, Resources: r})
			require.ErrorIs(t, err, container.ErrInvalidArgument)
			assert.ErrorContains(t, err, "Options.Resources."+field)
		})
	}
}

func cpus() int         { return runtime.NumCPU() }
func itoa(n int) string { return strconv.Itoa(n) }

// TestLimitsWithoutRights: a limit that can't be kept is refused, never dropped.
func TestLimitsWithoutRights(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("runs as part of TestAsOrdinaryUser")
	}
	e := newEngine(t)
	for name, r := range map[string]container.Resources{
		"memory": {Memory: 64 << 20}, "cpu": {CPUs: 1}, "cpuset": {CPUSet: "0"}, "pids": {PIDs: 10}, "blkio": {BlockIOWeight: 100},
	} {
		_, err := e.Create(t.Context(), container.Options{Image: testImage, Resources: r})
		require.ErrorIs(t, err, container.ErrUnsupported, name)
		assert.ErrorContains(t, err, name)
	}
	_, err := e.Create(t.Context(), container.Options{Image: testImage, Resources: container.Resources{OOMScoreAdj: -500}})
	require.ErrorIs(t, err, container.ErrUnsupported)
	assert.ErrorContains(t, err, "OOMScoreAdj")
}
