// Package rooms measures the packages of a module, and says which are too large or import what stands above them. The
// tests in internal/deptest of each module hold the modules to it.
//
// It runs go list and reads source files; what it says of them is computed from that alone.
package rooms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Room is a package, without its tests.
type Room struct {
	Path    string   // below the module's, "" for the module's own package
	Imports []string // whole paths
	Deps    []string // imports, those of imports, and so on
	Files   int
	Lines   int
}

// List returns the rooms of the module that directory dir belongs to, whose path is module.
func List(dir, module string, flags ...string) ([]Room, error) {
	args := append([]string{"list", "-json=ImportPath,Dir,Imports,Deps,GoFiles,CgoFiles,IgnoredGoFiles"}, flags...)
	cmd := exec.Command("go", append(args, module+"/...")...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, &stderr)
	}
	var all []Room
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Dir                   string
			Imports, Deps                     []string
			GoFiles, CgoFiles, IgnoredGoFiles []string
		}
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		r := Room{Path: strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/"), Imports: p.Imports, Deps: p.Deps}
		for _, f := range append(append(p.GoFiles, p.CgoFiles...), p.IgnoredGoFiles...) {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			b, err := os.ReadFile(filepath.Join(p.Dir, f))
			if err != nil {
				return nil, err
			}
			r.Files++
			r.Lines += bytes.Count(b, []byte("\n"))
		}
		all = append(all, r)
	}
}

// inside reports whether a path is that of a room or of one in it.
func inside(path, room string) bool { return path == room || strings.HasPrefix(path, room+"/") }
