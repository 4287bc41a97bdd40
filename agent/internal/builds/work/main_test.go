//go:build linux

package work_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/builds/work"
	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/networks"
	"github.com/caisson-dev/caisson/agent/internal/stage"
	"github.com/caisson-dev/caisson/agent/internal/state"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// The tests run as an agent does: in a mount namespace of their own, and for an ordinary user as root of a user namespace,
// which the hook of the agent's binary enters. envArgs has the tests' flags for the process that the hook executes.
const (
	envArgs   = "CAISSON_WORK_TEST_ARGS"
	envChild  = "CAISSON_WORK_TEST_CHILD"
	envInside = "CAISSON_WORK_TEST_INSIDE"
)

func TestMain(m *testing.M) {
	stage.Enter()
	switch {
	case os.Getenv(api.EnvHook) == api.HookAgent:
		os.Args = append(os.Args[:1], strings.Split(os.Getenv(envArgs), "\n")...)
		os.Unsetenv(api.EnvHook)
		if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case os.Geteuid() != 0:
		os.Exit(inUserNS())
	}
	if os.Getenv(envChild) != "" {
		child()
		return
	}
	if host.Rootless() || os.Getenv(envInside) != "" {
		os.Exit(inStore(m))
	}
	os.Setenv(envInside, "1")
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	_ = cmd.Run()
	os.Exit(cmd.ProcessState.ExitCode())
}

// shared is the store of all tests: a process has one, since its environment leads the libraries below to it.
var shared struct {
	images *images.Store
	s      *work.Service
}

func inStore(m *testing.M) int {
	dir, err := os.MkdirTemp("", "caisson-work-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	temp := os.TempDir()
	im, s, nets, err := openStore(layoutIn(dir))
	if err != nil {
		panic(err)
	}
	os.Setenv("TMPDIR", temp) // for the tests' own files
	shared.images, shared.s = im, s
	code := m.Run()
	if err := errors.Join(nets.Close(), im.Close()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// inUserNS runs the tests again in a user namespace with the user's ids.
func inUserNS() int {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{api.AgentArg0}
	cmd.Env = append(os.Environ(), api.EnvHook+"="+api.HookUserNS, envArgs+"="+strings.Join(os.Args[1:], "\n"), "_CONTAINERS_ROOTLESS_UID="+strconv.Itoa(os.Geteuid()))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{w, r} // the second is where the hook waits
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	if err := mapIDs(cmd.Process.Pid); err != nil {
		panic(err)
	}
	if _, err := w.Write([]byte{1}); err != nil {
		panic(err)
	}
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode()
}

func mapIDs(pid int) error {
	if testenv.OneID() {
		for _, f := range [][2]string{{"setgroups", "deny"}, {"gid_map", fmt.Sprintf("0 %d 1", os.Getegid())}, {"uid_map", fmt.Sprintf("0 %d 1", os.Geteuid())}} {
			if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", pid, f[0]), []byte(f[1]), 0); err != nil {
				return err
			}
		}
		return nil
	}
	for _, m := range []struct {
		tool, file string
		id         int
	}{{"newuidmap", "/etc/subuid", os.Geteuid()}, {"newgidmap", "/etc/subgid", os.Getegid()}} {
		text, err := os.ReadFile(m.file)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Split(strings.TrimSpace(line), ":"); len(f) == 3 && (f[0] == os.Getenv("USER") || f[0] == testenv.UserSubIDs) {
				if out, err := exec.Command(m.tool, strconv.Itoa(pid), "0", strconv.Itoa(m.id), "1", "1", f[1], f[2]).CombinedOutput(); err != nil {
					return fmt.Errorf("%s: %w: %s", m.tool, err, out)
				}
				break
			}
		}
	}
	return nil
}

// TestAsUser runs the tests of this room again as ordinary users: with subordinate ids, and with one id alone.
func TestAsUser(t *testing.T) {
	for _, name := range []string{testenv.UserSubIDs, testenv.UserOneID} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Logf("%s", testenv.Run(t, testenv.AsUser(t, name, "-test.v", "-test.short", "-test.run", "^Test(RootLayers|RootTaken|RootDeletes|RootOwners|RootFromLayer|Run|RunUser|RunNetwork|RunStubs|MountBind|MountCache|MountSecret)$")))
		})
	}
}

// bench is an open store with a worker.
type bench struct {
	*testing.T
	images *images.Store
	w      *work.Worker
}

func openStore(layout state.Layout) (*images.Store, *work.Service, *networks.Service, error) {
	h, err := host.Find()
	if err != nil {
		return nil, nil, nil, err
	}
	im, err := images.Open(images.Config{Layout: layout, OneID: h.OneID, Sweep: work.Sweep})
	if err != nil {
		return nil, nil, nil, err
	}
	nets := networks.New(networks.Config{
		Dir: filepath.Join(layout.Root, "networks"), RunDir: filepath.Join(layout.RunRoot, "networks"), Lock: filepath.Join(layout.Locks(), "networks"),
		Users: func() (map[string]string, error) { return nil, nil }, Emit: func(container.Event) {},
	})
	return im, work.New(work.Config{Images: im, Networks: nets, Host: h, Logger: slog.New(slog.DiscardHandler)}), nets, nil
}

