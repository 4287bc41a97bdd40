//go:build linux

package work

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/builds/files"
	"github.com/caisson-dev/caisson/agent/internal/builds/overlay"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// MountType says what a step has at a place.
type MountType string

// The types of mounts.
const (
	MountBind   MountType = "bind"
	MountCache  MountType = "cache"
	MountTmpfs  MountType = "tmpfs"
	MountSecret MountType = "secret"
	MountSSH    MountType = "ssh"
)

// Mount is what a step has beside its root. Fields that are not of its type mean nothing.
type Mount struct {
	Type   MountType
	Target string // absolute, or relative to Run.Dir; empty for a secret that is in Env alone

	Source   *Source // bind: what is mounted; cache: what a new one begins with, or nil
	Path     string  // in Source; "" is all of it
	Write    bool    // bind: the step may write, and what it wrote is dropped
	ReadOnly bool    // cache: the step may not write

	ID      string // cache: what it is known by; secret and ssh: for messages
	Sharing string // cache: shared, which is the default, private or locked
	Size    int64  // tmpfs, in bytes; 0: no limit of its own

	Mode     *uint32 // cache: 0755; secret: 0400; ssh: 0600
	UID, GID *int    // 0

	Secret []byte // its value
	Env    string // secret: a variable that has the value
	SSH    string // the path of an SSH agent's socket, or of a private key
}

func (m *Mount) owner() (uid, gid int) {
	if m.UID != nil {
		uid = *m.UID
	}
	if m.GID != nil {
		gid = *m.GID
	}
	return uid, gid
}

func (m *Mount) mode(otherwise uint32) uint32 {
	if m.Mode != nil {
		return *m.Mode & 0o7777
	}
	return otherwise
}

// mounted is what came of a step's mounts.
type mounted struct {
	list []specs.Mount
	env  []string
}

// targets are the places, for who looks for a program in the root alone.
func (m *mounted) targets() (out []container.Mount) {
	for _, one := range m.list {
		out = append(out, container.Mount{Target: one.Destination})
	}
	return out
}

// mounts makes what the step has mounted. A mount below another's place comes after it, whatever order they are in.
func (s *step) mounts(ctx context.Context) (*mounted, error) {
	out := &mounted{}
	for i := range s.run.Mounts {
		m := &s.run.Mounts[i]
		if err := s.mount(ctx, m, out); err != nil {
			return nil, fmt.Errorf("mount %s: %w", m.name(), err)
		}
	}
	slices.SortStableFunc(out.list, func(a, b specs.Mount) int { return strings.Compare(a.Destination, b.Destination) })
	return out, nil
}

func (m *Mount) name() string {
	if m.Target != "" {
		return m.Target
	}
	return m.ID
}

func (s *step) mount(ctx context.Context, m *Mount, out *mounted) error {
	if m.Type == MountSecret && m.Env != "" {
		if strings.ContainsRune(string(m.Secret), 0) {
			return api.Errorf(api.ErrInvalidArgument, "the secret has a zero byte, which a variable can't have: mount it as a file")
		}
		out.env = append(out.env, m.Env+"="+string(m.Secret))
		if m.Target == "" {
			return nil
		}
	}
	target := m.Target
	if !path.IsAbs(target) {
		target = path.Join("/", s.run.Dir, target)
	}
	target = path.Clean(target)
	if target == "/" || m.Target == "" || strings.ContainsRune(target, 0) {
		return api.Errorf(api.ErrInvalidArgument, "the target must be a path below /")
	}
	one := specs.Mount{Destination: target, Type: "bind", Options: []string{"rbind", "rprivate", "rw"}}
	var err error
	switch m.Type {
	case MountBind:
		err = s.bind(ctx, m, &one)
	case MountCache:
		err = s.cache(ctx, m, &one)
	case MountTmpfs:
		one.Type, one.Source, one.Options = "tmpfs", "tmpfs", []string{"nosuid", "nodev", "rw"}
		if m.Size > 0 {
			one.Options = append(one.Options, fmt.Sprintf("size=%d", m.Size))
		}
	case MountSecret:
		one.Source, err = s.secret(m)
	case MountSSH:
		one.Source, err = s.ssh(m)
	default:
		err = api.Errorf(api.ErrInvalidArgument, "type %q: use bind, cache, tmpfs, secret or ssh", m.Type)
	}
	if err == nil {
		out.list = append(out.list, one)
	}
	return err
}

// readOnly makes a mount one that can't be written through, with all below it.
func readOnly(one *specs.Mount) { one.Options = []string{"rbind", "rprivate", "rro"} }

func (s *step) bind(ctx context.Context, m *Mount, one *specs.Mount) error {
	if m.Source == nil {
		return api.Errorf(api.ErrInvalidArgument, "a bind mount has a source")
	}
	where, dir, err := m.Source.mount(ctx, m.sourcePath())
	if err != nil {
		return err
	}
	one.Source = where
	if !m.Write {
		readOnly(one)
		return nil
	}
	if dir {
		one.Source, err = s.scratch(where)
	} else {
		one.Source, err = s.copyFile(ctx, m)
	}
	return err
}

func (m *Mount) sourcePath() string {
	if m.Path == "" && m.Source.literal {
		return m.Source.name
	}
	return m.Path
}

// temp makes a directory of the step's.
func (s *step) temp() (string, error) { return os.MkdirTemp(s.dir, "mount-") }

// scratch mounts a directory so that what is written is dropped with the step.
func (s *step) scratch(dir string) (string, error) {
	base, err := s.temp()
	if err != nil {
		return "", err
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return "", err
	}
	upper, work, at := filepath.Join(base, "upper"), filepath.Join(base, "work"), filepath.Join(base, "merged")
	for _, d := range []string{upper, work, at} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return "", err
		}
	}
	if err := errors.Join(os.Chown(upper, int(st.Uid), int(st.Gid)), unix.Chmod(upper, st.Mode&0o7777)); err != nil {
		return "", err
	}
	m := &overlay.Mount{Lower: []string{dir}, Upper: upper, Work: work, UserXattr: s.r.w.s.Host.Rootless}
	if err := m.At(at); err != nil {
		return "", err
	}
	s.defers(func() error { return overlay.Unmount(at) })
	return at, nil
}

// copyFile is scratch for a file.
func (s *step) copyFile(ctx context.Context, m *Mount) (string, error) {
	base, err := s.temp()
	if err != nil {
		return "", err
	}
	root, err := os.Open(base)
	if err != nil {
		return "", err
	}
	defer root.Close()
	sel := files.Selection{Paths: []string{m.sourcePath()}, Literal: true}
	return filepath.Join(base, "file"), files.Copy(ctx, root, m.Source.tree, sel, files.To{Dest: "/file"})
}

// secret puts a secret into a file in memory.
func (s *step) secret(m *Mount) (string, error) {
	dir, err := s.temp()
	if err != nil {
		return "", err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=700"); err != nil {
		return "", os.NewSyscallError("mount", err)
	}
	s.defers(func() error { return overlay.Unmount(dir) })
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, m.Secret, 0o600); err != nil {
		return "", err
	}
	return file, m.give(file, 0o400)
}

// give gives a file the mount's owner and mode.
func (m *Mount) give(file string, mode uint32) error {
	uid, gid := m.owner()
	if err := os.Lchown(file, uid, gid); err != nil {
		return api.Errorf(api.ErrUnsupported, "owner %d:%d: %w: this user's containers don't have the ids", uid, gid, err)
	}
	return unix.Chmod(file, m.mode(mode))
}
