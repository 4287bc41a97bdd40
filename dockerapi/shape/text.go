package shape

import (
	"fmt"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/caisson-dev/caisson/container"
)

// ShortID is an id as tables have it: 12 digits without the algorithm.
func ShortID(id string) string {
	if _, hex, ok := strings.Cut(id, ":"); ok {
		id = hex
	}
	return id[:min(12, len(id))]
}

// Stamp is a time as Docker's JSON has it.
func Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// StatusText is the STATUS of docker ps: "Up 5 minutes", "Exited (0) 2 hours ago".
func StatusText(info *container.Info, now time.Time) string {
	up := "Up " + units.HumanDuration(now.Sub(info.State.Started))
	ago := units.HumanDuration(now.Sub(info.State.Finished)) + " ago"
	switch info.State.Status {
	case container.StatusRunning:
		switch {
		case info.Health == nil:
			return up
		case info.Health.Status == container.HealthStarting:
			return up + " (health: starting)"
		}
		return up + " (" + string(info.Health.Status) + ")"
	case container.StatusRestarting:
		return fmt.Sprintf("Restarting (%d) %s", info.State.ExitCode, ago)
	case container.StatusPaused:
		return up + " (Paused)"
	case container.StatusExited:
		return fmt.Sprintf("Exited (%d) %s", info.State.ExitCode, ago)
	case container.StatusCreated:
		return "Created"
	case container.StatusRemoving:
		return "Removal In Progress"
	case container.StatusDamaged:
		return "Dead"
	}
	return string(info.State.Status)
}
