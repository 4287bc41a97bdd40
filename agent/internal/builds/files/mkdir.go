//go:build linux

package files

import (
	"errors"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/api"
)

// Mkdir makes a directory below root with all that is missing above it, mode 0755. It follows links within the root. owner is
// whose new ones become; nil is root. made is false when it was there.
func Mkdir(root *os.File, dir string, owner *Owner) (made bool, err error) {
	p, err := resolve(int(root.Fd()), dir, way{follow: true, make: func(d int, name string) error {
		made = true
		return mkdir(d, name, 0o755, owner)
	}})
	if err != nil {
		if isAny(err, unix.ENOTDIR, unix.ELOOP, unix.ENAMETOOLONG) {
			return made, api.Errorf(api.ErrInvalidArgument, "directory %s: %w", path.Join("/", dir), err)
		}
		return made, err
	}
	p.close()
	return made, nil
}

// FindOwner finds a user with a group, such as bob:staff, in the files of an image. See findOwner.
func FindOwner(root *os.File, s string) (Owner, error) {
	etc := func(name string) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) { return openEtc(int(root.Fd()), name) }
	}
	return findOwner(s, etc("passwd"), etc("group"))
}

// openEtc opens a file of the image's /etc. One that is not there is empty.
func openEtc(root int, name string) (io.ReadCloser, error) {
	p, err := resolve(root, "etc/"+name, way{follow: true})
	if errors.Is(err, unix.ENOENT) {
		return os.Open(os.DevNull)
	}
	if err != nil {
		return nil, err
	}
	defer p.close()
	if p.st == nil {
		return os.Open(os.DevNull)
	}
	fd, _, err := openFile(p.dir, p.name)
	if err != nil {
		return nil, api.Errorf(api.ErrInvalidArgument, "/etc/%s of the image: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
