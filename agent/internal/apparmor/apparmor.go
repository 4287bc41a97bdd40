// Package apparmor has the AppArmor profile that confines containers by default, where the host has AppArmor.
package apparmor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Name is the default profile's. Its number changes with the text: the profile stays in the kernel until the host's
// restart, also for other versions of the engine.
const Name = "caisson-default-1"

// loadTimeout bounds a run of apparmor_parser, which takes some 50 ms.
const loadTimeout = 30 * time.Second

// Host is where AppArmor is looked for. The zero value is this host.
type Host struct {
	Root string // before /sys, /proc and /etc. Default: none
	Path string // where apparmor_parser is, in the form of PATH. Default: the process's, and /sbin and /usr/sbin
}

func (h Host) read(name string) string {
	b, err := os.ReadFile(h.Root + name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.TrimRight(string(b), "\x00"))
}

func (h Host) has(name string) bool {
	_, err := os.Stat(h.Root + name)
	return err == nil
}

// Enabled says whether the kernel has AppArmor and the host uses it, as libcontainer asks before it sets a profile.
func (h Host) Enabled() bool {
	return strings.HasPrefix(h.read("/sys/module/apparmor/parameters/enabled"), "Y") && h.has("/sys/kernel/security/apparmor")
}

// Loaded says whether the kernel has a profile. Only root may ask.
func (h Host) Loaded(name string) (bool, error) {
	b, err := os.ReadFile(h.Root + "/sys/kernel/security/apparmor/profiles")
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(b)) {
		if have, _, ok := strings.Cut(line, " ("); ok && have == name {
			return true, nil
		}
	}
	return false, nil
}

// CanLoad says whether this process could load a profile: it is confined by none itself, which would also keep it from
// its containers, and apparmor_parser is installed. That it has CAP_MAC_ADMIN, the caller knows.
func (h Host) CanLoad() bool {
	for _, f := range []string{"/proc/self/attr/apparmor/current", "/proc/self/attr/current"} {
		if label := h.read(f); label != "" {
			return label == "unconfined" && h.parser() != ""
		}
	}
	return false
}

// parser is apparmor_parser, or nothing.
func (h Host) parser() string {
	path := h.Path
	if path == "" {
		path = os.Getenv("PATH") + ":/usr/sbin:/sbin"
	}
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, "apparmor_parser")
		if st, err := os.Stat(file); filepath.IsAbs(file) && err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return file
		}
	}
	return ""
}

var loading sync.Mutex

// Load loads the default profile unless the kernel has it.
func (h Host) Load(ctx context.Context) error {
	loading.Lock()
	defer loading.Unlock()
	if loaded, err := h.Loaded(Name); err != nil || loaded {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	// Not from the cache of profiles, and not into it: it is the host's.
	cmd := exec.CommandContext(ctx, h.parser(), "--skip-cache", "--replace")
	cmd.Stdin = strings.NewReader(h.Profile(Name))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("load the AppArmor profile %s: apparmor_parser: %w: %s", Name, err, strings.TrimSpace(out.String()))
	}
	switch loaded, err := h.Loaded(Name); {
	case err != nil && !errors.Is(err, fs.ErrPermission):
		return err
	case err == nil && !loaded:
		return fmt.Errorf("load the AppArmor profile %s: apparmor_parser did not fail, and the kernel does not have it", Name)
	}
	return nil
}

// Profile is Docker's docker-default under another name (github.com/moby/profiles, apparmor/template.go), with the
// host's abstractions and tunables where they are installed, as there.
func (h Host) Profile(name string) string {
	head, base := "@{PROC}=/proc/", ""
	if h.has("/etc/apparmor.d/tunables/global") {
		head = "#include <tunables/global>"
	}
	if h.has("/etc/apparmor.d/abstractions/base") {
		base = "  #include <abstractions/base>\n"
	}
	return head + "\n\nprofile " + name + " flags=(attach_disconnected,mediate_deleted) {\n" + base + strings.ReplaceAll(rules, "NAME", name) + "}\n"
}

const rules = `
  network,
  capability,
  file,
  umount,

  # The engine, and who else is not confined on the host, may send signals; and the containers' processes to each other.
  signal (receive) peer=unconfined,
  signal (send,receive) peer=NAME,

  deny @{PROC}/* w,   # all files directly in /proc
  # what is neither in /proc/<number>/** nor in /proc/sys/**
  deny @{PROC}/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/** w,
  deny @{PROC}/sys/[^k]** w,  # /proc/sys except /proc/sys/k*, which is /proc/sys/kernel
  deny @{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w,  # all except shm* in /proc/sys/kernel
  deny @{PROC}/sysrq-trigger rwklx,
  deny @{PROC}/kcore rwklx,

  deny mount,

  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,

  # ps in a container
  ptrace (trace,read,tracedby,readby) peer=NAME,
`
