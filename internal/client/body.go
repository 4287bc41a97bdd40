package client

import (
	"context"
	"io"
	"sync"
)

// chunk is how much of a request's stream is read at once, in bytes.
const chunk = 256 << 10

// body is the stream of a request. The caller's reader is read in a goroutine of its own: net/http waits for a Read of a
// body before it gives a cancelled request up, and a Read of the caller's, of a terminal for one, may never return.
type body struct {
	*io.PipeReader

	mu  sync.Mutex
	err error // of the caller's reader
}

// newBody reads r until it ends, ctx is done or the body is closed. The goroutine may outlive that by one Read.
func newBody(ctx context.Context, r io.Reader) *body {
	pr, pw := io.Pipe()
	b := &body{PipeReader: pr}
	stop := context.AfterFunc(ctx, func() { pr.CloseWithError(context.Cause(ctx)) })
	go func() {
		defer stop()
		pw.CloseWithError(b.copy(pw, r))
	}()
	return b
}

func (b *body) copy(w io.Writer, r io.Reader) error {
	buf := make([]byte, chunk)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			b.mu.Lock()
			b.err = err
			b.mu.Unlock()
			return err
		}
	}
}

// failed is the error of the caller's reader, or nil.
func (b *body) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
