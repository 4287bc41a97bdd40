//go:build linux

package launch

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/etcfiles"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// world is what a Service of a temporary directory is told of: volumes and images are directories in it.
type world struct {
	dir    string
	events []string
	pids   map[string]int
}

func (w *world) Path(name string) string { return filepath.Join(w.dir, "volumes", name) }

func (w *world) Prepare(m container.Mount, _ string) (string, error) {
	w.events = append(w.events, "prepare "+m.Source)
	return w.Path(m.Source), nil
}

func (w *world) MountImage(id string, _ []string, _ string) (string, error) {
	w.events = append(w.events, "mount "+id)
	if id == "gone" {
		return "", errors.New("no such image")
	}
	return "/images/" + id, nil
}

func (w *world) UnmountImage(id string, _ bool) (bool, error) {
	w.events = append(w.events, "unmount "+id)
	return false, nil
}

func newService(t *testing.T) (*Service, *world) {
	w := &world{dir: t.TempDir(), pids: map[string]int{}}
	return New(Config{
		Images: w, Volumes: w, Dir: func(id string) string { return filepath.Join(w.dir, id) },
		Pid: func(id string) (int, error) {
			if pid, ok := w.pids[id]; ok {
				return pid, nil
			}
			return 0, api.Errorf(api.ErrNotRunning, "container %s: it is not running", id)
		},
		Logger: slog.New(slog.DiscardHandler),
	}), w
}

// rootfs makes a root file system with users.
func rootfs(t *testing.T) string {
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "etc"), 0o755))
	for name, text := range map[string]string{
		"passwd": "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n", "group": "staff:x:50:app\nextra:x:60:\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(root, "etc", name), []byte(text), 0o644))
	}
	return root
}

func TestUser(t *testing.T) {
	t.Parallel()
	root := rootfs(t)
	u, home, err := User(root, "app", "extra")
	require.NoError(t, err)
	assert.EqualValues(t, 1000, u.UID)
	assert.EqualValues(t, 1001, u.GID)
	assert.Equal(t, []uint32{1001, 50, 60}, u.AdditionalGids)
	assert.Equal(t, "/home/app", home)
	_, _, err = User(root, "nobody")
	require.Error(t, err)
	u, _, err = User(t.TempDir(), "7:8")
	require.NoError(t, err, "an image without users has numbers")
	assert.EqualValues(t, 7, u.UID)
}

func TestOpenInRoot(t *testing.T) {
	t.Parallel()
	root := rootfs(t)
	read := func(name string) (string, error) {
		f, err := OpenInRoot(root, name)
		if err != nil {
			return "", err
		}
		defer f.Close()
		b, err := io.ReadAll(f)
		return string(b), err
	}
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(root), "beside"), []byte("outside"), 0o600))
	require.NoError(t, os.Symlink("../../beside", filepath.Join(root, "etc/link")))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(root, "etc/abs")))
	for name, want := range map[string]string{"/nothing": "", "/etc/link": "", "/etc/group": "staff:x:50:app\nextra:x:60:\n"} {
		got, err := read(name)
		require.NoError(t, err, name)
		assert.Equal(t, want, got, name)
	}
	got, err := read("/etc/abs")
	require.NoError(t, err)
	assert.Contains(t, got, "app:x:1000", "the container's, not the host's")
	_, err = read("/etc")
	require.ErrorIs(t, err, api.ErrInvalidArgument)
}

func TestSources(t *testing.T) {
	t.Parallel()
	mounts := []container.Mount{
		{Type: container.MountVolume, Source: "data"}, {Type: container.MountBind, Source: "/"}, {Type: container.MountTmpfs}, {Type: container.MountImage, Source: "sha256:abc"},
	}
	for _, plan := range []bool{false, true} {
		s, w := newService(t)
		in := &Inputs{plan: plan, log: s.cfg.Logger, Input: spec.Input{Container: &spec.Container{Mounts: mounts}}}
		require.NoError(t, in.sources(s))
		if plan {
			assert.Equal(t, []string{w.Path("data"), "/", "", "/image sha256:abc"}, in.Sources)
			assert.Empty(t, w.events, "nothing is made")
			continue
		}
		assert.Equal(t, []string{w.Path("data"), "/", "", "/images/abc"}, in.Sources)
		assert.False(t, s.images.TryLock(), "another start must wait")
		in.Close()
		assert.Equal(t, []string{"prepare data", "mount abc", "unmount abc"}, w.events)
		assert.True(t, s.images.TryLock())
	}
	s, _ := newService(t)
	for _, m := range []container.Mount{{Type: container.MountImage, Source: "sha256:gone", Target: "/x"}, {Type: container.MountBind, Source: "/nothing/here", Target: "/x"}} {
		in := &Inputs{log: s.cfg.Logger, Input: spec.Input{Container: &spec.Container{Mounts: []container.Mount{m}}}}
		require.ErrorContains(t, in.sources(s), "mount /x")
		in.Close()
		assert.True(t, s.images.TryLock())
		s.images.Unlock()
	}
}

