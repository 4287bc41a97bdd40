package dockertest

import (
	"context"
	"fmt"

	"github.com/caisson-dev/caisson/container"
)

// follow copies the log of this run to the writers of option Logs, until the container's process ends.
func (c *Container) follow() {
	for _, w := range c.settings.logs {
		since := c.started
		c.followers.Go(func() {
			for e, err := range c.LogEntries(context.Background(), container.LogsOptions{Follow: true, Since: since}) {
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
