package wire

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Version is a version of the API.
type Version struct{ Major, Minor int }

// The versions that are served.
var (
	MinVersion = Version{1, 24}
	MaxVersion = Version{1, 51}
)

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Compare is -1, 0 or 1.
func (v Version) Compare(o Version) int {
	return cmp.Or(cmp.Compare(v.Major, o.Major), cmp.Compare(v.Minor, o.Minor))
}

// AtLeast says whether a version is 1.minor or later.
func (v Version) AtLeast(minor int) bool { return v.Compare(Version{1, minor}) >= 0 }

// split takes the version off a path. A path without one is of the newest version, as in Docker.
func split(path string) (Version, string, error) {
	head, rest, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	text, isVersion := strings.CutPrefix(head, "v")
	if !isVersion {
		return MaxVersion, path, nil
	}
	major, minor, dotted := strings.Cut(text, ".")
	a, err := strconv.Atoi(major)
	b, berr := strconv.Atoi(minor)
	if err != nil || berr != nil || !dotted || !ok {
		return MaxVersion, path, nil // such as /volumes
	}
	v := Version{a, b}
	switch {
	case v.Compare(MinVersion) < 0:
		return v, "/" + rest, BadRequest("client version %s is too old. Minimum supported API version is %s, please upgrade your client to a newer version", v, MinVersion)
	case v.Compare(MaxVersion) > 0:
		return v, "/" + rest, BadRequest("client version %s is too new. Maximum supported API version is %s", v, MaxVersion)
	}
	return v, "/" + rest, nil
}
