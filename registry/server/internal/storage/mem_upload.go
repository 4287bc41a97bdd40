package storage

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"sync"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/opencontainers/go-digest"
)

// maxChunk is the largest piece a blob in memory is kept in. Pieces grow from 64 KiB, so a small blob is small and a
// large one is never copied.
const maxChunk = 4 << 20

type chunks struct {
	parts  [][]byte
	starts []int64
	size   int64
}

func (c *chunks) write(p []byte) {
	for len(p) > 0 {
		last := len(c.parts) - 1
		if last < 0 || len(c.parts[last]) == cap(c.parts[last]) {
			n := 64 << 10
			if last >= 0 {
				n = min(2*cap(c.parts[last]), maxChunk)
			}
			c.parts = append(c.parts, make([]byte, 0, n))
			c.starts = append(c.starts, c.size)
			last++
		}
		n := min(len(p), cap(c.parts[last])-len(c.parts[last]))
		c.parts[last] = append(c.parts[last], p[:n]...)
		c.size += int64(n)
		p = p[n:]
	}
}

// ReadAt implements io.ReaderAt.
func (c *chunks) ReadAt(p []byte, off int64) (n int, err error) {
	lo, hi := 0, len(c.starts)
	for lo < hi {
		if mid := (lo + hi) / 2; c.starts[mid] <= off {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for i := lo - 1; i >= 0 && i < len(c.parts) && n < len(p); i++ {
		if skip := off + int64(n) - c.starts[i]; skip < int64(len(c.parts[i])) {
			n += copy(p[n:], c.parts[i][skip:])
		}
	}
	if n < len(p) {
		err = io.EOF
	}
	return n, err
}

type memUpload struct {
	sem chan struct{}

	mu      sync.Mutex
	content chunks
	sum     hash.Hash
	used    time.Time
}

func (u *memUpload) lastUse() time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.used
}

func (u *memUpload) size() int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.content.size
}

// PushBlobChunked implements ociregistry.Writer.
func (s *Mem) PushBlobChunked(ctx context.Context, repo string, _ int) (ociregistry.BlobWriter, error) {
	s.mu.Lock()
	r, err := s.makeRepo(repo)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	s.removeDeadUploads(r, time.Now())
	id := newUploadID()
	r.uploads[id] = &memUpload{sem: make(chan struct{}, 1), sum: sha256.New(), used: time.Now()}
	s.mu.Unlock()
	return s.PushBlobChunkedResume(WithUploadOffset(ctx, -1), repo, id, -1, 0)
}

func (s *Mem) removeDeadUploads(r *memRepo, now time.Time) (removed int) {
	for id, u := range r.uploads {
		if now.Sub(u.lastUse()) >= s.o.uploadTTL() {
			delete(r.uploads, id)
			removed++
		}
	}
	return removed
}

func (s *Mem) findUpload(repo, id string) (*memUpload, error) {
	if err := CheckRepository(repo); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.repos[repo]; r != nil && r.uploads[id] != nil {
		return r.uploads[id], nil
	}
	return nil, ociregistry.ErrBlobUploadUnknown
}

// PushBlobChunkedResume implements ociregistry.Writer. Of several writers of an upload all but one wait.
// It fails with ociregistry.ErrBlobUploadUnknown, and with ociregistry.ErrRangeInvalid when offset is not the upload's size.
func (s *Mem) PushBlobChunkedResume(ctx context.Context, repo, id string, offset int64, _ int) (ociregistry.BlobWriter, error) {
	u, err := s.findUpload(repo, id)
	if err != nil {
		return nil, err
	}
	hint := uploadHintFrom(ctx, offset)
	if hint.status {
		return &memWriter{u: u, id: id, ended: true}, nil
	}
	select {
	case u.sem <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w := &memWriter{ctx: ctx, s: s, u: u, repo: repo, id: id}
	if _, err := s.findUpload(repo, id); err != nil {
		_ = w.Close() // another writer committed it while we waited
		return nil, err
	}
	if size := u.size(); hint.offset >= 0 && hint.offset != size {
		_ = w.Close()
		return nil, fmt.Errorf("%w: the upload has %d bytes, the chunk starts at %d", ociregistry.ErrRangeInvalid, size, hint.offset)
	}
	return w, nil
}

// OpenUpload implements Store.
func (s *Mem) OpenUpload(_ context.Context, repo, id string) (ReadAtCloser, error) {
	u, err := s.findUpload(repo, id)
	if err != nil {
		return nil, err
	}
	return u, nil
}

// ReadAt implements io.ReaderAt.
func (u *memUpload) ReadAt(p []byte, off int64) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.content.ReadAt(p, off)
}

// Close implements io.Closer.
func (u *memUpload) Close() error { return nil }

// CancelUpload implements Store.
func (s *Mem) CancelUpload(_ context.Context, repo, id string) error {
	if _, err := s.findUpload(repo, id); err != nil {
		return err
	}
	s.forgetUpload(repo, id)
	return nil
}

func (s *Mem) forgetUpload(repo, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.repos[repo]; r != nil {
		delete(r.uploads, id)
	}
}

type memWriter struct {
	ctx   context.Context // the interface ties a writer's life to it
	s     *Mem
	u     *memUpload
	repo  string
	id    string
	ended bool
}

func (w *memWriter) ID() string     { return w.id }
func (w *memWriter) Size() int64    { return w.u.size() }
func (w *memWriter) ChunkSize() int { return 0 }

func (w *memWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, sinkError(w.ctx, err)
	}
	w.u.mu.Lock()
	defer w.u.mu.Unlock()
	if limit := w.s.o.MaxBlob; limit > 0 && w.u.content.size+int64(len(p)) > limit {
		return 0, sinkError(w.ctx, TooLarge("blob", limit))
	}
	w.u.content.write(p)
	w.u.sum.Write(p)
	w.u.used = time.Now()
	return len(p), nil
}

func (w *memWriter) Close() error {
	if !w.ended {
		w.ended = true
		<-w.u.sem
	}
	return nil
}

func (w *memWriter) Cancel() error {
	if w.ended {
		return nil
	}
	w.s.forgetUpload(w.repo, w.id)
	return w.Close()
}

// Commit makes the upload a blob of the repository. On a mismatch the upload is removed.
func (w *memWriter) Commit(dig ociregistry.Digest) (ociregistry.Descriptor, error) {
	desc := ociregistry.Descriptor{MediaType: octetStream, Digest: dig, Size: w.u.size()}
	if err := checkDigest(dig); err != nil {
		return desc, sinkError(w.ctx, err)
	}
	w.u.mu.Lock()
	content := w.u.content
	got := digest.NewDigest(digest.SHA256, w.u.sum)
	w.u.mu.Unlock()
	if a := dig.Algorithm(); a != digest.SHA256 {
		var err error
		if got, err = a.FromReader(io.NewSectionReader(&content, 0, content.size)); err != nil {
			return desc, sinkError(w.ctx, err)
		}
	}
	defer func() { _ = w.Cancel() }()
	if got != dig {
		return desc, sinkError(w.ctx, digestMismatch(dig, got))
	}
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	r, err := w.s.makeRepo(w.repo)
	if err != nil {
		return desc, err
	}
	w.s.blobs[dig] = &content
	r.blobs[dig] = time.Now()
	return desc, nil
}
