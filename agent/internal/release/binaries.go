package release

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/caisson-dev/caisson/internal/agentbin"
	"github.com/caisson-dev/caisson/internal/version"
)

// Binaries are the binaries of an agent for an architecture, in a directory of their own.
type Binaries struct {
	Arch string // GOARCH
	Dir  string
}

// compilers are the C compilers of Debian for an architecture, by GOARCH.
var compilers = map[string]string{"amd64": "x86_64-linux-gnu-gcc", "arm64": "aarch64-linux-gnu-gcc"}

// Build compiles the binaries of a version into b.Dir: static, stripped, and the same for the same source, Go and C
// compiler in whichever directory. The source is a copy of the checkout in a directory of its own.
func Build(ctx context.Context, checkout, v string, b Binaries) error {
	if err := checkVersion(v); err != nil {
		return err
	}
	cc, ok := compilers[b.Arch]
	if !ok {
		return fmt.Errorf("architecture %q: agents are built for amd64 and arm64", b.Arch)
	}
	if _, err := exec.LookPath(cc); err != nil {
		return fmt.Errorf("%s is not on PATH: install it (Debian: apt-get install gcc-%s libc6-dev-%s-cross)", cc, strings.ReplaceAll(strings.TrimSuffix(cc, "-gcc"), "_", "-"), b.Arch)
	}
	stage, err := os.MkdirTemp("", "caisson-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	if err := copySource(checkout, stage); err != nil {
		return err
	}
	if err := os.MkdirAll(b.Dir, 0o755); err != nil {
		return err
	}
	dir, err := filepath.Abs(b.Dir)
	if err != nil {
		return err
	}
	args := []string{"build", "-trimpath", "-buildvcs=false", "-tags", tags(v), "-ldflags", "-s -w -buildid= -linkmode external " +
		"-extldflags '-static -Wl,--build-id=none' -X " + version.Module + "/internal/version.build=" + v, "-o", dir + "/"}
	for _, name := range agentbin.Names() {
		args = append(args, "./cmd/"+name)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join(stage, "agent")
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off", "GOOS=linux", "GOARCH="+b.Arch, "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=",
		"CGO_ENABLED=1", "CC="+cc, "CGO_CFLAGS=-O2 -g0", "CGO_CPPFLAGS=", "CGO_CXXFLAGS=", "CGO_LDFLAGS=", "PWD="+cmd.Dir)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build for %s: %w", b.Arch, err)
	}
	for _, name := range agentbin.Names() {
		if err := static(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// tags are the build tags of a release. The last differs in each version: with -trimpath it is what tells binaries of two
// versions apart, since the linker's flags are not recorded then.
func tags(v string) string {
	return agentbin.BuildTags + ",netgo,osusergo,sqlite_omit_load_extension,caisson_release,caisson_" + notInTags.ReplaceAllString(v, "_")
}

var notInTags = regexp.MustCompile(`[^A-Za-z0-9]`)

// copySource copies a checkout, as it is for every agent: the agent's go.mod names the root module beside it, whether or
// not the checkout is a published version.
func copySource(checkout, to string) error {
	list, err := files(checkout)
	if err != nil {
		return err
	}
	for _, f := range list {
		f := f.(file)
		info, err := f.Lstat()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			continue
		}
		text, err := os.ReadFile(f.disk)
		if err != nil {
			return err
		}
		switch f.path {
		case "agent/go.mod":
			text, err = replaceRoot(text)
		case "agent/go.sum":
			text = addSums(text, version.Module, nil)
		}
		if err != nil {
			return err
		}
		path := filepath.Join(to, filepath.FromSlash(f.path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// replaceRoot is the agent's go.mod of a checkout.
func replaceRoot(mod []byte) ([]byte, error) {
	f, err := modfile.Parse("agent/go.mod", mod, nil)
	if err != nil {
		return nil, err
	}
	if err := f.AddRequire(version.Module, "v0.0.0"); err != nil {
		return nil, err
	}
	if err := f.AddReplace(version.Module, "", "../", ""); err != nil {
		return nil, err
	}
	f.Cleanup()
	return f.Format()
}

// static says what is wrong with a binary that is to need nothing of the machine.
func static(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			return fmt.Errorf("%s: it is linked dynamically", path)
		}
	}
	if f.Section(".symtab") != nil || f.Section(".debug_info") != nil {
		return fmt.Errorf("%s: it is not stripped", path)
	}
	if s := f.Section(".note.gnu.build-id"); s != nil {
		return errors.New(path + ": it has a build id of the linker")
	}
	return nil
}
