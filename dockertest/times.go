package dockertest

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// times are when the steps of a container's way ended.
type times struct {
	mu    sync.Mutex
	begin time.Time
	steps []step
}

type step struct {
	name string
	at   time.Time
}

func (t *times) mark(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.steps = append(t.steps, step{name, time.Now()})
}

// restart begins anew.
func (t *times) restart() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begin, t.steps = time.Now(), nil
}

// String is such as "image 0.3 ms, create 5.1 ms, start 21.0 ms, ready 2.2 ms, in all 28.6 ms".
func (t *times) String() string {
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
