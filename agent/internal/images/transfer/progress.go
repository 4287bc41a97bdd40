package transfer

import (
	"sync"
	"sync/atomic"

	"go.podman.io/image/v5/types"

	"github.com/caisson-dev/caisson/image"
)

// account turns what upstream's copy tells of its blobs into our progress.
type account struct {
	phase  image.Phase // PhaseDownload or PhaseUpload
	flying map[string]*flight
	read   sync.Map // of *atomic.Int64: what a push has read of each blob, before compression
}

// flight is what is known of a blob on its way.
type flight struct {
	size, offset int64
	moved        bool // all bytes came; what takes time now is our own work
}

func newAccount(phase image.Phase) *account {
	return &account{phase: phase, flying: map[string]*flight{}}
}

// counter is where what is read of a blob is counted.
func (c *account) counter(digest string) *atomic.Int64 {
	n, _ := c.read.LoadOrStore(digest, &atomic.Int64{})
	return n.(*atomic.Int64)
}

// waiting says whether the next move is the registry's.
func (c *account) waiting() bool {
	if len(c.flying) == 0 {
		return true // for a manifest, or an answer about a blob
	}
	for _, b := range c.flying {
		if !b.moved {
			return true
		}
	}
	return false
}

// event returns what is to be reported of an event, in order.
func (c *account) event(ev types.ProgressProperties) []image.Progress {
	d := ev.Artifact.Digest.String()
	b := c.flying[d]
	if b == nil {
		b = &flight{size: ev.Artifact.Size}
		c.flying[d] = b
	}
	b.offset = int64(ev.Offset)
	if n, ok := c.read.Load(d); ok { // upstream's size is before compression, its offset after
		b.offset = n.(*atomic.Int64).Load()
	}
	total := max(b.size, 0)
	switch ev.Event {
	case types.ProgressEventNewArtifact:
		return []image.Progress{{Digest: d, Phase: c.phase, Total: total}}
	case types.ProgressEventRead:
		return c.moving(d, b)
	case types.ProgressEventSkipped:
		delete(c.flying, d)
		return []image.Progress{{Digest: d, Phase: image.PhaseExists, Current: total, Total: total, Done: true}}
	case types.ProgressEventDone:
		delete(c.flying, d)
		return c.finish(d, b)
	}
	return nil
}

func (c *account) moving(d string, b *flight) []image.Progress {
	if b.moved {
		return nil
	}
	total := max(b.size, 0)
	p := image.Progress{Digest: d, Phase: c.phase, Current: b.offset, Total: total}
	if c.phase != image.PhaseDownload || b.size < 0 || b.offset < b.size {
		return []image.Progress{p}
	}
	b.moved, p.Done = true, true
	return []image.Progress{p, {Digest: d, Phase: image.PhaseExtract, Total: total}}
}

func (c *account) finish(d string, b *flight) []image.Progress {
	n := max(b.offset, 0)
	if c.phase == image.PhaseUpload {
		n = max(n, b.size)
	}
	last := image.Progress{Digest: d, Phase: c.phase, Current: n, Total: n, Done: true}
	extracted := last
	extracted.Phase = image.PhaseExtract
	switch {
	case c.phase == image.PhaseUpload:
		return []image.Progress{last}
	case b.moved:
		return []image.Progress{extracted}
	}
	return []image.Progress{last, extracted}
}
