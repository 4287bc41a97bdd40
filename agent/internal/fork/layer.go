//go:build linux

package fork

import (
	"errors"
	"fmt"
	"os"

	"go.podman.io/storage"
	drivers "go.podman.io/storage/drivers"
	"golang.org/x/sys/unix"
)

// Store is where containers' layers are: containers/storage.
type Store interface {
	Container(id string) (*storage.Container, error)
	GraphDriver() (drivers.Driver, error)
}

// upper is the directory of a container's own layer: what it has changed in the files of its image.
func upper(st Store, id string) (string, error) {
	c, err := st.Container(id)
	if err != nil {
		return "", err
	}
	driver, err := st.GraphDriver()
	if err != nil {
		return "", err
	}
	md, err := driver.Metadata(c.LayerID)
	if err != nil {
		return "", err
	}
	if md["UpperDir"] == "" {
		return "", fmt.Errorf("the storage driver %s does not say where a layer is", driver)
	}
	return md["UpperDir"], nil
}

// sync puts all that was written to the file system of a directory on the disk.
func sync(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(os.NewSyscallError("syncfs", unix.Syncfs(int(f.Fd()))), f.Close())
}
