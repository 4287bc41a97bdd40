package release

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"

	"github.com/caisson-dev/caisson/internal/version"
)

// built is a module of a version.
type built struct {
	module.Version
	mod []byte // its go.mod
	zip []byte
}

// sums are the lines of a go.sum that name the module.
func (b built) sums() ([]string, error) {
	temp, err := os.CreateTemp("", "caisson-release-*.zip")
	if err != nil {
		return nil, err
	}
	defer os.Remove(temp.Name())
	defer temp.Close()
	if _, err := temp.Write(b.zip); err != nil {
		return nil, err
	}
	all, err := dirhash.HashZip(temp.Name(), dirhash.Hash1)
	if err != nil {
		return nil, err
	}
	mod, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(b.mod)), nil
	})
	return []string{b.Path + " " + b.Version.Version + " " + all, b.Path + " " + b.Version.Version + "/go.mod " + mod}, err
}

// checkVersion says what is wrong with a version.
func checkVersion(v string) error {
	if !semver.IsValid(v) || semver.Canonical(v) != v {
		return fmt.Errorf("%q is not a valid version: give one such as v1.2.3", v)
	}
	return nil
}

// modules makes both modules of a version from a checkout. pins is the content of PinsFile; nil: the checkout's.
func modules(checkout, v string, pins []byte) (root, agent built, err error) {
	if err := checkVersion(v); err != nil {
		return root, agent, err
	}
	var rootFiles map[string][]byte
	if pins != nil {
		rootFiles = map[string][]byte{PinsFile: pins}
	}
	if root, err = pack(version.Module, v, checkout, rootFiles); err != nil {
		return root, agent, err
	}
	changed, err := agentFiles(checkout, root)
	if err != nil {
		return root, agent, err
	}
	agent, err = pack(version.AgentModule, v, filepath.Join(checkout, "agent"), changed)
	return root, agent, err
}

// pack makes a module's zip; changed has the content of files that differ from the checkout's.
func pack(path, v, dir string, changed map[string][]byte) (built, error) {
	b := built{Version: module.Version{Path: path, Version: v}}
	list, err := files(dir)
	if err != nil {
		return b, err
	}
	for i, f := range list {
		if text, ok := changed[f.Path()]; ok {
			list[i] = file{path: f.Path(), disk: filepath.Join(dir, f.Path()), text: text}
		}
	}
	var buf bytes.Buffer
	if err := modzip.Create(&buf, b.Version, list); err != nil {
		return b, fmt.Errorf("make the zip of %s: %w", path, err)
	}
	b.zip = buf.Bytes()
	if b.mod = changed["go.mod"]; b.mod == nil {
		b.mod, err = os.ReadFile(filepath.Join(dir, "go.mod"))
	}
	return b, err
}

// agentFiles are the agent's go.mod and go.sum as they are published with a root module.
func agentFiles(checkout string, root built) (map[string][]byte, error) {
	sums, err := root.sums()
	if err != nil {
		return nil, err
	}
	mod, err := os.ReadFile(filepath.Join(checkout, "agent", "go.mod"))
	if err != nil {
		return nil, err
	}
	sum, err := os.ReadFile(filepath.Join(checkout, "agent", "go.sum"))
	if err != nil {
		return nil, err
	}
	if mod, err = requireRoot(mod, root.Version); err != nil {
		return nil, err
	}
	return map[string][]byte{"go.mod": mod, "go.sum": addSums(sum, root.Path, sums)}, nil
}

// requireRoot is the agent's go.mod without a replace directive for the root, and with a requirement of it.
func requireRoot(mod []byte, root module.Version) ([]byte, error) {
	f, err := modfile.Parse("agent/go.mod", mod, nil)
	if err != nil {
		return nil, err
	}
	for _, r := range f.Replace {
		if r.Old.Path != root.Path {
			return nil, fmt.Errorf("agent/go.mod replaces %s, which no importer of the module would: remove it", r.Old.Path)
		}
	}
	if err := f.DropReplace(root.Path, ""); err != nil {
		return nil, err
	}
	if err := f.AddRequire(root.Path, root.Version); err != nil {
		return nil, err
	}
	f.Cleanup()
	return f.Format()
}

// addSums puts a module's lines into a go.sum in place of those that it has.
func addSums(sum []byte, path string, lines []string) []byte {
	all := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(sum)), "\n"), func(line string) bool {
		return line == "" || strings.HasPrefix(line, path+" ")
	})
	all = append(all, lines...)
	slices.Sort(all)
	return []byte(strings.Join(all, "\n") + "\n")
}

// Write changes agent/go.mod and agent/go.sum of a checkout to what is published as a version. The root module's files are
// not to change between this and the tag, or the hashes do not fit.
func Write(checkout, v string) error {
	root, _, err := modules(checkout, v, nil)
	if err != nil {
		return err
	}
	changed, err := agentFiles(checkout, root)
	if err != nil {
		return err
	}
	for name, text := range changed {
		if err := os.WriteFile(filepath.Join(checkout, "agent", name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
