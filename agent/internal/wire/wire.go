// Package wire brings requests to the agent's handlers, or to another agent, and tells their errors.
package wire

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/internal/answer"
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
		answer.JSON(w, out)
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

// Fail answers with err. That of a full disk has the sentinel and the remedy.
func Fail(w http.ResponseWriter, err error) { answer.Error(w, full(err)) }

// NewEvents begins a streaming answer, whose error is told as Fail tells it.
func NewEvents(w http.ResponseWriter) *answer.Events { return answer.NewEvents(w, full) }

// full gives the error of a full disk that nobody has explained the sentinel and the remedy. Control groups have the same
// error for other reasons.
func full(err error) error {
	if !diskspace.IsFull(err) || len(api.ToError(err).Codes) > 0 || strings.Contains(err.Error(), "/sys/fs/cgroup") {
		return err
	}
	return api.Errorf(api.ErrNoSpace, "%w: %s", err, diskspace.Remedy)
}
