//go:build linux

package containers

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// specInput looks up what the specification needs. Its files are open until it is closed.
func (s *Service) specInput(rec *Record, rootfs string) (*inputs, error) {
	in := s.newInputs(rec, rootfs)
	if err := in.fill(s); err != nil {
		in.close(s.Logger)
		return nil, err
	}
	return in, nil
}

func (s *Service) newInputs(rec *Record, rootfs string) *inputs {
	return &inputs{specInput: specInput{
		Record: rec, RootFS: rootfs, Files: s.dir(rec.ID), Thermal: thermalPaths(), Caps: availableCaps(),
		Kernel: s.Host.Kernel, Rootless: s.Host.Rootless, OneID: s.Host.OneID, CgroupV2: s.Host.CgroupV2,
	}}
}

// inputs is a specInput and what must stay open until the container's process has used it.
type inputs struct {
	specInput
	plan bool // nothing starts: what is there at a start alone has names that stand for it
	open []*os.File
	undo []func() error
}

func (in *inputs) close(log *slog.Logger) {
	for _, f := range in.open {
		f.Close()
	}
	for _, f := range slices.Backward(in.undo) {
		if err := f(); err != nil {
			log.Warn("let go of what a container's start needed", "container", in.Record.ID, "error", err)
		}
	}
}

func (in *inputs) fill(s *Service) error {
	rec, o := in.Record, &in.Record.Options
	var err error
	if in.User, in.Home, err = resolveUser(in.RootFS, rec.User, o.Process.Groups...); err != nil {
		return err
	}
	if err := s.oneID(&in.User); err != nil {
		return err
	}
	if in.Namespaces, in.open, err = s.namespaces(o, in.plan); err != nil {
		return err
	}
	if id := ofContainer(string(o.Namespaces.IPC)); id != "" && in.plan {
		in.Shm = "/dev/shm of container " + id
	} else if id != "" {
		if err := in.shareMemory(s, id); err != nil {
			return fmt.Errorf("Options.Namespaces.IPC: /dev/shm of container %s: %w", names.Short(id), err)
		}
	}
	_, err = os.Stat("/dev/mqueue")
	in.Mqueue = err == nil
	if in.AppArmor, err = s.appArmor(o.Security); err != nil {
		return err
	}
	in.Rlimits = rlimits(o.Resources.Ulimits, s.Host.mayRaise(), s.Logger)
	in.Swap = o.Resources.Memory != 0 && s.Host.cgroupFile("memory", "memory.memsw.limit_in_bytes", "memory.swap.max")
	if in.Devices, err = s.devices(*o); err != nil {
		return err
	}
	if err := s.writeFiles(rec); err != nil {
		return err
	}
	if o.Process.Init {
		if err := s.writeInit(rec); err != nil {
			return err
		}
	}
	return in.sources(s)
}

// sources finds where the mounts' files are on the host.
func (in *inputs) sources(s *Service) error {
	for _, m := range in.Record.Mounts {
		src := m.Source
		var err error
		switch m.Type {
		case container.MountVolume:
			if src = s.volumes.Path(m.Source); !in.plan {
				src, err = s.volumes.Prepare(m, in.RootFS)
			}
		case container.MountBind:
			if _, serr := os.Stat(src); serr != nil {
				err = invalid("mount %s: source: %w", m.Target, serr)
			}
		case container.MountImage:
			if src = "/image " + m.Source; !in.plan {
				src, err = in.mountImage(s, m)
			}
		}
		if err != nil {
			return err
		}
		in.Sources = append(in.Sources, src)
	}
	return nil
}

// mountImage mounts an image until the container has it.
func (in *inputs) mountImage(s *Service, m container.Mount) (string, error) {
	st := s.Images.Storage()
	// The mount is one for all containers of this agent, and goes with the first that lets go of it.
	s.imageMounts.Lock()
	in.undo = append(in.undo, func() error { s.imageMounts.Unlock(); return nil })
	id := strings.TrimPrefix(m.Source, "sha256:")
	dir, err := st.MountImage(id, nil, "")
	if err != nil {
		return "", fmt.Errorf("mount %s: image %s: %w", m.Target, names.Short(id), err)
	}
	in.undo = append(in.undo, func() error {
		_, err := st.UnmountImage(id, true)
		return err
	})
	return dir, nil
}

// oneID makes a user fit where the namespace has one id alone.
func (s *Service) oneID(u *specs.User) error {
	if !s.Host.OneID {
		return nil
	}
	if u.UID != 0 || u.GID != 0 {
		return api.Errorf(api.ErrUnsupported, "user %d:%d: the containers of this host's user have one id, root's: "+
			"add a line for the user to /etc/subuid and /etc/subgid and install newuidmap (Debian: apt-get install uidmap)", u.UID, u.GID)
	}
	u.AdditionalGids = nil // setgroups is denied
	return nil
}

// writeFiles writes hostname, hosts and resolv.conf, as Docker does for a container without a network of its own.
func (s *Service) writeFiles(rec *Record) error {
	name := hostname(rec)
	hosts := "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n127.0.0.1\t" + name + "\n"
	resolv := []byte("# this container has no network\n")
	if rec.Options.Network == container.NetworkHost {
		for path, into := range map[string]func([]byte){
			"/etc/hosts":       func(b []byte) { hosts = string(b) },
			"/etc/resolv.conf": func(b []byte) { resolv = b },
		} {
			b, err := os.ReadFile(path)
			if err == nil {
				into(b)
			} else if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	if id := sharedFiles(&rec.Options); id != "" {
		for file, into := range map[string]func([]byte){
			"hosts":       func(b []byte) { hosts = string(b) },
			"resolv.conf": func(b []byte) { resolv = b },
		} {
			b, err := os.ReadFile(filepath.Join(s.dir(id), file))
			if err != nil {
				return err
			}
			into(b)
		}
	}
	hosts += hostsLines(rec.Options.Networking.Hosts)
	resolv = resolvConf(resolv, rec.Options.Networking.DNS)
	for file, b := range map[string][]byte{"hostname": []byte(name + "\n"), "hosts": []byte(hosts), "resolv.conf": resolv} {
		path := filepath.Join(s.dir(rec.ID), file)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			return err
		}
		// The umask of the owner's process is not the container's.
		if err := os.Chmod(path, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// oomKilled reads the kernel's count while the cgroup still is there.
func (s *Service) oomKilled(rec *Record) bool {
	if s.Host.Rootless {
		return false
	}
	file, key := filepath.Join("/sys/fs/cgroup/memory", cgroupPath(rec), "memory.oom_control"), "oom_kill"
	if s.Host.CgroupV2 {
		file = filepath.Join("/sys/fs/cgroup", cgroupPath(rec), "memory.events")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), " "); ok && k == key {
			n, err := strconv.Atoi(v)
			return err == nil && n > 0
		}
	}
	return false
}

// CgroupV2 says whether the host has the unified hierarchy alone.
func CgroupV2() bool { return cgroups.IsCgroup2UnifiedMode() }

// OneID says whether this process's user namespace maps a single id.
func OneID() (bool, error) {
	b, err := os.ReadFile("/proc/self/gid_map")
	if err != nil {
		return false, err
	}
	var inside, outside, count uint64
	if _, err := fmt.Sscan(string(b), &inside, &outside, &count); err != nil {
		return false, fmt.Errorf("parse /proc/self/gid_map: %w", err)
	}
	return count == 1 && strings.Count(strings.TrimSpace(string(b)), "\n") == 0, nil
}