func TestNamespaces(t *testing.T) {
	t.Parallel()
	s, w := newService(t)
	w.pids["self"] = os.Getpid()
	o := container.Options{Network: "container:self", Namespaces: container.Namespaces{UTS: "host", IPC: "container:none"}}
	ns, open, err := s.namespaces(&o, true)
	require.NoError(t, err)
	assert.Empty(t, open)
	paths := map[specs.LinuxNamespaceType]string{}
	for _, n := range ns {
		paths[n.Type] = n.Path
	}
	assert.Equal(t, map[specs.LinuxNamespaceType]string{
		specs.MountNamespace: "", specs.CgroupNamespace: "", specs.PIDNamespace: "", specs.IPCNamespace: "/container:none", specs.NetworkNamespace: "/container:self",
	}, paths)
	_, open, err = s.namespaces(&o, false)
	closeFiles(open)
	require.ErrorIs(t, err, api.ErrNotRunning)
	o.Namespaces.IPC = ""
	ns, open, err = s.namespaces(&o, false)
	require.NoError(t, err)
	defer closeFiles(open)
	require.Len(t, open, 1)
	own, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	got, err := os.Readlink(ns[len(ns)-1].Path)
	require.NoError(t, err)
	assert.Equal(t, own, got)
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

func TestEtcFiles(t *testing.T) {
	t.Parallel()
	s, w := newService(t)
	c := &spec.Container{ID: "1", Hostname: "web"}
	c.Options.Network = "container:2"
	c.Options.Networking.Hosts = []string{"db:10.0.0.9"}
	for _, id := range []string{"1", "2"} {
		require.NoError(t, os.Mkdir(filepath.Join(w.dir, id), 0o700))
	}
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "2", "hosts"), []byte("10.0.0.2\tother\n"), 0o644))
	require.NoError(t, s.writeFiles(c))
	f, err := etcfiles.Read(filepath.Join(w.dir, "1"))
	require.NoError(t, err)
	assert.Equal(t, "web\n", string(f.Hostname))
	assert.Contains(t, string(f.Hosts), "10.0.0.2\tother\n", "those of the container whose network it is")
	assert.Contains(t, string(f.Hosts), "10.0.0.9\tdb\n")
	c.Options.Networking.Hosts = []string{"x"}
	require.ErrorIs(t, s.writeFiles(c), api.ErrInvalidArgument)
	require.NoError(t, s.WriteNetFiles(c, nil), "a container without a place on a network keeps its files")
}

func TestCandidates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p    Program
		want []string
	}{
		{Program{Name: "/bin/x"}, []string{"/bin/x"}},
		{Program{Name: "./x", Dir: "/srv"}, []string{"/srv/x"}},
		{Program{Name: "x", Env: []string{"PATH=/a:/b", "HOME=/"}}, []string{"/a/x", "/b/x"}},
	} {
		assert.Equal(t, c.want, c.p.candidates())
	}
	assert.Contains(t, Program{Name: "x"}.candidates(), "/usr/bin/x")
}

// header is the beginning of a program for a machine.
func header(m elf.Machine, order binary.ByteOrder) []byte {
	h := make([]byte, 64)
	copy(h, elf.ELFMAG)
	h[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	if order == binary.BigEndian {
		h[elf.EI_DATA] = byte(elf.ELFDATA2MSB)
	}
	order.PutUint16(h[18:], uint16(m))
	return h
}

func TestMachine(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, b := range map[string][]byte{
		"s390": header(elf.EM_S390, binary.BigEndian), "riscv": header(elf.EM_RISCV, binary.LittleEndian), "script": []byte("#!/bin/sh\nexit 0 # longer than a header\n"), "short": []byte("\x7fELF"),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), b, 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "data"), header(elf.EM_S390, binary.BigEndian), 0o644))
	mounted := []container.Mount{{Target: "/mnt"}}
	for name, want := range map[string]elf.Machine{
		"/s390": elf.EM_S390, "/riscv": elf.EM_RISCV, "/script": elf.EM_NONE, "/short": elf.EM_NONE, "/data": elf.EM_NONE, "/nothing": elf.EM_NONE, "/mnt/x": elf.EM_NONE,
	} {
		m, _ := Program{Name: name}.machine(mounted, root)
		assert.Equal(t, want, m, name)
	}
	if _, known := machines[runtime.GOARCH]; known && !emulates() {
		err := Runnable(Program{Name: "/s390"}, nil, root)
		require.ErrorIs(t, err, api.ErrNotExecutable)
		assert.ErrorContains(t, err, "/s390: the program is for s390")
	}
	require.NoError(t, Runnable(Program{Name: "/script"}, nil, root))
}

func TestSource(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	assert.Equal(t, spec.Source{}, source(container.Mount{Type: container.MountVolume, Source: "x"}))
	assert.NoError(t, source(container.Mount{Type: container.MountBind, Source: dir}).Err)
	assert.EqualError(t, source(container.Mount{Type: container.MountBind, Source: dir + "/x/y"}).Err, "it does not exist")
	assert.NoError(t, source(container.Mount{Type: container.MountBind, Source: dir + "/x/y", CreateSource: true}).Err)
	assert.Equal(t, dir, existing(dir+"/x/y/z"))
	require.NoError(t, os.WriteFile(dir+"/file", nil, 0o600))
	require.NoError(t, os.Symlink("file", dir+"/link"))
	require.NoError(t, os.Symlink("nowhere", dir+"/dangling"))
	for _, name := range []string{"/file", "/link"} {
		assert.NoError(t, source(container.Mount{Type: container.MountBind, Source: dir + name, CreateSource: true}).Err)
	}
	assert.ErrorContains(t, source(container.Mount{Type: container.MountBind, Source: dir + "/dangling", CreateSource: true}).Err, "is a link to nowhere, which does not exist")
}
