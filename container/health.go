package container

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// HealthConfig is a command that is run again and again to find out whether a container works. A field that is not given
// has the value of the image's HEALTHCHECK, or else the default; see
// https://docs.docker.com/reference/dockerfile/#healthcheck.
type HealthConfig struct {
	// Test is {"CMD", program, argument...}, {"CMD-SHELL", line}, or {"NONE"} for no health check. Exit code 0 means
	// healthy, any other unhealthy. Default: the image's.
	Test []string `json:"test,omitempty"`
	// Interval is the time between two checks, at least 1 ms. Default: 30 s.
	Interval time.Duration `json:"interval,omitempty"`
	// Timeout is the time after which a check is killed and has failed, at least 1 ms. Default: 30 s.
	Timeout time.Duration `json:"timeout,omitempty"`
	// StartPeriod is the time after the start in which failures do not count. Default: 0.
	StartPeriod time.Duration `json:"startPeriod,omitempty"`
	// StartInterval is the time between two checks during StartPeriod, at least 1 ms. Default: 5 s.
	StartInterval time.Duration `json:"startInterval,omitempty"`
	// Retries is how many failures in a row make the container unhealthy. Default: 3.
	Retries int `json:"retries,omitempty"`
}

// HealthStatus says in one word what the health checks found.
type HealthStatus string

// The health statuses, named as Docker names them.
const (
	HealthStarting  HealthStatus = "starting"
	HealthHealthy   HealthStatus = "healthy"
	HealthUnhealthy HealthStatus = "unhealthy"
)

// Health is what the health checks found in the present run, or in the last one.
type Health struct {
	Status        HealthStatus   `json:"status"`
	FailingStreak int            `json:"failingStreak"`
	Log           []HealthResult `json:"log,omitempty"` // the last five, oldest first
}

// HealthResult is what one check found.
type HealthResult struct {
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	ExitCode int       `json:"exitCode"` // -1 when it did not end in time or could not be started
	Output   string    `json:"output"`   // the first 4096 bytes
}

// WaitHealthy waits until the container is healthy. If it was not started yet, WaitHealthy waits for that too.
//
// Errors: ErrUnhealthy when the container is unhealthy, with the output of the last check; ErrNotRunning when its
// process has ended; ErrInvalidArgument when it has no health check; ErrNotFound when the container is not there.
func (c *Container) WaitHealthy(ctx context.Context) error {
	return c.c.Do(ctx, api.ContainerWaitHealthy.Of(c.id), nil, nil)
}
