package typed_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var write = flag.Bool("write", false, "write docs/servers.md anew")

const tableFile = "../../../docs/servers.md"

const intro = `# Servers

A package for each server runs it in a container of its own: ` + "`postgres.Run(t, postgres.Options{})`" + `. Each takes the
options of ` + "`dockertest`" + ` too, after its own. ` + "`Start`" + ` is for ` + "`TestMain`" + `, ` + "`Option`" + ` for whatever else
starts containers, and ` + "`Of`" + ` makes of such a container the server. No driver or client is imported. This page is made
of the source by ` + "`go test ./dockertest/internal/typed -run TestTable -write`" + `.

| package | image, unless another is given | ready when | addresses | options |
|---|---|---|---|---|
`

// TestTable compares docs/servers.md with the packages.
func TestTable(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob("../../*/*.go")
	require.NoError(t, err)
	var b strings.Builder
	b.WriteString(intro)
	for _, file := range dirs {
		if name := filepath.Base(filepath.Dir(file)); filepath.Base(file) == name+".go" {
			b.WriteString(row(t, name, filepath.Dir(file)))
		}
	}
	if *write {
		require.NoError(t, os.WriteFile(tableFile, []byte(b.String()), 0o644))
	}
	have, err := os.ReadFile(tableFile)
	require.NoError(t, err)
	assert.Equal(t, b.String(), string(have), "go test ./dockertest/internal/typed -run TestTable -write")
}

// row is a package's line, or none for a package that runs no server.
func row(t *testing.T, name, dir string) string {
	fset := token.NewFileSet()
	var files []*ast.File
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	for _, n := range names {
		if !strings.HasSuffix(n, "_test.go") {
			f, err := parser.ParseFile(fset, n, nil, parser.ParseComments)
			require.NoError(t, err)
			files = append(files, f)
		}
	}
	p, err := doc.NewFromFiles(fset, files, "github.com/caisson-dev/caisson/dockertest/"+name)
	require.NoError(t, err)
	image := constant(p, "Image")
	if image == "" {
		return ""
	}
	require.Contains(t, p.Doc, "It relies on what", "%s: the package's doc says which contract of the image it relies on", name)
	ready := readyWhen(p)
	require.NotEmpty(t, ready, "%s: the doc of Run says what it waits for", name)
	var addresses, options []string
	for _, typ := range p.Types {
		switch typ.Name {
		case "Server":
			for _, m := range typ.Methods {
				if strings.Contains(m.Name, "URL") || m.Name == "Address" || m.Name == "Ref" {
					addresses = append(addresses, "`"+m.Name+"`")
				}
			}
		case "Options":
			for _, f := range typ.Decl.Specs[0].(*ast.TypeSpec).Type.(*ast.StructType).Fields.List {
				for _, n := range f.Names {
					if n.Name != "Image" {
						options = append(options, n.Name)
					}
				}
			}
		}
	}
	return fmt.Sprintf("| [`%s`](../dockertest/%[1]s) | `%s` | %s | %s | %s |\n", name, image, ready, strings.Join(addresses, ", "), strings.Join(options, ", "))
}

func constant(p *doc.Package, name string) string {
	for _, c := range p.Consts {
		for _, s := range c.Decl.Specs {
			if v := s.(*ast.ValueSpec); v.Names[0].Name == name {
				return strings.Trim(v.Values[0].(*ast.BasicLit).Value, `"`)
			}
		}
	}
	return ""
}

// readyWhen is what the doc of Run says: "Run starts a server, waits until it answers PING, and removes it …".
func readyWhen(p *doc.Package) string {
	for _, typ := range p.Types {
		for _, f := range typ.Funcs { // Run is listed with what it returns
			if f.Name == "Run" {
				_, rest, _ := strings.Cut(strings.Join(strings.Fields(f.Doc), " "), "waits until ")
				ready, _, _ := strings.Cut(rest, ", and removes it")
				return ready
			}
		}
	}
	return ""
}
