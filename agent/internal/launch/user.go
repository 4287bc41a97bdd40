//go:build linux

package launch

import (
	"errors"
	"io"
	"io/fs"
	"os"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/internal/api"
)

// User finds a user in the container's own /etc/passwd and /etc/group, with its home.
func User(rootfs, who string, groups ...string) (u specs.User, home string, err error) {
	passwd, err := OpenInRoot(rootfs, "/etc/passwd")
	if err != nil {
		return u, "", err
	}
	defer passwd.Close()
	group, err := OpenInRoot(rootfs, "/etc/group")
	if err != nil {
		return u, "", err
	}
	defer group.Close()
	if u, home, err = spec.FindUser(who, passwd, group); err != nil || len(groups) == 0 {
		return u, home, err
	}
	again, err := OpenInRoot(rootfs, "/etc/group")
	if err != nil {
		return u, "", err
	}
	defer again.Close()
	u, err = spec.AddGroups(u, groups, again)
	return u, home, err
}

// OpenInRoot opens a file without following links out of the root. A file that does not exist is empty.
func OpenInRoot(rootfs, name string) (io.ReadCloser, error) {
	h, err := pathrs.OpenInRoot(rootfs, name)
	if errors.Is(err, fs.ErrNotExist) {
		return io.NopCloser(eof{}), nil
	}
	if err != nil {
		return nil, err
	}
	defer h.Close()
	st, err := h.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() { // a fifo would block, a device could do anything
		return nil, api.Errorf(api.ErrInvalidArgument, "%s of the image is not a regular file", name)
	}
	return pathrs.Reopen(h, os.O_RDONLY)
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
