package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/timeline"
)

// Times are when the steps of a container's way ended. It is safe for concurrent use.
type Times struct {
	mu    sync.Mutex
	begin time.Time
	steps []step
}

type step struct {
	name string
	at   time.Time
}

// Mark notes that a step has ended.
func (t *Times) Mark(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.steps = append(t.steps, step{name, time.Now()})
}

// Steps are when it all began, and when each step ended.
func (t *Times) Steps() (begin time.Time, steps []timeline.Step) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.steps {
		steps = append(steps, timeline.Step{Name: s.name, End: s.at})
	}
	return t.begin, steps
}

// Begin begins anew.
func (t *Times) Begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begin, t.steps = time.Now(), nil
}

// String is such as "image 0.3 ms, create 5.1 ms, start 21.0 ms, ready 2.2 ms, in all 28.6 ms".
func (t *Times) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.steps) == 0 {
		return "no step was done"
	}
	var parts []string
	last := t.begin
	for _, s := range t.steps {
		parts = append(parts, s.name+" "+millis(s.at.Sub(last)))
		last = s.at
	}
	return strings.Join(append(parts, "in all "+millis(last.Sub(t.begin))), ", ")
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1e3) }

// write writes when each step ended.
func (t *Times) write(w io.Writer, info *container.Info) error {
	var b bytes.Buffer
	line := func(at time.Time, what string) {
		fmt.Fprintf(&b, "%s  %s\n", at.UTC().Format("2006-01-02T15:04:05.000000Z"), what)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	line(t.begin, "begin")
	for _, s := range t.steps {
		line(s.at, s.name)
	}
	if info != nil && !info.State.Finished.IsZero() {
		line(info.State.Finished, HowEnded(info.State))
	}
	_, err := w.Write(b.Bytes())
	return err
}
