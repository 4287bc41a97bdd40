package release

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/module"
)

// Proxy makes a module proxy of files in dir, as GOPROXY=file://DIR takes it, that has both modules of a checkout as a
// version.
func Proxy(dir, checkout, v string) error {
	root, agent, err := modules(checkout, v)
	if err != nil {
		return err
	}
	for _, b := range []built{root, agent} {
		path, err := module.EscapePath(b.Path)
		if err != nil {
			return err
		}
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