func layoutIn(dir string) state.Layout {
	return state.Layout{Root: filepath.Join(dir, "root"), RunRoot: filepath.Join(dir, "run")}
}

func newBench(t *testing.T) *bench {
	t.Helper()
	w, err := shared.s.Worker()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return &bench{t, shared.images, w}
}

// source is a context with the files of lines "NAME MODE CONTENT"; a name with a slash at its end is a directory.
func (b *bench) source(o work.ContextOptions, lines ...string) *work.Source {
	b.Helper()
	dir := b.TempDir()
	for _, line := range lines {
		name, rest, _ := strings.Cut(line, " ")
		mode, content, _ := strings.Cut(rest, " ")
		perm, err := strconv.ParseUint(mode, 8, 32)
		require.NoError(b, err)
		full := filepath.Join(dir, name)
		require.NoError(b, os.MkdirAll(filepath.Dir(full), 0o755))
		if strings.HasSuffix(name, "/") {
			require.NoError(b, os.MkdirAll(full, 0o755))
		} else {
			require.NoError(b, os.WriteFile(full, []byte(content), 0o600))
		}
		require.NoError(b, unix.Chmod(full, uint32(perm)))
	}
	s, err := b.w.Context(dir, o)
	require.NoError(b, err)
	return s
}

// box is the source of the test userland alone.
func (b *bench) box() *work.Source {
	b.Helper()
	dir := b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(dir, "testbox"), testenv.Testbox(b), 0o755))
	s, err := b.w.Context(dir, work.ContextOptions{})
	require.NoError(b, err)
	return s
}

// base is a layer with the test userland, a user and some directories.
func (b *bench) base() work.Layer {
	b.Helper()
	return b.layer("", func(r *work.Root) {
		require.NoError(b, r.Copy(b.Context(), work.Copy{Source: b.box(), Paths: []string{"testbox"}, Dest: "/bin/"}))
		etc := b.source(work.ContextOptions{}, "passwd 644 root:x:0:0::/root:\nbob:x:1000:1000::/home/bob:\n", "group 644 root:x:0:\nbob:x:1000:\n", "hostname 644 image\n")
		require.NoError(b, r.Copy(b.Context(), work.Copy{Source: etc, Paths: []string{"."}, Dest: "/etc/"}))
	})
}

// layer makes a layer of what f does.
func (b *bench) layer(parent string, f func(r *work.Root)) work.Layer {
	b.Helper()
	r, err := b.w.Begin(b.Context(), parent)
	require.NoError(b, err)
	f(r)
	l, err := r.Commit(b.Context(), work.CommitOptions{})
	require.NoError(b, err)
	return l
}

// tree lists the files of a layer and those below it: "NAME/ MODE", "NAME MODE CONTENT", with the owner where it is not root.
func (b *bench) tree(id string) (out []string) {
	b.Helper()
	root, err := b.images.Layers().Mount(b.Context(), id)
	require.NoError(b, err)
	defer root.Close()
	dir := fmt.Sprintf("/proc/self/fd/%d", root.Fd())
	require.NoError(b, filepath.WalkDir(dir+"/", func(p string, d fs.DirEntry, err error) error {
		require.NoError(b, err)
		rel := strings.TrimPrefix(p, dir+"/")
		if rel == "bin/testbox" {
			return nil
		}
		var st unix.Stat_t
		require.NoError(b, unix.Lstat(p, &st), p)
		line := fmt.Sprintf("%s %o", rel, st.Mode&0o7777)
		if d.IsDir() {
			line = fmt.Sprintf("%s/ %o", rel, st.Mode&0o7777)
		}
		if st.Uid != 0 || st.Gid != 0 {
			line += fmt.Sprintf(" %d:%d", st.Uid, st.Gid)
		}
		if d.Type().IsRegular() && st.Size < 100 {
			c, err := os.ReadFile(p)
			require.NoError(b, err)
			line += " " + string(c)
		}
		out = append(out, strings.TrimSpace(line))
		return nil
	}))
	return out
}

// upper lists what one layer has beside those below it.
func (b *bench) upper(id string) (out []string) {
	b.Helper()
	dir := filepath.Join(b.images.Layout().Graph(), "overlay", id, "diff")
	require.NoError(b, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		require.NoError(b, err)
		if rel, _ := filepath.Rel(dir, p); rel != "." {
			out = append(out, rel)
		}
		return nil
	}))
	return out
}

// run runs a step of the test userland and returns what it printed.
func (b *bench) run(r *work.Root, step work.Run, args ...string) (string, error) {
	b.Helper()
	var out bytes.Buffer
	step.Output = &out
	step.Args = append([]string{"/bin/testbox"}, args...)
	if step.Network == "" {
		step.Network = "none"
	}
	err := r.Run(b.Context(), step)
	return out.String(), err
}

func (b *bench) mustRun(r *work.Root, step work.Run, args ...string) string {
	b.Helper()
	out, err := b.run(r, step, args...)
	require.NoError(b, err, out)
	return out
}

func (b *bench) begin(parent string) *work.Root {
	b.Helper()
	r, err := b.w.Begin(b.Context(), parent)
	require.NoError(b, err)
	return r
}

func (b *bench) commit(r *work.Root) work.Layer {
	b.Helper()
	l, err := r.Commit(context.Background(), work.CommitOptions{})
	require.NoError(b, err)
	return l
}
