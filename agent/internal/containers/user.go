//go:build linux

package containers

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"github.com/moby/sys/user"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/internal/api"
)

// resolveUser looks a user up in the container's own /etc/passwd and /etc/group, which the image controls.
func resolveUser(rootfs, spec string, groups ...string) (specs.User, string, error) {
	passwd, err := openInRoot(rootfs, "/etc/passwd")
	if err != nil {
		return specs.User{}, "", err
	}
	defer passwd.Close()
	group, err := openInRoot(rootfs, "/etc/group")
	if err != nil {
		return specs.User{}, "", err
	}
	defer group.Close()
	u, err := user.GetExecUser(spec, &user.ExecUser{Home: "/"}, passwd, group)
	if err != nil {
		return specs.User{}, "", api.Errorf(api.ErrInvalidArgument, "user %q: %w: use a name that the image's /etc/passwd has, or a number", spec, err)
	}
	// The primary group is among the supplementary ones, or a setgid to another group would shed it (CVE-2022-36109).
	out := specs.User{UID: uint32(u.Uid), GID: uint32(u.Gid), AdditionalGids: []uint32{uint32(u.Gid)}}
	for _, g := range u.Sgids {
		if g != u.Gid {
			out.AdditionalGids = append(out.AdditionalGids, uint32(g))
		}
	}
	more, err := additionalGroups(rootfs, groups)
	if err != nil {
		return specs.User{}, "", err
	}
	for _, g := range more {
		if !slices.Contains(out.AdditionalGids, uint32(g)) {
			out.AdditionalGids = append(out.AdditionalGids, uint32(g))
		}
	}
	home := u.Home
	if home == "/" && u.Uid == 0 {
		home = "/root"
	}
	return out, home, nil
}

// additionalGroups looks groups up by name or number.
func additionalGroups(rootfs string, groups []string) ([]int, error) {
	if len(groups) == 0 {
		return nil, nil
	}
	f, err := openInRoot(rootfs, "/etc/group")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	ids, err := user.GetAdditionalGroups(groups, f)
	if err != nil {
		return nil, invalid("Options.Process.Groups %q: %w: use names that the image's /etc/group has, or numbers", groups, err)
	}
	return ids, nil
}

// openInRoot opens a file without following links out of the root. A file that does not exist is empty.
func openInRoot(rootfs, name string) (io.ReadCloser, error) {
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
