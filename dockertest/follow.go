package dockertest

import (
	"context"
	"fmt"

	"github.com/caisson-dev/caisson/container"
)

// follow copies the log of this run to the writers of option Logs, until the container's process ends.
func (f *Fixture) follow() {
	ctx, stop := context.WithCancel(context.Background())
	f.mu.Lock()
	f.unfollow = append(f.unfollow, stop)
	f.mu.Unlock()
	for _, w := range f.settings.logs {
		since := f.begun()
		if since.Before(f.logsFrom) {
			since = f.logsFrom
		}
		f.followers.Go(func() {
			for e, err := range f.LogEntries(ctx, container.LogsOptions{Follow: true, Since: since}) {
				if err == nil {
					_, err = fmt.Fprintf(w, "%s | %s\n", f.Name(), e.Line)
				}
				if err != nil {
					return // the container is gone, or the writer
				}
			}
		})
	}
}

// stopFollowing ends the copies of a log that goes on.
func (f *Fixture) stopFollowing() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, stop := range f.unfollow {
		stop()
	}
	f.unfollow = nil
}
