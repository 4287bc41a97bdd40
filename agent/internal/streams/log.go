//go:build linux

package streams

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/caisson-dev/caisson/agent/internal/logfile"
	"github.com/caisson-dev/caisson/internal/api"
)

// KindOf is the frame that carries an entry to a client.
func KindOf(e logfile.Entry) api.Kind {
	if e.Stream == logfile.Stderr {
		return api.Stderr
	}
	return api.Stdout
}

// SendLog gives entries to send up to the end of the log, or of the run that writes it, and calls flush whenever it
// has to wait for more. io.EOF from send ends it without an error.
func SendLog(ctx context.Context, rd *logfile.Reader, follow *logfile.Run, send func(logfile.Entry) error, flush func() error) error {
	for {
		var e logfile.Entry
		var err error
		if follow != nil {
			if !rd.Ready(follow) {
				if err := flush(); err != nil {
					return err
				}
			}
			e, err = rd.Follow(ctx, follow)
		} else {
			e, err = rd.Next()
		}
		if err == nil {
			err = send(e)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// Log brings what the process writes into the log until its writers are gone.
func (p *Pipes) Log(log *logfile.Run) *sync.WaitGroup {
	var wg sync.WaitGroup
	if p.master != nil {
		p.console.Close()
		wg.Go(func() { _ = log.Copy(logfile.Stdout, terminalReader{p.master}) }) // as below
		return &wg
	}
	for stream, f := range map[logfile.Stream]*os.File{logfile.Stdout: p.stdout, logfile.Stderr: p.stderr} {
		wg.Go(func() {
			defer f.Close()
			_ = log.Copy(stream, f) // what was lost, the log's run tells
		})
	}
	return &wg
}
