package spec_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pure are the packages that this room may import, with what it may use of those that can do more than compute; nil is
// all.
var pure = map[string][]string{
	"errors": nil, "fmt": nil, "io": {"Reader"}, "io/fs": {"FileMode"}, "maps": nil, "math": nil, "net": {"ParseMAC"}, "net/netip": nil,
	"path": nil, "regexp": nil, "slices": nil, "strconv": nil, "strings": nil, "sync": nil,
	"syscall": {"Signal"}, "time": {"Duration", "Millisecond", "Second", "Minute"},

	"github.com/moby/sys/capability":                  {"ListKnown", "Cap"},
	"github.com/moby/sys/user":                        {"GetExecUser", "ExecUser", "GetAdditionalGroups"},
	"github.com/opencontainers/runtime-spec/specs-go": nil,

	"github.com/caisson-dev/caisson/container":               nil,
	"github.com/caisson-dev/caisson/image":                   nil,
	"github.com/caisson-dev/caisson/internal/api":            nil,
	"github.com/caisson-dev/caisson/agent/internal/apparmor": {"Name"},
	"github.com/caisson-dev/caisson/agent/internal/etcfiles": {"ParseHost"},
	"github.com/caisson-dev/caisson/agent/internal/host":     {"Host", "Device", "Disk"},
	"github.com/caisson-dev/caisson/agent/internal/names":    {"Valid", "Check", "CheckLabels", "Pattern"},
	"github.com/caisson-dev/caisson/agent/internal/seccomp":  {"Profile", "Load"},
}

// TestPure: nothing in the room opens a file, starts a process, or asks the clock or the network.
func TestPure(t *testing.T) {
	fset := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	require.Contains(t, names, "doc.go")
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, 0)
		require.NoError(t, err)
		imported := map[string]string{}
		for _, i := range file.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			require.NoError(t, err)
			_, may := pure[p]
			assert.True(t, may, "%s imports %s, which is not among what a pure room needs", name, p)
			imported[strings.TrimSuffix(path.Base(p), "-go")] = p
		}
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if !ok || pkg.Obj != nil { // a variable
				return true
			}
			if may := pure[imported[pkg.Name]]; may != nil {
				assert.True(t, slices.Contains(may, sel.Sel.Name), "%s: %s.%s", fset.Position(sel.Pos()), pkg.Name, sel.Sel.Name)
			}
			return true
		})
	}
}
