// Package wire reads requests and writes answers on the agent's side.
package wire

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/internal/api"
)

// Handle serves a request whose body is a JSON In and whose answer is a JSON Out.
func Handle[In, Out any](f func(r *http.Request, in In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := Decode(r.Body, &in); err != nil {
			Fail(w, err)
			return
		}
		out, err := f(r, in)
		if err != nil {
			Fail(w, err)
			return
		}
		Reply(w, out)
	}
}

// None is the In or Out of a request without one.
type None struct{}

// Decode reads a JSON body; an empty one leaves v as it is.
func Decode(r io.Reader, v any) error {
	err := json.NewDecoder(r).Decode(v)
	if err != nil && !errors.Is(err, io.EOF) {
		return api.Errorf(api.ErrInvalidArgument, "request: %w", err)
	}
	return nil
}

// DecodeLine reads a request that has a stream after its first line, and returns the stream.
func DecodeLine(r io.Reader, v any) (io.Reader, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	line, err := br.ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := json.Unmarshal(line, v); err != nil {
		return nil, api.Errorf(api.ErrInvalidArgument, "request: %w", err)
	}
	return br, nil
}

// Reply writes v as JSON.
func Reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the owner is gone when this fails
}

// Fail writes err.
func Fail(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
	_ = json.NewEncoder(w).Encode(api.ToError(full(err))) // the owner is gone when this fails
}

// ErrEnded is what Events return to those that still have something to tell after End.
var ErrEnded = errors.New("the answer has ended")

// Events writes a stream of events. It is safe for concurrent use, and until after its handler has returned if that
// calls End: work that outlives its caller's patience would otherwise write to what net/http has taken back, and panic.
type Events struct {
	mu    sync.Mutex
	w     http.ResponseWriter
	e     *json.Encoder
	rc    *http.ResponseController
	ended bool
}

// NewEvents begins a streaming answer.
func NewEvents(w http.ResponseWriter) *Events {
	w.Header().Set("Content-Type", "application/x-ndjson")
	return &Events{w: w, e: json.NewEncoder(w), rc: http.NewResponseController(w)}
}

func (e *Events) send(ev api.Event) error {
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
	return e.send(api.Event{Progress: b})
}

// Write sends text to the caller's output writer.
func (e *Events) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := e.send(api.Event{Output: p}); err != nil {
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
		ev = api.Event{Err: api.ToError(full(err))}
	}
	_ = e.send(ev) // the owner is gone when this fails
}

// full gives the error of a full disk that nobody has explained the sentinel and the remedy. Control groups have the same
// error for other reasons.
func full(err error) error {
	if !diskspace.IsFull(err) || len(api.ToError(err).Codes) > 0 || strings.Contains(err.Error(), "/sys/fs/cgroup") {
		return err
	}
	return api.Errorf(api.ErrNoSpace, "%w: %s", err, diskspace.Remedy)
}
