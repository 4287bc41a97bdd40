package container

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// HealthConfig is a command that tells whether a container works. Each field that is not given is the image's, else the
// default; see https://docs.docker.com/reference/dockerfile/#healthcheck.
type HealthConfig struct {
	// Test is {"CMD", program, argument…}, {"CMD-SHELL", line} or {"NONE"}, which turns the image's off. Exit code 0 is
	// healthy, any other is not.
	Test []string `json:"test,omitempty"`
	// Interval between checks. Default: 30 s.
	Interval time.Duration `json:"interval,omitempty"`
	// Timeout after which a check is killed and has failed. Default: 30 s.
	Timeout time.Duration `json:"timeout,omitempty"`
	// StartPeriod in which failures don't count. Default: 0.
	StartPeriod time.Duration `json:"startPeriod,omitempty"`
	// StartInterval between checks during StartPeriod. Default: 5 s.
	StartInterval time.Duration `json:"startInterval,omitempty"`
	// Retries is how many failures in a row make it unhealthy. Default: 3.
	Retries int `json:"retries,omitempty"`
}

// HealthStatus says what the checks found.
type HealthStatus string

// The health statuses, named as Docker names them.
const (
	HealthStarting  HealthStatus = "starting"
	HealthHealthy   HealthStatus = "healthy"
	HealthUnhealthy HealthStatus = "unhealthy"
)

// Health is what the checks of the present or last run found.
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

// WaitHealthy waits until the container is healthy. One that was not started is waited for.
//
// Errors: ErrUnhealthy when the checks fail, with the last one's output; ErrNotRunning when its process has ended;
// ErrInvalidArgument when it has no health check; ErrNotFound; context.Canceled and context.DeadlineExceeded.
func (c *Container) WaitHealthy(ctx context.Context) error {
	return c.c.Do(ctx, api.ContainerWaitHealthy.Of(c.id), nil, nil)
}
