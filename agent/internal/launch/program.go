//go:build linux

package launch

import (
	"bytes"
	"debug/elf"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// machines are those of the programs that a machine runs.
var machines = map[string][]elf.Machine{
	"amd64": {elf.EM_X86_64, elf.EM_386},
	"arm64": {elf.EM_AARCH64, elf.EM_ARM},
}

// Program is what is to be executed, and what says where it is.
type Program struct {
	Name string
	Dir  string
	Env  []string
}

// Runnable refuses a program for another architecture. Without this the kernel's "exec format error" would come from a
// process that has started. What can't be looked at here, as a program in a volume, is left to the kernel.
func Runnable(p Program, mounts []container.Mount, rootfs string) error {
	own, known := machines[runtime.GOARCH]
	if !known {
		return nil
	}
	m, name := p.machine(mounts, rootfs)
	for _, o := range own {
		if m == elf.EM_NONE || m == o {
			return nil
		}
	}
	if emulates() {
		return nil
	}
	return api.Errorf(api.ErrNotExecutable, "%s: the program is for %s, and this machine is %s: pull or build the image for linux/%s",
		name, strings.ToLower(strings.TrimPrefix(m.String(), "EM_")), runtime.GOARCH, runtime.GOARCH)
}

// emulates says whether the kernel gives programs of other architectures to an emulator.
func emulates() bool {
	found, _ := filepath.Glob("/proc/sys/fs/binfmt_misc/*") // the pattern is well formed
	for _, f := range found {
		b, err := os.ReadFile(f)
		if err == nil && bytes.HasPrefix(b, []byte("enabled\ninterpreter")) && bytes.Contains(b, []byte("\nmagic 7f454c46")) {
			return true
		}
	}
	return false
}

// machine reads what the program is for; EM_NONE when that is not to be seen.
func (p Program) machine(mounts []container.Mount, rootfs string) (elf.Machine, string) {
	for _, name := range p.candidates() {
		for _, m := range mounts {
			if name == m.Target || strings.HasPrefix(name, m.Target+"/") {
				return elf.EM_NONE, name
			}
		}
		if m, found := machine(rootfs, name); found {
			return m, name
		}
	}
	return elf.EM_NONE, ""
}

// candidates are where the program may be, in the order in which they are tried.
func (p Program) candidates() []string {
	name := p.Name
	if strings.Contains(name, "/") {
		if !path.IsAbs(name) {
			name = path.Join("/", p.Dir, name)
		}
		return []string{name}
	}
	search := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, e := range p.Env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			search = v
		}
	}
	var out []string
	for dir := range strings.SplitSeq(search, ":") {
		out = append(out, path.Join("/", dir, name))
	}
	return out
}

func machine(rootfs, name string) (m elf.Machine, found bool) {
	handle, err := pathrs.OpenInRoot(rootfs, name)
	if err != nil {
		return elf.EM_NONE, false
	}
	defer handle.Close()
	if st, err := handle.Stat(); err != nil || !st.Mode().IsRegular() || st.Mode()&0o111 == 0 {
		return elf.EM_NONE, false
	}
	f, err := pathrs.Reopen(handle, unix.O_RDONLY)
	if err != nil {
		return elf.EM_NONE, true
	}
	defer f.Close()
	h := make([]byte, 20) // up to e_machine
	if _, err := io.ReadFull(f, h); err != nil || string(h[:4]) != elf.ELFMAG {
		return elf.EM_NONE, true
	}
	if elf.Data(h[elf.EI_DATA]) == elf.ELFDATA2MSB {
		return elf.Machine(uint16(h[18])<<8 | uint16(h[19])), true
	}
	return elf.Machine(uint16(h[19])<<8 | uint16(h[18])), true
}
