package seccomp_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
)

// reference is a small program linked with libseccomp that exports its BPF.
type reference struct{ path string }

var built struct {
	once sync.Once
	dir  string
	err  error
}

func buildReference() (string, error) {
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "seccomp-reference"); built.err != nil {
			return
		}
		cc := exec.Command("cc", "-O1", "-o", filepath.Join(built.dir, "export"), "testdata/export.c", "-lseccomp")
		if out, err := cc.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("cc: %w: %s", err, out)
		}
	})
	return filepath.Join(built.dir, "export"), built.err
}

// libseccomp builds the reference, or says loudly what is missing.
func libseccomp(t testing.TB) reference {
	t.Helper()
	if _, err := exec.LookPath("cc"); err != nil {
		skip(t, "a C compiler and libseccomp-dev, to compare with libseccomp")
	}
	if err := exec.Command("sh", "-c", "echo '#include <seccomp.h>' | cc -E -xc - >/dev/null 2>&1").Run(); err != nil {
		skip(t, "libseccomp-dev, to compare with libseccomp")
	}
	path, err := buildReference()
	require.NoError(t, err)
	return reference{path}
}

// TestMain removes what buildReference left.
func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// libseccomp's tokens: SCMP_ARCH_*.
var tokens = map[specs.Arch]uint32{
	specs.ArchX86_64: x86_64, specs.ArchX86: i386, specs.ArchX32: 0x4000003e,
	specs.ArchAARCH64: aarch64, specs.ArchARM: arm,
}

// request is the profile in the reference's form, as runc tells libseccomp.
func request(s *specs.LinuxSeccomp) string {
	var b strings.Builder
	fallback := scmpAction(s.DefaultAction, s.DefaultErrnoRet)
	fmt.Fprintf(&b, "default %#x\n", fallback)
	for _, a := range s.Architectures {
		fmt.Fprintf(&b, "arch %#x\n", tokens[a])
	}
	fmt.Fprintln(&b, "rules")
	for _, c := range s.Syscalls {
		action := scmpAction(c.Action, c.ErrnoRet)
		if action == fallback {
			continue
		}
		for _, name := range c.Names {
			for _, args := range alternatives(c.Args) {
				fmt.Fprintf(&b, "rule %#x %s", action, name)
				for _, a := range args {
					fmt.Fprintf(&b, " %d %d %d %d", a.Index, slices.Index(operators, a.Op), a.Value, a.ValueTwo)
				}
				fmt.Fprintln(&b)
			}
		}
	}
	return b.String()
}

func (r reference) compile(s *specs.LinuxSeccomp) (filter, error) {
	cmd := exec.Command(r.path)
	cmd.Stdin = strings.NewReader(request(s))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, errs.String())
	}
	return out.Bytes(), nil
}

// names resolves all names for an architecture; what libseccomp does not know
// there is absent.
func (r reference) names(t testing.TB, a specs.Arch, names []string) map[string]int {
	t.Helper()
	cmd := exec.Command(r.path, "names", fmt.Sprint(tokens[a]))
	cmd.Stdin = strings.NewReader(strings.Join(names, "\n"))
	out, err := cmd.Output()
	require.NoError(t, err)
	found := map[string]int{}
	for line := range strings.Lines(string(out)) {
		var name string
		var nr int
		_, err := fmt.Sscan(line, &name, &nr)
		require.NoError(t, err)
		if nr >= 0 {
			found[name] = nr &^ x32
		}
	}
	return found
}
