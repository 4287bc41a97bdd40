package report_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/report"
)

func TestRun(t *testing.T) {
	t.Parallel()
	of := func(o container.Options) report.Run { return report.Run{Options: o} }
	for name, tc := range map[string]struct {
		run  report.Run
		want string
		left string
	}{
		"nothing":     {report.Run{}, "run --rm app", ""},
		"command":     {of(container.Options{Cmd: []string{"sh", "-c", "exit 1"}}), "run --rm app sh -c exit 1", ""},
		"entrypoint":  {of(container.Options{Entrypoint: []string{"/x", "a"}, Cmd: []string{"b"}}), "run --rm --entrypoint /x app a b", ""},
		"environment": {of(container.Options{Env: []string{"A=b", "API_TOKEN=x"}}), "run --rm -e A=b -e API_TOKEN=… app", ""},
		"ports":       {of(container.Options{Ports: []container.Port{{Container: 80}, {Container: 443, Protocol: "tcp"}}}), "run --rm -p 80 -p 443 app", ""},
		"chosen port": {of(container.Options{Ports: []container.Port{{Container: 53, Host: 5353, Protocol: "udp"}}}), "run --rm -p 5353:53/udp app", ""},
		"mounts": {of(container.Options{Mounts: []container.Mount{{Source: "/srv", Target: "/data"}, {Type: container.MountTmpfs, Target: "/tmp"}}}),
			"run --rm -v /srv:/data --tmpfs /tmp app", ""},
		"read-only":    {of(container.Options{Mounts: []container.Mount{{Source: "/srv", Target: "/d", ReadOnly: true}}}), "run --rm -v /srv:/d:ro app", ""},
		"limits":       {of(container.Options{Resources: container.Resources{Memory: 64 << 20, CPUs: 1.5, PIDs: 10}}), "run --rm -m 67108864 --cpus 1.5 --pids-limit 10 app", ""},
		"user and dir": {report.Run{Platform: "linux/arm64", Options: container.Options{User: "alice", Dir: "/work"}}, "run --rm --platform linux/arm64 -u alice -w /work app", ""},
		"host's ports": {of(container.Options{Networking: container.NetworkingConfig{HostPorts: []uint16{8080}}}), "run --rm --host-port 8080 app", ""},
		"files": {report.Run{Files: []report.File{{Target: "/etc/app.conf"}, {Host: "/srv/key", Target: "/etc/key"}}},
			"run --rm -v /srv/key:/etc/key app", "the file /etc/app.conf"},
		"network": {of(container.Options{Networking: container.NetworkingConfig{Endpoints: []container.Endpoint{{Network: "nw"}}}}), "run --rm app", "the network nw"},
		"process": {of(container.Options{Network: container.NetworkNone, ReadOnly: true, Process: container.ProcessConfig{Init: true}}),
			"run --rm --network none --read-only --init app", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.run.Image = "app"
			assert.Equal(t, tc.want, strings.Join(tc.run.Args(), " "))
			assert.Equal(t, tc.left, strings.Join(tc.run.Missing(), ", "))
		})
	}
}
