package report_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/report"
)

func TestHint(t *testing.T) {
	t.Parallel()
	says := "the option HostPorts names"
	open := container.NetworkingConfig{HostPorts: []uint16{80}}
	for _, tc := range []struct {
		name string
		o    container.Options
		log  []string
		want string
	}{
		{"nothing of the host", container.Options{Env: []string{"API=http://api:80"}}, []string{"connection refused"}, ""},
		{"in the environment", container.Options{Env: []string{"API=http://host.docker.internal:80"}}, nil, says},
		{"in the command", container.Options{Cmd: []string{"get", "http://host.containers.internal:80"}}, nil, says},
		{"in the log", container.Options{}, []string{"dial host.docker.internal:80: refused"}, says},
		{"ports are open", container.Options{Networking: open}, []string{"host.docker.internal:81: refused"}, ""},
		{"all ports are open", container.Options{Networking: container.NetworkingConfig{AllHostPorts: true}}, []string{"host.docker.internal"}, ""},
	} {
		got := report.Hint(tc.o, tc.log)
		assert.Equal(t, tc.want != "", got != "", tc.name)
		assert.Contains(t, got, tc.want, tc.name)
	}
}
