package spec

import (
	"io"
	"slices"

	"github.com/moby/sys/user"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/host"
)

// FindUser finds a user in the container's own /etc/passwd and /etc/group, which the image controls, and its home.
func FindUser(who string, passwd, group io.Reader) (specs.User, string, error) {
	u, err := user.GetExecUser(who, &user.ExecUser{Home: "/"}, passwd, group)
	if err != nil {
		return specs.User{}, "", invalid("user %q: %w: use a name that the image's /etc/passwd has, or a number", who, err)
	}
	// The primary group is among the supplementary ones, or a setgid to another group would shed it (CVE-2022-36109).
	out := specs.User{UID: uint32(u.Uid), GID: uint32(u.Gid), AdditionalGids: []uint32{uint32(u.Gid)}}
	for _, g := range u.Sgids {
		if g != u.Gid {
			out.AdditionalGids = append(out.AdditionalGids, uint32(g))
		}
	}
	home := u.Home
	if home == "/" && u.Uid == 0 {
		home = "/root"
	}
	return out, home, nil
}

// AddGroups gives a user further groups by name or number.
func AddGroups(u specs.User, groups []string, group io.Reader) (specs.User, error) {
	ids, err := user.GetAdditionalGroups(groups, group)
	if err != nil {
		return u, invalid("Options.Process.Groups %q: %w: use names that the image's /etc/group has, or numbers", groups, err)
	}
	u.AdditionalGids = slices.Clone(u.AdditionalGids)
	for _, g := range ids {
		if !slices.Contains(u.AdditionalGids, uint32(g)) {
			u.AdditionalGids = append(u.AdditionalGids, uint32(g))
		}
	}
	return u, nil
}

// FitUser makes a user fit where the namespace has one id alone.
func FitUser(u specs.User, h host.Host) (specs.User, error) {
	if !h.OneID {
		return u, nil
	}
	if u.UID != 0 || u.GID != 0 {
		return u, unsupported("user %d:%d: this user's containers have only one id, that of root: "+
			"add a line for the user to /etc/subuid and /etc/subgid and install newuidmap (Debian: apt-get install uidmap)", u.UID, u.GID)
	}
	u.AdditionalGids = nil // setgroups is denied
	return u, nil
}
