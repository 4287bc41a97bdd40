package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/caisson-dev/caisson/registry/server/internal/storage"
)

// writePiece is how much of a body is sent under one deadline: at the slowest client worth serving, 140 kB/s, it
// takes a minute.
const writePiece = 8 << 20

// exchange is a request with its answer: it counts, sets deadlines and remembers errors. It is the http.ResponseWriter
// that all handlers get.
type exchange struct {
	http.ResponseWriter
	s        *Server
	request  *http.Request
	control  *http.ResponseController
	route    route
	user     string
	identity identity
	start    time.Time
	status   int
	out      int64
	wrote    bool
	body     *body
	fault    *armedFault
	err      error // what was answered with
	sink     error // what the store said to ociserver
}

func (s *Server) newExchange(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{ResponseWriter: w, s: s, control: http.NewResponseController(w), start: time.Now()}
	x.body = &body{ReadCloser: r.Body, x: x}
	if r.Body == nil {
		x.body.ReadCloser = http.NoBody
	}
	x.request = r.WithContext(storage.WithErrorSink(r.Context(), &x.sink))
	x.request.Body = x.body
	return x
}

// end logs the request. A panic goes on: http.ErrAbortHandler is how a connection is cut.
func (x *exchange) end() {
	if p := recover(); p != nil {
		if p != http.ErrAbortHandler { // net/http compares it so
			x.err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		x.s.record(x, true)
		panic(p)
	}
	x.s.record(x, false)
}

// cause finds the error that ociserver turned into text.
func (x *exchange) cause(err error) error {
	switch {
	case x.body.err != nil && !errors.Is(x.body.err, io.EOF):
		return x.body.err
	case x.sink != nil:
		return x.sink
	}
	return err
}

// Unwrap lets http.ResponseController through.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	if x.wrote {
		return
	}
	x.Header().Del("OCI-Chunk-Min-Length") // a chunk may be of any length here
	x.wrote, x.status = true, status
	x.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (x *exchange) Write(p []byte) (int, error) {
	x.WriteHeader(http.StatusOK)
	x.deadline(x.control.SetWriteDeadline)
	n, err := x.ResponseWriter.Write(p)
	x.out += int64(n)
	return n, err
}

// ReadFrom lets net/http send a file without copying it through this process.
func (x *exchange) ReadFrom(src io.Reader) (int64, error) {
	x.WriteHeader(http.StatusOK)
	limited, isLimited := src.(*io.LimitedReader)
	if !isLimited {
		limited = &io.LimitedReader{R: src, N: 1 << 62}
	}
	var total int64
	for limited.N > 0 {
		x.deadline(x.control.SetWriteDeadline)
		piece := min(limited.N, writePiece)
		n, err := x.copyPiece(limited.R, piece)
		limited.N -= n
		total += n
		if err != nil || n < piece {
			return total, err
		}
	}
	return total, nil
}

// copyPiece copies up to n bytes, and counts them also when src cuts the connection, which it does by a panic.
func (x *exchange) copyPiece(src io.Reader, n int64) (copied int64, err error) {
	left, cut := &io.LimitedReader{R: src, N: n}, true
	defer func() {
		if cut {
			copied = n - left.N
		}
		x.out += copied
	}()
	copied, err = io.Copy(x.ResponseWriter, left)
	cut = false
	return copied, err
}

func (x *exchange) deadline(set func(time.Time) error) {
	if stall := x.s.o.Limits.stall(); stall > 0 {
		_ = set(time.Now().Add(stall)) // a writer without deadlines, such as a test's, gets none
	}
}

// body is a request's body: it counts, sets a deadline for each read, and remembers the error.
type body struct {
	io.ReadCloser
	x   *exchange
	in  int64
	err error
}

func (b *body) Read(p []byte) (int, error) {
	b.x.deadline(b.x.control.SetReadDeadline)
	n, err := b.ReadCloser.Read(p)
	b.in += int64(n)
	if errors.Is(err, io.EOF) {
		_ = b.x.control.SetReadDeadline(time.Time{}) // else it would end the handler's context later
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = incompleteBody(err)
		b.err = err
	}
	return n, err
}

// incompleteBody is the client's fault, whatever made it end.
func incompleteBody(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return badRequest("SIZE_INVALID", "the body ended early: "+err.Error())
}
