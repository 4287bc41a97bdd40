package dockertest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/container"
)

func TestReproduce(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		opts []Option
		want string
		left string
	}{
		"nothing":     {nil, "run --rm app", ""},
		"command":     {[]Option{Cmd("sh", "-c", "exit 1")}, "run --rm app sh -c exit 1", ""},
		"entrypoint":  {[]Option{Entrypoint("/x", "a"), Cmd("b")}, "run --rm --entrypoint /x app a b", ""},
		"environment": {[]Option{Env("A", "b"), Env("API_TOKEN", "x")}, "run --rm -e A=b -e API_TOKEN=… app", ""},
		"ports":       {[]Option{Port(80, 443)}, "run --rm -p 80 -p 443 app", ""},
		"chosen port": {[]Option{Modify(func(o *container.Options) {
			o.Ports = []container.Port{{Container: 53, Host: 5353, Protocol: "udp"}}
		})}, "run --rm -p 5353:53/udp app", ""},
		"mounts": {[]Option{Mount("/srv", "/data"), Tmpfs("/tmp")}, "run --rm -v /srv:/data --tmpfs /tmp app", ""},
		"read-only": {[]Option{Modify(func(o *container.Options) {
			o.Mounts = []container.Mount{{Source: "/srv", Target: "/d", ReadOnly: true}}
		})}, "run --rm -v /srv:/d:ro app", ""},
		"limits":       {[]Option{Resources(container.Resources{Memory: 64 << 20, CPUs: 1.5, PIDs: 10})}, "run --rm -m 67108864 --cpus 1.5 --pids-limit 10 app", ""},
		"user and dir": {[]Option{User("alice"), Dir("/work"), Platform("linux/arm64")}, "run --rm --platform linux/arm64 -u alice -w /work app", ""},
		"host's ports": {[]Option{HostPorts(8080)}, "run --rm --host-port 8080 app", ""},
		"files":        {[]Option{File("/etc/app.conf", nil), HostFile("/srv/key", "/etc/key")}, "run --rm -v /srv/key:/etc/key app", "the file /etc/app.conf"},
		"network":      {[]Option{&Net{name: "nw"}}, "run --rm app", "the network nw"},
		"process": {[]Option{Modify(func(o *container.Options) {
			o.Network, o.ReadOnly, o.Process.Init = container.NetworkNone, true, true
		})}, "run --rm --network none --read-only --init app", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &settings{image: "app"}
			Options(tc.opts...).apply(s)
			for _, f := range s.modify {
				f(&s.opts)
			}
			assert.Equal(t, tc.want, strings.Join(s.runArgs(), " "))
			assert.Equal(t, tc.left, strings.Join(s.notReproduced(), ", "))
		})
	}
}

func TestKills(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "KILL", "SIGKILL", "kill", "9"} {
		assert.True(t, kills(s), s)
	}
	for _, s := range []string{"TERM", "SIGHUP", "15", "SKILL"} {
		assert.False(t, kills(s), s)
	}
}
