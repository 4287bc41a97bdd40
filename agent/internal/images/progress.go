package images

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"go.podman.io/image/v5/types"

	"github.com/caisson-dev/caisson/image"
)

// stallOf is how long an attempt may go without a byte.
func stallOf(t image.Transport) time.Duration {
	if t.Stall > 0 {
		return t.Stall
	}
	return time.Minute
}

// blobState is what is known of a blob on its way.
type blobState struct {
	size, offset int64
	moved        bool // all bytes came; what takes time now is the other end's work
}

// monitor turns upstream's progress into ours, and ends an attempt that stalls.
type monitor struct {
	events chan types.ProgressProperties
	done   chan struct{}
	phase  image.Phase // PhaseDownload or PhaseUpload
	report func(image.Progress)
	cancel context.CancelCauseFunc

	last   time.Time
	flying map[string]*blobState
	read   sync.Map // of *atomic.Int64: what a push has read of each blob, before compression
}

// newMonitor watches an attempt. Its channel must be given to copy; close ends it.
func newMonitor(ctx context.Context, phase image.Phase, report func(image.Progress), limit time.Duration) (*monitor, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	m := &monitor{
		events: make(chan types.ProgressProperties, 64), done: make(chan struct{}), phase: phase, report: report,
		cancel: cancel, last: time.Now(), flying: map[string]*blobState{},
	}
	go m.run(limit)
	return m, ctx
}

func (m *monitor) close() {
	close(m.events)
	<-m.done
	m.cancel(nil)
}

func (m *monitor) run(limit time.Duration) {
	defer close(m.done)
	tick := time.NewTicker(limit / 10)
	defer tick.Stop()
	for {
		select {
		case ev, ok := <-m.events:
			if !ok {
				return
			}
			m.event(ev)
		case now := <-tick.C:
			if now.Sub(m.last) > limit && m.waiting() {
				m.cancel(errStalled)
			}
		}
	}
}

// waiting says whether the next move is the registry's.
func (m *monitor) waiting() bool {
	if len(m.flying) == 0 {
		return true // for a manifest, or an answer about a blob
	}
	for _, b := range m.flying {
		if !b.moved {
			return true
		}
	}
	return false
}

func (m *monitor) event(ev types.ProgressProperties) {
	m.last = time.Now()
	d := ev.Artifact.Digest.String()
	b := m.flying[d]
	if b == nil {
		b = &blobState{size: ev.Artifact.Size}
		m.flying[d] = b
	}
	b.offset = int64(ev.Offset)
	total := max(b.size, 0)
	if n, ok := m.read.Load(d); ok { // upstream's size is before compression, its offset after
		b.offset = n.(*atomic.Int64).Load()
	}
	switch ev.Event {
	case types.ProgressEventNewArtifact:
		m.send(image.Progress{Digest: d, Phase: m.phase, Total: total})
	case types.ProgressEventRead:
		m.moving(d, b, total)
	case types.ProgressEventSkipped:
		delete(m.flying, d)
		m.send(image.Progress{Digest: d, Phase: image.PhaseExists, Current: max(b.size, 0), Total: max(b.size, 0), Done: true})
	case types.ProgressEventDone:
		m.finish(d, b)
	}
}

func (m *monitor) moving(d string, b *blobState, total int64) {
	p := image.Progress{Digest: d, Phase: m.phase, Current: b.offset, Total: total}
	if m.phase == image.PhaseDownload && b.size >= 0 && b.offset >= b.size && !b.moved {
		b.moved, p.Done = true, true
		m.send(p)
		p = image.Progress{Digest: d, Phase: image.PhaseExtract, Total: total}
	}
	if !b.moved || p.Phase == image.PhaseExtract {
		m.send(p)
	}
}

func (m *monitor) finish(d string, b *blobState) {
	delete(m.flying, d)
	n := max(b.offset, 0)
	if m.phase == image.PhaseUpload {
		n = max(n, b.size)
		m.send(image.Progress{Digest: d, Phase: m.phase, Current: n, Total: n, Done: true})
		return
	}
	if !b.moved {
		m.send(image.Progress{Digest: d, Phase: m.phase, Current: n, Total: n, Done: true})
	}
	m.send(image.Progress{Digest: d, Phase: image.PhaseExtract, Current: n, Total: n, Done: true})
}

func (m *monitor) send(p image.Progress) {
	if m.report != nil {
		m.report(p)
	}
}

// counted is an image on its way to a registry: the monitor is told what is read of its blobs.
type counted struct {
	types.ImageReference
	m *monitor
}

func (c counted) NewImageSource(ctx context.Context, sc *types.SystemContext) (types.ImageSource, error) {
	src, err := c.ImageReference.NewImageSource(ctx, sc)
	return countedSource{src, c.m}, err
}

type countedSource struct {
	types.ImageSource
	m *monitor
}

func (s countedSource) GetBlob(ctx context.Context, info types.BlobInfo, cache types.BlobInfoCache) (io.ReadCloser, int64, error) {
	rc, size, err := s.ImageSource.GetBlob(ctx, info, cache)
	n := &atomic.Int64{}
	s.m.read.Store(info.Digest.String(), n)
	return countedReader{rc, n}, size, err
}

type countedReader struct {
	io.ReadCloser
	n *atomic.Int64
}

func (r countedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.n.Add(int64(n))
	return n, err
}
