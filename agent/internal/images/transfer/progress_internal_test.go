package transfer

import (
	"errors"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"go.podman.io/image/v5/types"

	"github.com/caisson-dev/caisson/image"
)

const blobDigest = digest.Digest("sha256:aa")

func event(kind types.ProgressEvent, size, offset int64) types.ProgressProperties {
	return types.ProgressProperties{Event: kind, Artifact: types.BlobInfo{Digest: blobDigest, Size: size}, Offset: uint64(offset)}
}

func TestAccount(t *testing.T) {
	const (
		begun   = types.ProgressEventNewArtifact
		read    = types.ProgressEventRead
		skipped = types.ProgressEventSkipped
		done    = types.ProgressEventDone
	)
	p := func(phase image.Phase, current, total int64, done bool) image.Progress {
		return image.Progress{Digest: string(blobDigest), Phase: phase, Current: current, Total: total, Done: done}
	}
	down, up, extract := image.PhaseDownload, image.PhaseUpload, image.PhaseExtract
	for name, c := range map[string]struct {
		phase   image.Phase
		read    int64 // counted before compression, in a push
		events  []types.ProgressProperties
		want    []image.Progress
		waiting bool // for the registry
	}{
		"nothing yet": {down, 0, nil, nil, true},
		"a download begins": {down, 0, []types.ProgressProperties{event(begun, 10, 0), event(read, 10, 4)},
			[]image.Progress{p(down, 0, 10, false), p(down, 4, 10, false)}, true},
		"all bytes came": {down, 0, []types.ProgressProperties{event(begun, 10, 0), event(read, 10, 10)},
			[]image.Progress{p(down, 0, 10, false), p(down, 10, 10, true), p(extract, 0, 10, false)}, false},
		"all bytes came, told twice": {down, 0, []types.ProgressProperties{event(read, 10, 10), event(read, 10, 10)},
			[]image.Progress{p(down, 10, 10, true), p(extract, 0, 10, false)}, false},
		"a download": {down, 0, []types.ProgressProperties{event(read, 10, 10), event(done, 10, 10)},
			[]image.Progress{p(down, 10, 10, true), p(extract, 0, 10, false), p(extract, 10, 10, true)}, true},
		"a download in one step": {down, 0, []types.ProgressProperties{event(begun, 10, 0), event(done, 10, 10)},
			[]image.Progress{p(down, 0, 10, false), p(down, 10, 10, true), p(extract, 10, 10, true)}, true},
		"of unknown size": {down, 0, []types.ProgressProperties{event(begun, -1, 0), event(read, -1, 5), event(done, -1, 7)},
			[]image.Progress{p(down, 0, 0, false), p(down, 5, 0, false), p(down, 7, 7, true), p(extract, 7, 7, true)}, true},
		"it is there": {up, 0, []types.ProgressProperties{event(skipped, 10, 0)}, []image.Progress{p(image.PhaseExists, 10, 10, true)}, true},
		"an upload": {up, 0, []types.ProgressProperties{event(begun, 10, 0), event(read, 10, 10), event(done, 10, 10)},
			[]image.Progress{p(up, 0, 10, false), p(up, 10, 10, false), p(up, 10, 10, true)}, true},
		"an upload that compresses": {up, 6, []types.ProgressProperties{event(read, 10, 3), event(done, 10, 4)},
			[]image.Progress{p(up, 6, 10, false), p(up, 10, 10, true)}, true},
	} {
		a := newAccount(c.phase)
		if c.read > 0 {
			a.counter(string(blobDigest)).Store(c.read)
		}
		var got []image.Progress
		for _, ev := range c.events {
			got = append(got, a.event(ev)...)
		}
		assert.Equal(t, c.want, got, name)
		assert.Equal(t, c.waiting, a.waiting(), name)
	}
}

func TestStalled(t *testing.T) {
	const limit = time.Hour // longer than the test
	for name, c := range map[string]struct {
		prep  func(a *attempt)
		after time.Duration
		want  bool
	}{
		"nobody waits":             {func(*attempt) {}, 2 * limit, false},
		"we wait":                  {func(a *attempt) { a.wait() }, limit / 2, false},
		"we wait too long":         {func(a *attempt) { a.wait() }, 2 * limit, true},
		"the wait is over":         {func(a *attempt) { a.end(a.wait()) }, 2 * limit, false},
		"one of two is over":       {func(a *attempt) { a.end(a.wait()); a.wait() }, 2 * limit, true},
		"copy asks":                {func(a *attempt) { a.startCopy() }, 2 * limit, true},
		"copy asks, not long":      {func(a *attempt) { a.startCopy() }, limit / 2, false},
		"copy has what it unpacks": {func(a *attempt) { a.startCopy(); a.event(event(types.ProgressEventRead, 1, 1)) }, 2 * limit, false},
	} {
		a, _ := newAttempt(t.Context(), image.PhaseDownload, nil, limit)
		c.prep(a)
		assert.Equal(t, c.want, a.stalled(time.Now().Add(c.after)), name)
		a.close()
	}
}

// What we brought ourselves copy does not tell of again.
func TestTold(t *testing.T) {
	var got []image.Progress
	a, _ := newAttempt(t.Context(), image.PhaseDownload, func(p image.Progress) { got = append(got, p) }, time.Hour)
	a.tell(image.Progress{Digest: string(blobDigest), Done: true})
	events := a.startCopy()
	events <- event(types.ProgressEventSkipped, 1, 0)
	other := event(types.ProgressEventSkipped, 1, 0)
	other.Artifact.Digest = "sha256:bb"
	events <- other
	a.close()
	assert.Equal(t, []image.Progress{
		{Digest: string(blobDigest), Done: true},
		{Digest: "sha256:bb", Phase: image.PhaseExists, Current: 1, Total: 1, Done: true},
	}, got)
}

func TestAttemptError(t *testing.T) {
	failed := errors.New("context canceled, somewhere")
	a, ctx := newAttempt(t.Context(), image.PhaseDownload, nil, time.Hour)
	assert.Equal(t, failed, attemptError(t.Context(), ctx, failed), "it goes on")
	a.cancel(errStalled)
	assert.Equal(t, errStalled, attemptError(t.Context(), ctx, failed))
	assert.NoError(t, attemptError(t.Context(), ctx, nil))
	assert.Equal(t, failed, attemptError(ctx, ctx, failed), "the caller gave up: that is the reason")
	a.close()
}
