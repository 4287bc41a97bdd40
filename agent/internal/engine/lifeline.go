//go:build linux

package engine

import (
	"encoding/json"
	"io"
	"os"
	"sync"

	"github.com/caisson-dev/caisson/internal/api"
)

// lifeline is the connection to the owner: its end is the end of the agent.
type lifeline struct {
	f       *os.File
	mu      sync.Mutex
	e       *json.Encoder
	greeted bool
	held    []api.Log // from before the hello, which comes first
}

func newLifeline(f *os.File) *lifeline { return &lifeline{f: f, e: json.NewEncoder(f)} }

// hello sends the first line, and the records that came before it.
func (l *lifeline) hello(h api.Hello) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.greeted = true
	err := l.e.Encode(h)
	for _, rec := range l.held {
		if err == nil {
			err = l.e.Encode(rec)
		}
	}
	l.held = nil
	return err
}

func (l *lifeline) log(rec api.Log) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.greeted {
		l.held = append(l.held, rec)
		return nil
	}
	return l.e.Encode(rec)
}

// wait returns when the owner has ended or closed its end.
func (l *lifeline) wait() {
	_, _ = io.Copy(io.Discard, l.f) // whatever ends it is the end
}
