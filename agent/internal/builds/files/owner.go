package files

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/moby/sys/user"

	"github.com/caisson-dev/caisson/internal/api"
)

// Owner is a numeric owner.
type Owner struct{ UID, GID int }

// UnknownError says that an image has no user or group of a name. It matches api.ErrInvalidArgument.
type UnknownError struct {
	Value      string // of --chown
	File, Kind string // passwd and user, or group and group
	Name       string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("--chown=%s: the image's /etc/%s has no %s %q: use a name that it has, or a number", e.Value, e.File, e.Kind, e.Name)
}

// Is makes errors.Is(err, api.ErrInvalidArgument) true.
func (e *UnknownError) Is(target error) bool { return target == api.ErrInvalidArgument }

// CheckOwner says what is wrong with a value of --chown, as far as it can be said without the image.
func CheckOwner(s string) error {
	who, group, _ := strings.Cut(s, ":")
	for _, part := range []string{who, group} {
		if n, err := strconv.ParseInt(part, 10, 64); err == nil && (n < 0 || n > 1<<32-2) {
			return api.Errorf(api.ErrInvalidArgument, "--chown=%s: %s is not an id: use a number from 0 to %d, or a name", s, part, uint32(1<<32-2))
		}
	}
	if s != "" && who == "" && group == "" || strings.Contains(group, ":") || strings.ContainsAny(s, "\n\x00") {
		return api.Errorf(api.ErrInvalidArgument, "--chown=%s: write it as USER, UID, USER:GROUP, UID:GID or :GROUP", s)
	}
	return nil
}

// findOwner reads a value of --chown. passwd and group open the image's files of users, which may be missing. A user without
// a group has the group of its entry, or for a number the same number, as Docker says.
func findOwner(s string, passwd, group func() (io.ReadCloser, error)) (Owner, error) {
	if err := CheckOwner(s); err != nil {
		return Owner{}, err
	}
	who, grp, hasGroup := strings.Cut(s, ":")
	var o Owner
	if n, err := strconv.Atoi(who); who == "" {
		// root, as in BuildKit
	} else if err == nil {
		o = Owner{n, n}
	} else {
		f, err := passwd()
		if err != nil {
			return o, err
		}
		defer f.Close()
		found, err := user.ParsePasswdFilter(f, func(u user.User) bool { return u.Name == who })
		if err != nil || len(found) == 0 {
			return o, &UnknownError{s, "passwd", "user", who}
		}
		o = Owner{found[0].Uid, found[0].Gid}
	}
	if !hasGroup || grp == "" {
		return o, nil
	}
	if n, err := strconv.Atoi(grp); err == nil {
		o.GID = n
		return o, nil
	}
	f, err := group()
	if err != nil {
		return o, err
	}
	defer f.Close()
	found, err := user.ParseGroupFilter(f, func(g user.Group) bool { return g.Name == grp })
	if err != nil || len(found) == 0 {
		return o, &UnknownError{s, "group", "group", grp}
	}
	o.GID = found[0].Gid
	return o, nil
}
