package version

import (
	"path"
	"path/filepath"
	"strings"
)

// place is what the path of a source file tells of the module: its version if it is in the module cache or vendored, its
// directory if that may be on this machine.
type place struct {
	version string
	dir     string
}

// own is the path of the files of this package in the module.
const own = "/internal/version/"

// locate reads the path that the compiler has noted for a file of this package. A test binary has no other note of the
// module's version. The path is one of
//
//	DIR/internal/version/x.go              a checkout
//	…/MODULE@VERSION/internal/version/x.go the module cache; without the directory before MODULE with -trimpath
//	ROOT/vendor/MODULE/internal/version/x.go
func locate(file string, readFile func(string) ([]byte, error)) place {
	i := strings.LastIndex(file, own)
	if i < 0 {
		return place{}
	}
	dir := file[:i]
	if at := strings.LastIndex(dir, Module+"@"); at >= 0 {
		p := place{version: unescape(dir[at+len(Module)+1:])}
		if isAbs(dir) {
			p.dir = filepath.FromSlash(dir)
		} else if p.version == "v0.0.0" || strings.HasPrefix(p.version, "v0.0.0-00010101000000-") {
			p.version = "" // what is required of a module that is replaced
		}
		return p
	}
	if !isAbs(dir) {
		return place{} // -trimpath, of a checkout or a vendor directory
	}
	if root, ok := strings.CutSuffix(dir, "/vendor/"+Module); ok {
		modules, err := readFile(filepath.FromSlash(root + "/vendor/modules.txt"))
		if err != nil {
			return place{}
		}
		return vendored(root, string(modules))
	}
	return place{dir: filepath.FromSlash(dir)}
}

// vendored finds the module in the modules.txt of a vendor directory: "# MODULE VERSION", or "# MODULE [VERSION] => DIR".
func vendored(root, modules string) place {
	for line := range strings.Lines(modules) {
		f := strings.Fields(line)
		switch {
		case len(f) < 3 || f[0] != "#" || f[1] != Module:
			continue
		case len(f) == 3:
			return place{version: f[2]}
		}
		to := f[len(f)-1]
		switch {
		case f[len(f)-2] != "=>": // another module's version
			return place{}
		case isAbs(to):
			return place{dir: filepath.FromSlash(to)}
		}
		return place{dir: filepath.FromSlash(path.Join(root, to))}
	}
	return place{}
}

// isAbs is filepath.IsAbs for a path with slashes, of any system.
func isAbs(p string) bool {
	return strings.HasPrefix(p, "/") || len(p) > 2 && p[1] == ':' && p[2] == '/'
}

// unescape reads a version as the module cache writes it: !x is X.
func unescape(v string) string {
	parts := strings.Split(v, "!")
	for i, p := range parts[1:] {
		if p != "" {
			parts[i+1] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "")
}
