package server

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/caisson-dev/caisson/registry/server/internal/storage"
)

// streamFrom is the size from which a blob is passed on while it is fetched. A smaller one is there soon, and waiting for
// it leaves room for an error in the answer.
const streamFrom = 1 << 20

// fetch is content on its way from the upstream, for all who ask meanwhile.
type fetch struct {
	done chan struct{}
	err  error // once done is closed

	mu      sync.Mutex
	changed chan struct{} // closed at the next change of what follows
	size    int64
	have    int64
	open    func() (storage.ReadAtCloser, error) // nil until it has started
}

func newFetch() *fetch {
	return &fetch{done: make(chan struct{}), changed: make(chan struct{})}
}

func (f *fetch) end(err error) {
	f.err = err
	close(f.done)
}

func (f *fetch) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fetch) change(what func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fetch) start(size int64, open func() (storage.ReadAtCloser, error)) {
	f.change(func() { f.size, f.open = size, open })
}

// waitForStart returns the fetch when its content can be passed on, and nil when it is done.
func (f *fetch) waitForStart(ctx context.Context) (*fetch, error) {
	f.mu.Lock()
	changed := f.changed
	started := f.open != nil
	f.mu.Unlock()
	if !started {
		select {
		case <-changed:
		case <-f.done:
			return nil, f.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if f.size < streamFrom { // or unknown
		return nil, f.wait(ctx)
	}
	return f, nil
}

// progress tells a fetch what has been written.
type progress struct {
	io.Writer
	f *fetch
}

func (p progress) Write(b []byte) (int, error) {
	n, err := p.Writer.Write(b)
	p.f.change(func() { p.f.have += int64(n) })
	return n, err
}

// handleFetch passes a blob on as it comes. The last byte waits until the digest has been found right, so that no client
// takes a corrupt blob for a whole one.
func (s *Server) handleFetch(x *exchange, r *http.Request, f *fetch) error {
	content, err := f.open()
	if err != nil { // it has been committed by now, or has failed
		if err := f.wait(r.Context()); err != nil {
			return err
		}
		return s.handleBlob(x, r)
	}
	defer func() { _ = content.Close() }()
	h := x.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatInt(f.size, 10))
	h.Set("Docker-Content-Digest", string(x.route.digest))
	for sent := int64(0); sent < f.size; {
		have, err := f.more(r.Context(), sent)
		if err != nil {
			return err
		}
		n, err := io.Copy(x, io.NewSectionReader(content, sent, have-sent))
		if sent += n; err != nil {
			return nil // the client has gone
		}
	}
	return nil
}

// more waits until there is more than sent to pass on.
func (f *fetch) more(ctx context.Context, sent int64) (int64, error) {
	for {
		f.mu.Lock()
		have, changed := min(f.have, f.size-1), f.changed
		f.mu.Unlock()
		if have > sent {
			return have, nil
		}
		select {
		case <-f.done:
			return f.size, f.err
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
