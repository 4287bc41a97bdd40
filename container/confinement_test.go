//go:build linux

package container_test

import (
	_ "embed" // the test binary also runs elsewhere, as another user
	"encoding/json"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

// defaults are Docker's, as testdata/docker-defaults.json has them with their source.
type defaults struct {
	Capabilities  string              `json:"capabilities"`
	MaskedPaths   []string            `json:"maskedPaths"`
	ReadonlyPaths []string            `json:"readonlyPaths"`
	Mounts        map[string][]string `json:"mounts"` // type and options
	Devices       []string            `json:"devices"`
	Links         map[string]string   `json:"links"`
	Namespaces    []string            `json:"namespaces"`
	Syscalls      map[string][2]any   `json:"syscalls"` // number and verdict
}

//go:embed testdata/docker-defaults.json
var dockerJSON []byte

func dockerDefaults(t testing.TB) (d defaults, last int) {
	t.Helper()
	require.NoError(t, json.Unmarshal(dockerJSON, &d))
	for _, s := range d.Syscalls {
		last = max(last, int(s[0].(float64)))
	}
	return d, last
}

// confined is what testbox finds that it can do.
type confined struct {
	Status     map[string]string `json:"status"`
	Mounts     []string          `json:"mounts"`
	Devices    []string          `json:"devices"`
	Links      map[string]string `json:"links"`
	Namespaces map[string]string `json:"namespaces"`
	Syscalls   map[int]string    `json:"syscalls"`
	Masked     map[string]string `json:"masked"`
	Written    map[string]string `json:"written"`
	FDs        []string          `json:"fds"`
}

// TestConfinementIsDockers compares all that a process in a container can do with Docker's defaults: of the container's
// own process, and of a command.
func TestConfinementIsDockers(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	d, last := dockerDefaults(t)
	args := append([]string{"confinement", strconv.Itoa(last)}, slices.Concat(d.MaskedPaths, d.ReadonlyPaths)...)
	out, errs, st := run(t, e, container.Options{Cmd: args})
	require.Zero(t, st.ExitCode, errs)
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}})
	b, err := c.Command("/bin/testbox", args...).Output(t.Context())
	require.NoError(t, err)
	for name, text := range map[string]string{"process": out, "command": string(b)} {
		t.Run(name, func(t *testing.T) {
			var got confined
			require.NoError(t, json.Unmarshal([]byte(text), &got))
			d.compare(t, got)
		})
	}
}

func (d defaults) compare(t *testing.T, got confined) {
	for _, set := range []string{"CapBnd", "CapEff", "CapPrm"} {
		assert.Equal(t, d.Capabilities, got.Status[set], set)
	}
	assert.Equal(t, "2", got.Status["Seccomp"])
	for _, p := range d.MaskedPaths {
		assert.Contains(t, []string{"absent", "empty"}, got.Masked[p], p)
	}
	for _, p := range d.ReadonlyPaths {
		assert.Contains(t, []string{"absent", "read-only file system", "permission denied"}, got.Written[p], p)
	}
	mounts := map[string][]string{}
	for _, line := range got.Mounts {
		left, right, _ := strings.Cut(line, " - ")
		f := strings.Fields(left)
		mounts[f[4]] = append([]string{strings.Fields(right)[0]}, strings.Split(f[5], ",")...)
	}
	for target, want := range d.Mounts {
		for _, option := range want {
			assert.Contains(t, mounts[target], option, target)
		}
	}
	assert.Equal(t, d.Devices, got.Devices)
	for link, to := range d.Links {
		assert.Equal(t, to, got.Links[link], link)
	}
	for _, ns := range d.Namespaces {
		own, err := os.Readlink("/proc/self/ns/" + ns)
		require.NoError(t, err)
		assert.NotEqual(t, own, got.Namespaces[ns], ns)
	}
	for _, fd := range got.FDs {
		n, file, _ := strings.Cut(fd, " ")
		if strings.HasPrefix(file, "/sys/fs/cgroup/cpu") {
			continue // testbox's own: the Go runtime watches its limit there
		}
		assert.Contains(t, []string{"0", "1", "2"}, n, "left open: %s", fd)
	}
	if runtime.GOARCH != "amd64" {
		t.Skip("the table of system calls is amd64's")
	}
	for name, s := range d.Syscalls {
		assert.Equal(t, s[1], got.Syscalls[int(s[0].(float64))], name)
	}
}

// TestSessionKeyring: without the filter's help too, a container has neither the owner's keyring nor another's.
func TestSessionKeyring(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	opts := container.Options{Cmd: []string{"keyring"}, Security: container.Security{Seccomp: container.Unconfined}}
	a, errs, st := run(t, e, opts)
	require.Zero(t, st.ExitCode, errs)
	b, _, _ := run(t, e, opts)
	assert.NotEqual(t, a, b)
}
