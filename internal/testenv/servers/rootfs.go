package servers

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// rootFS is a root file system in the making.
type rootFS struct {
	dir   string
	have  map[string]bool
	cache map[string][]string // paths of libraries, by name
}

func newRootFS(context string) *rootFS {
	return &rootFS{dir: filepath.Join(context, "root"), have: map[string]bool{}}
}

// base is what any program expects.
func (r *rootFS) base() error {
	if err := r.program("/bin/sh"); err != nil {
		return err
	}
	tmp := filepath.Join(r.dir, "tmp")
	for _, dir := range []string{tmp, filepath.Join(filepath.Dir(r.dir), "empty")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(tmp, 0o777|fs.ModeSticky); err != nil {
		return err
	}
	return r.write("/etc/passwd", []byte(passwd), 0o644)
}

// tree copies a directory. Left out are manuals, and what PostgreSQL needs to compile queries to machine code, which is
// five times the rest and loaded only where it is found.
func (r *rootFS) tree(dir string) error {
	var programs []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch base := filepath.Base(path); {
		case err != nil:
			return err
		case d.IsDir() && (base == "bitcode" || base == "man"):
			return fs.SkipDir
		case strings.HasPrefix(base, "llvmjit"):
			return nil
		case d.Type()&fs.ModeSymlink != 0:
			return r.link(path)
		case d.IsDir():
			return os.MkdirAll(filepath.Join(r.dir, path), 0o755)
		}
		if info, err := d.Info(); err == nil && (info.Mode()&0o111 != 0 || filepath.Ext(path) == ".so") {
			programs = append(programs, path)
		}
		return r.copy(path)
	})
	if err != nil {
		return err
	}
	return r.libraries(programs...)
}

// program copies a program and its libraries.
func (r *rootFS) program(path string) error {
	if err := r.copy(path); err != nil {
		return err
	}
	return r.libraries(path)
}

// libraries copies what the programs are linked with, to where it is on this machine: what ldd would say, which starts
// three processes for each of them.
func (r *rootFS) libraries(programs ...string) error {
	for len(programs) > 0 {
		f, err := elf.Open(programs[0])
		programs = programs[1:]
		var bad *elf.FormatError
		if errors.As(err, &bad) {
			continue // a script
		}
		if err != nil {
			return err
		}
		found, err := r.linked(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		for _, path := range found {
			if !r.have[path] {
				programs = append(programs, path)
			}
			if err := r.copy(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// linked returns the paths of a program's loader and libraries.
func (r *rootFS) linked(f *elf.File) (paths []string, err error) {
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			b, err := io.ReadAll(p.Open())
			if err != nil {
				return nil, err
			}
			paths = append(paths, strings.TrimRight(string(b), "\x00"))
		}
	}
	names, err := f.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		found, err := r.library(name, f.Machine)
		if err != nil {
			return nil, err
		}
		paths = append(paths, found)
	}
	return paths, nil
}

// library finds a library as the loader does, in its cache. That goes into the image, too.
func (r *rootFS) library(name string, machine elf.Machine) (string, error) {
	if r.cache == nil {
		out, err := exec.Command("/sbin/ldconfig", "-p").Output()
		if err != nil {
			return "", fmt.Errorf("ldconfig -p: %w", err)
		}
		r.cache = map[string][]string{}
		for line := range strings.Lines(string(out)) { // "	libz.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libz.so.1"
			left, path, _ := strings.Cut(strings.TrimSpace(line), " => ")
			lib, _, _ := strings.Cut(left, " ")
			r.cache[lib] = append(r.cache[lib], path)
		}
		if err := r.copy("/etc/ld.so.cache"); err != nil {
			return "", err
		}
	}
	for _, path := range r.cache[name] {
		f, err := elf.Open(path)
		if err != nil {
			continue // removed since the cache was made
		}
		same := f.Machine == machine
		if err := f.Close(); err != nil {
			return "", err
		}
		if same {
			return path, nil
		}
	}
	return "", fmt.Errorf("the library %s is not found", name)
}

// copy copies a file, and not what names it.
func (r *rootFS) copy(path string) error {
	if r.have[path] {
		return nil
	}
	r.have[path] = true
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return r.write(path, b, info.Mode().Perm())
}

func (r *rootFS) link(path string) error {
	target, err := os.Readlink(path)
	if err != nil {
		return err
	}
	return os.Symlink(target, filepath.Join(r.dir, path))
}

func (r *rootFS) write(path string, b []byte, mode fs.FileMode) error {
	name := filepath.Join(r.dir, path)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, b, mode)
}
