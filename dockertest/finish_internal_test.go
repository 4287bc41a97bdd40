package dockertest

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/report"
)

// TestAsRun: a report knows what can be run again, and what was in the test's memory alone.
func TestAsRun(t *testing.T) {
	t.Parallel()
	s := applied([]Option{File("/etc/app.conf", nil), HostFile("/srv/key", "/etc/key"), Platform("linux/arm64"), Port(80), &Net{name: "nw"}})
	s.image = "app"
	assert.Equal(t, report.Run{
		Image: "app", Platform: "linux/arm64",
		Files:   []report.File{{Target: "/etc/app.conf"}, {Host: "/srv/key", Target: "/etc/key"}},
		Options: container.Options{Ports: []container.Port{{Container: 80}}, Networking: container.NetworkingConfig{Endpoints: []container.Endpoint{{Network: "nw"}}}},
	}, s.asRun())
}
