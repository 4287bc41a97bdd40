//go:build linux

package procstat

import (
	"io"
	"strconv"

	"github.com/moby/sys/user"

	"github.com/caisson-dev/caisson/container"
)

// NameUsers puts names in place of user ids, as passwd, a container's /etc/passwd, has them. What does not parse has no
// names.
func NameUsers(procs []container.Process, passwd io.Reader) {
	users, err := user.ParsePasswd(passwd)
	if err != nil {
		return
	}
	names := map[string]string{}
	for _, u := range users {
		if id := strconv.Itoa(u.Uid); names[id] == "" {
			names[id] = u.Name
		}
	}
	for i := range procs {
		if name := names[procs[i].User]; name != "" {
			procs[i].User = name
		}
	}
}
