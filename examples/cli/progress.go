package main

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/caisson-dev/caisson/examples/cli/internal/format"
	"github.com/caisson-dev/caisson/image"
)

// phases says what goes on, and what is done, in the words of docker pull and docker push.
var phases = map[image.Phase]struct{ now, done string }{
	image.PhaseDownload: {"Downloading", "Download complete"},
	image.PhaseExtract:  {"Extracting", "Pull complete"},
	image.PhaseUpload:   {"Pushing", "Pushed"},
	image.PhaseExists:   {"Already exists", "Already exists"},
}

// progress returns a callback for Pull and Push, and what to call at the end: bars on a terminal, else a line for each
// phase of a blob that is over.
func progress(ctx context.Context, w io.Writer) (report func(image.Progress), end func()) {
	if !terminal(w) {
		return func(p image.Progress) {
			if p.Done {
				fmt.Fprintf(w, "%s: %s\n", format.ShortID(p.Digest), phases[p.Phase].done)
			}
		}, func() {}
	}
	b := &bars{all: mpb.NewWithContext(ctx, mpb.WithOutput(w), mpb.WithWidth(60)), blobs: map[string]*bar{}}
	return b.report, b.end
}

type bars struct {
	all   *mpb.Progress
	blobs map[string]*bar
}

type bar struct {
	*mpb.Bar
	words atomic.Value // what goes on; the renderer reads it
}

func (b *bars) report(p image.Progress) {
	one := b.blobs[p.Digest]
	if one == nil {
		one = &bar{}
		one.words.Store("")
		one.Bar = b.all.AddBar(p.Total,
			mpb.PrependDecorators(decor.Name(format.ShortID(p.Digest)+": "), decor.Any(func(decor.Statistics) string {
				return one.words.Load().(string)
			}, decor.WC{W: 18, C: decor.DindentRight})),
			mpb.AppendDecorators(decor.Counters(decor.SizeB1000(0), "% .3g/% .3g")))
		b.blobs[p.Digest] = one
	}
	words := phases[p.Phase].now
	if p.Done {
		words = phases[p.Phase].done
	}
	one.words.Store(words)
	if p.Total > 0 {
		one.SetTotal(p.Total, false)
	}
	one.SetCurrent(p.Current)
}

// end leaves the bars as they are and waits until they are drawn.
func (b *bars) end() {
	for _, one := range b.blobs {
		one.Abort(false)
	}
	b.all.Wait()
}
