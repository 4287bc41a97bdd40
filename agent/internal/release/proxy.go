package release

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/module"
)

// Proxy makes a module proxy of files in dir, as GOPROXY=file://DIR takes it, that has both modules of a checkout as a
// version, and modules of binaries whose sums are pinned in the root module.
func Proxy(dir, checkout, v string, binaries ...Binaries) error {
	var pins []byte
	var all []built
	if len(binaries) > 0 {
		prebuilt, err := packAll(binaries, v)
		if err != nil {
			return err
		}
		if pins, err = pinsOf(v, prebuilt); err != nil {
			return err
		}
		all = prebuilt
	}
	root, agent, err := modules(checkout, v, pins)
	if err != nil {
		return err
	}
	return writeProxy(dir, append(all, root, agent)...)
}

// writeProxy writes modules in the layout of a module proxy.
func writeProxy(dir string, modules ...built) error {
	for _, b := range modules {
		path, err := module.EscapePath(b.Path)
		if err != nil {
			return err
		}
		v := b.Version.Version
		at := filepath.Join(dir, filepath.FromSlash(path), "@v")
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		for name, text := range map[string][]byte{
			"list": []byte(v + "\n"), v + ".info": fmt.Appendf(nil, `{"Version":%q}`, v), v + ".mod": b.mod, v + ".zip": b.zip,
		} {
			if err := os.WriteFile(filepath.Join(at, name), text, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
