package images

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/caisson-dev/caisson/image"
)

// watch reports the progress of streams and ends an attempt when one of them waits too long for the registry.
type watch struct {
	report func(image.Progress)
	cancel context.CancelCauseFunc
	limit  time.Duration
	done   chan struct{}

	mu      sync.Mutex
	waiting map[*watched]time.Time // since when
	seen    map[string]bool        // blobs that this watch told of
}

func newWatch(ctx context.Context, report func(image.Progress), limit time.Duration) (*watch, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{
		report: report, cancel: cancel, limit: limit, done: make(chan struct{}), waiting: map[*watched]time.Time{}, seen: map[string]bool{},
	}
	go w.run()
	return w, ctx
}

func (w *watch) run() {
	tick := time.NewTicker(w.limit / 10)
	defer tick.Stop()
	for {
		select {
		case <-w.done:
			return
		case now := <-tick.C:
			w.mu.Lock()
			for _, since := range w.waiting {
				if now.Sub(since) > w.limit {
					w.cancel(errStalled)
				}
			}
			w.mu.Unlock()
		}
	}
}

func (w *watch) close() {
	close(w.done)
	w.cancel(nil)
}

// begin marks a wait for the registry; end ends it.
func (w *watch) begin(r *watched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting[r] = time.Now()
}

func (w *watch) end(r *watched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiting, r)
}

// send reports, from one goroutine at a time.
func (w *watch) send(p image.Progress) {
	if w.report == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[p.Digest] = true
	w.report(p)
}

// told says whether this watch reported on a blob.
func (w *watch) told(digest string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen[digest]
}

// watched is a blob's stream.
type watched struct {
	r    io.Reader
	w    *watch
	l    *layer
	n    int64
	last time.Time
}

func (r *watched) Read(p []byte) (int, error) {
	r.w.begin(r)
	n, err := r.r.Read(p)
	r.w.end(r)
	r.n += int64(n)
	if now := time.Now(); now.Sub(r.last) > progressInterval && r.n <= r.l.info.Size {
		r.last = now
		r.w.send(image.Progress{Digest: r.l.info.Digest.String(), Phase: image.PhaseDownload, Current: r.n, Total: r.l.info.Size})
		r.w.send(image.Progress{Digest: r.l.info.Digest.String(), Phase: image.PhaseExtract, Current: max(0, r.n-readAhead), Total: r.l.info.Size})
	}
	return n, err
}

// finish reports that all bytes came and are unpacked: one pass does both, up to what is read ahead.
func (r *watched) finish() {
	for _, phase := range []image.Phase{image.PhaseDownload, image.PhaseExtract} {
		r.w.send(image.Progress{Digest: r.l.info.Digest.String(), Phase: phase, Current: r.l.info.Size, Total: r.l.info.Size, Done: true})
	}
}
