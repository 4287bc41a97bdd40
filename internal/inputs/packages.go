package inputs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// variables change what the go command makes of the same files.
var variables = []string{"GOFLAGS", "GOWORK", "GOEXPERIMENT", "GOTOOLCHAIN", "GOAMD64", "GOARM64", "GOPROXY"}

// Packages notes what the go command compiles a package of, other than the standard library and modules of a version:
// the files of the packages and their directories, go.mod, go.sum and go.work, and variables of the environment. It runs
// the go command in dir with an environment and with flags of go build.
func Packages(ctx context.Context, dir string, env, flags []string, pkg string) error {
	if !recording() {
		return nil
	}
	for _, name := range variables {
		os.Getenv(name)
	}
	out, err := goTool(ctx, dir, env, slices.Concat([]string{"list", "-deps", "-json=Dir,Standard,Module," + strings.Join(lists, ",")}, listFlags(flags), []string{"--", pkg})...)
	if err != nil {
		return err
	}
	paths, err := packageFiles(bytes.NewReader(out))
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	if out, err = goTool(ctx, dir, env, "env", "-json", "GOWORK", "GOMOD", "GOENV"); err != nil {
		return err
	}
	var at struct{ GOWORK, GOMOD, GOENV string }
	if err := json.Unmarshal(out, &at); err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	for _, path := range slices.Concat(paths, moduleFiles(at.GOWORK, at.GOMOD, at.GOENV), flagFiles(dir, flags)) {
		file(path)
	}
	return nil
}

// lists are the fields of go list that name files in the package's directory.
var lists = []string{
	"GoFiles", "CgoFiles", "IgnoredGoFiles", "IgnoredOtherFiles", "CFiles", "CXXFiles", "MFiles", "HFiles", "FFiles", "SFiles",
	"SwigFiles", "SwigCXXFiles", "SysoFiles", "EmbedFiles",
}

type module struct {
	Main    bool
	Version string
	Dir     string
	GoMod   string
	Replace *struct{ Version string }
}

// fixed says whether a module's files are those of a version, in the module cache.
func (m *module) fixed() bool {
	switch {
	case m == nil || m.Main || m.Dir == "": // without a directory it is vendored
		return false
	case m.Replace != nil:
		return m.Replace.Version != ""
	}
	return m.Version != ""
}

// packageFiles are the files and directories of the packages that may change, of the output of go list.
func packageFiles(r io.Reader) ([]string, error) {
	var paths []string
	for dec := json.NewDecoder(r); ; {
		var fields map[string]json.RawMessage
		err := dec.Decode(&fields)
		if errors.Is(err, io.EOF) {
			slices.Sort(paths)
			return slices.Compact(paths), nil
		}
		if err != nil {
			return nil, err
		}
		var p struct {
			Dir      string
			Standard bool
			Module   *module
		}
		if err := errors.Join(get(fields, "Dir", &p.Dir), get(fields, "Standard", &p.Standard), get(fields, "Module", &p.Module)); err != nil {
			return nil, err
		}
		if p.Standard || p.Module.fixed() {
			continue
		}
		if p.Module != nil && p.Module.GoMod != "" {
			paths = append(paths, p.Module.GoMod)
		}
		paths = append(paths, p.Dir)
		for _, name := range lists {
			var files []string
			if err := get(fields, name, &files); err != nil {
				return nil, err
			}
			for _, f := range files {
				path := filepath.Join(p.Dir, filepath.FromSlash(f))
				paths = append(paths, path)
				for dir := filepath.Dir(path); len(dir) > len(p.Dir); dir = filepath.Dir(dir) { // a new file there is embedded, too
					paths = append(paths, dir)
				}
			}
		}
	}
}

func get(fields map[string]json.RawMessage, name string, v any) error {
	text, ok := fields[name]
	if !ok {
		return nil
	}
	return json.Unmarshal(text, v)
}

// moduleFiles say which modules there are. Each of the three may be empty, "off" or the null device.
func moduleFiles(work, mod, env string) []string {
	var paths []string
	for _, p := range []string{work, mod, env} {
		if filepath.IsAbs(p) && p != os.DevNull {
			paths = append(paths, p)
		}
	}
	if filepath.IsAbs(mod) && mod != os.DevNull {
		paths = append(paths, strings.TrimSuffix(mod, ".mod")+".sum", filepath.Join(filepath.Dir(mod), "vendor", "modules.txt"))
	}
	if filepath.IsAbs(work) {
		paths = append(paths, work+".sum", filepath.Join(filepath.Dir(work), "vendor", "modules.txt"))
	}
	return paths
}

// buildFlags are the flags of go build that choose files, and whether they have a value. Others go list refuses, or prints
// commands for them.
var buildFlags = map[string]bool{"tags": true, "mod": true, "modfile": true, "overlay": true, "race": false, "msan": false, "asan": false}

// listFlags are the flags for go list, each written in one.
func listFlags(flags []string) []string {
	var keep []string
	for i := 0; i < len(flags); i++ {
		name, value, joined := strings.Cut(strings.TrimLeft(flags[i], "-"), "=")
		valued, known := buildFlags[name]
		switch {
		case !known:
		case valued && !joined && i+1 < len(flags):
			i++
			keep = append(keep, "-"+name+"="+flags[i])
		case joined:
			keep = append(keep, "-"+name+"="+value)
		default:
			keep = append(keep, "-"+name)
		}
	}
	return keep
}

// flagFiles are the files that flags name, relative to the directory of the go command.
func flagFiles(dir string, flags []string) []string {
	var paths []string
	for _, f := range listFlags(flags) {
		name, value, _ := strings.Cut(f, "=")
		if name != "-modfile" && name != "-overlay" {
			continue
		}
		if !filepath.IsAbs(value) {
			abs, err := filepath.Abs(dir)
			if err != nil {
				continue
			}
			value = filepath.Join(abs, value)
		}
		paths = append(paths, value)
		if name == "-modfile" {
			paths = append(paths, strings.TrimSuffix(value, ".mod")+".sum")
		}
	}
	return paths
}

func goTool(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}
