package answer

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync"

	"github.com/caisson-dev/caisson/internal/api"
)

// ErrEnded is what Events return to those that still have something to tell after End.
var ErrEnded = errors.New("the answer has ended")

// Events writes a stream of events. It is safe for concurrent use, and until after its handler has returned if that
// calls End: work that outlives its caller's patience would otherwise write to what net/http has taken back, and panic.
type Events struct {
	explain func(error) error

	mu    sync.Mutex
	w     http.ResponseWriter
	e     *json.Encoder
	rc    *http.ResponseController
	ended bool
}

// NewEvents begins a streaming answer. An error that ends it is told as explain has it; nil leaves it as it is.
func NewEvents(w http.ResponseWriter, explain func(error) error) *Events {
	w.Header().Set("Content-Type", "application/x-ndjson")
	if explain == nil {
		explain = func(err error) error { return err }
	}
	return &Events{explain: explain, w: w, e: json.NewEncoder(w), rc: http.NewResponseController(w)}
}

// Send sends an event, which is the last one if it has Done or Err.
func (e *Events) Send(ev api.Event) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return ErrEnded
	}
	e.ended = ev.Done || ev.Err != nil
	if err := e.e.Encode(ev); err != nil {
		return err
	}
	return e.rc.Flush()
}

// Progress sends v to the caller's progress function.
func (e *Events) Progress(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return e.Send(api.Event{Progress: b})
}

// Write sends text to the caller's output writer.
func (e *Events) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := e.Send(api.Event{Output: p}); err != nil {
		return 0, err
	}
	return len(p), nil
}

// End sends the last event: a result or an error.
func (e *Events) End(v any, err error) {
	ev := api.Event{Done: true}
	if err == nil {
		ev.Result, err = json.Marshal(v)
	}
	if err != nil {
		ev = api.Event{Err: api.ToError(e.explain(err))}
	}
	_ = e.Send(ev) // the client is gone when this fails
}
