package buildview

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caisson-dev/caisson/image"
)

// apart is how long a frame stays at least, and idle how long one stays at most while only the time goes on.
const (
	apart = 50 * time.Millisecond
	idle  = 500 * time.Millisecond
)

// Printer draws a build on a terminal, at most 20 times a second, and not at all while nothing changes.
type Printer struct {
	w    io.Writer
	size func() (width, height int)
	now  func() time.Time

	mu    sync.Mutex
	view  *View
	dirty bool      // something came since the last frame
	last  time.Time // of the last frame
	shown []string  // what is on the terminal
	stop  chan struct{}
	over  sync.WaitGroup
}

// Start returns a Printer that draws on w until Close.
func Start(w io.Writer, size func() (width, height int)) *Printer {
	p := newPrinter(w, size, time.Now)
	p.over.Go(p.run)
	return p
}

func newPrinter(w io.Writer, size func() (int, int), now func() time.Time) *Printer {
	return &Printer{w: w, size: size, now: now, view: New(now()), stop: make(chan struct{})}
}

// Take takes an event of the build.
func (p *Printer) Take(e image.BuildEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.view.Take(e, p.now())
	p.dirty = true
}

func (p *Printer) run() {
	t := time.NewTicker(apart)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			p.tick()
		case <-p.stop:
			return
		}
	}
}

// tick draws if there is something new.
func (p *Printer) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.now(); p.dirty || now.Sub(p.last) >= idle {
		width, height := p.size()
		p.draw(p.view.Frame(now, width, max(2, height-1)))
		p.last, p.dirty = now, false
	}
}

// Close draws all of the build and ends. The lines are added to it.
func (p *Printer) Close(lines ...string) {
	close(p.stop)
	p.over.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	width, _ := p.size()
	p.draw(append(p.view.Frame(p.now(), width, 0), lines...))
}

// draw puts a frame in the place of the last one, in one write.
func (p *Printer) draw(frame []string) {
	if slices.Equal(frame, p.shown) {
		return
	}
	var b strings.Builder
	if n := len(p.shown); n > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", n)
	}
	for _, line := range frame {
		b.WriteString(line + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	_, _ = io.WriteString(p.w, b.String()) // a terminal that is gone does not stop the build
	p.shown = frame
}
