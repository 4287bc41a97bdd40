package transfer

import (
	"context"
	"sync"
	"time"

	"go.podman.io/image/v5/types"

	"github.com/caisson-dev/caisson/image"
)

// progressInterval is how often a moving blob is reported.
const progressInterval = 100 * time.Millisecond

// stallOf is how long an attempt may go without a byte.
func stallOf(t image.Transport) time.Duration {
	if t.Stall > 0 {
		return t.Stall
	}
	return time.Minute
}

// attempt is one try of a transfer. It reports the progress of the blobs, one report at a time, and ends the try when the
// registry lets it wait too long: for an answer or bytes that we read ourselves, or for the next move of upstream's copy.
type attempt struct {
	report func(image.Progress)
	cancel context.CancelCauseFunc
	limit  time.Duration
	events chan types.ProgressProperties // of upstream's copy
	done   chan struct{}

	mu      sync.Mutex
	waits   map[int]time.Time // our own, since when
	last    int               // the number of the last one
	told    map[string]bool   // blobs that we brought: copy tells nothing new of them
	account *account
	copying bool
	moved   time.Time // when copy last was heard of
}

// newAttempt begins a try that moves blobs in the direction of phase, PhaseDownload or PhaseUpload. close ends it.
func newAttempt(ctx context.Context, phase image.Phase, report func(image.Progress), limit time.Duration) (*attempt, context.Context) {
	if report == nil {
		report = func(image.Progress) {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	a := &attempt{
		report: report, cancel: cancel, limit: limit, events: make(chan types.ProgressProperties, 64), done: make(chan struct{}),
		waits: map[int]time.Time{}, told: map[string]bool{}, account: newAccount(phase),
	}
	go a.run()
	return a, ctx
}

// close returns when all that copy told is reported. Copy has ended.
func (a *attempt) close() {
	close(a.events)
	<-a.done
	a.cancel(nil)
}

func (a *attempt) run() {
	defer close(a.done)
	tick := time.NewTicker(a.limit / 10)
	defer tick.Stop()
	for {
		select {
		case ev, ok := <-a.events:
			if !ok {
				return
			}
			a.event(ev)
		case now := <-tick.C:
			if a.stalled(now) {
				a.cancel(errStalled)
			}
		}
	}
}

// startCopy returns the channel that upstream's copy is given, which begins now.
func (a *attempt) startCopy() chan types.ProgressProperties {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.copying, a.moved = true, time.Now()
	return a.events
}

func (a *attempt) event(ev types.ProgressProperties) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.moved = time.Now()
	for _, p := range a.account.event(ev) {
		if !a.told[p.Digest] {
			a.report(p)
		}
	}
}

// stalled says whether the registry has let us wait too long.
func (a *attempt) stalled(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, since := range a.waits {
		if now.Sub(since) > a.limit {
			return true
		}
	}
	return a.copying && now.Sub(a.moved) > a.limit && a.account.waiting()
}

// wait marks that we wait for the registry, until end.
func (a *attempt) wait() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last++
	a.waits[a.last] = time.Now()
	return a.last
}

func (a *attempt) end(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waits, n)
}

// tell reports on a blob that we bring.
func (a *attempt) tell(p image.Progress) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.told[p.Digest] = true
	a.report(p)
}

// attemptError puts the reason in the place of "context canceled" when the attempt was ended for a stall.
func attemptError(ctx, attempt context.Context, err error) error {
	if err != nil && ctx.Err() == nil && attempt.Err() != nil {
		return context.Cause(attempt)
	}
	return err
}
