package dockertest

import (
	"context"
	"fmt"

	"github.com/caisson-dev/caisson/container"
)

// follow copies the log of this run to the writers of option Logs, until the container's process ends.
func (c *Container) follow() {
	ctx, stop := context.WithCancel(context.Background())
	c.mu.Lock()
	c.unfollow = append(c.unfollow, stop)
	c.mu.Unlock()
	for _, w := range c.settings.logs {
		since := c.started
		if since.Before(c.logsFrom) {
			since = c.logsFrom
		}
		c.followers.Go(func() {
			for e, err := range c.LogEntries(ctx, container.LogsOptions{Follow: true, Since: since}) {
				if err == nil {
					_, err = fmt.Fprintf(w, "%s | %s\n", c.Name(), e.Line)
				}
				if err != nil {
					return // the container is gone, or the writer
				}
			}
		})
	}
}

// stopFollowing ends the copies of a log that goes on.
func (c *Container) stopFollowing() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, stop := range c.unfollow {
		stop()
	}
	c.unfollow = nil
}
