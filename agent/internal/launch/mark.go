//go:build linux

package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Mark makes the empty file by which programs see that they run in a container, as Docker does, unless the image has one.
func Mark(rootfs string) error {
	f, err := os.OpenFile(filepath.Join(rootfs, ".dockerenv"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make /.dockerenv: %w", err)
	}
	return f.Close()
}
