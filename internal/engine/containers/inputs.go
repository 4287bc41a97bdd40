//go:build linux

package containers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/cgroups"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// specInput looks up what the specification needs.
func (s *Service) specInput(rec *Record, rootfs string) (specInput, error) {
	in := specInput{Record: rec, RootFS: rootfs, Files: s.dir(rec.ID), Rootless: s.Host.Rootless, OneID: s.Host.OneID, CgroupV2: s.Host.CgroupV2}
	var err error
	if in.User, in.Home, err = resolveUser(rootfs, rec.User); err != nil {
		return in, err
	}
	if err := s.oneID(&in.User); err != nil {
		return in, err
	}
	if err := s.writeFiles(rec); err != nil {
		return in, err
	}
	for _, m := range rec.Mounts {
		src := m.Source
		if m.Type == container.MountVolume {
			if src, err = s.prepareVolume(m, rootfs); err != nil {
				return in, err
			}
		} else if m.Type == container.MountBind {
			if _, err := os.Stat(src); err != nil {
				return in, invalid("mount %s: source: %w", m.Target, err)
			}
		}
		in.Sources = append(in.Sources, src)
	}
	return in, nil
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
		if h, err := os.Hostname(); err == nil && rec.Options.Hostname == "" {
			name = h
		}
	}
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
func (s *Service) oomKilled(id string) bool {
	if s.Host.Rootless {
		return false
	}
	file, key := "/sys/fs/cgroup/memory/caisson/"+id+"/memory.oom_control", "oom_kill"
	if s.Host.CgroupV2 {
		file = "/sys/fs/cgroup/caisson/" + id + "/memory.events"
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
