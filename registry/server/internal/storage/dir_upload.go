package storage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/opencontainers/go-digest"

	"github.com/caisson-dev/caisson/internal/flock"
)

// lockPoll is how often a writer looks whether another process's writer of the same upload has gone.
const lockPoll = 20 * time.Millisecond

// dirUpload is what this process remembers of an upload between two requests: the hash of its first size bytes.
// Another process, or this one after a restart, reads the file again instead.
type dirUpload struct {
	sem  chan struct{}
	sum  hash.Hash
	size int64
}

func (d *Dir) uploadPath(repo, id string) string { return d.repoPath(repo, "_uploads", id) }

func (d *Dir) upload(id string) *dirUpload {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.uploads[id]
	if u == nil {
		u = &dirUpload{sem: make(chan struct{}, 1)}
		d.uploads[id] = u
	}
	return u
}

func (d *Dir) forgetUpload(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.uploads, id)
}

// sweepDue says, once an hour for a repository, that its dead uploads should be removed.
func (d *Dir) sweepDue(repo string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	due := time.Since(d.swept[repo]) > min(time.Hour, d.o.uploadTTL())
	if due {
		d.swept[repo] = time.Now()
	}
	return due
}

// removeDeadUploads removes the uploads that nobody has written to for the life of one.
func (d *Dir) removeDeadUploads(repo string, now time.Time) (removed int, err error) {
	ids, err := readDir(d.repoPath(repo, "_uploads"))
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		info, err := os.Stat(d.uploadPath(repo, id))
		if err != nil || now.Sub(info.ModTime()) < d.o.uploadTTL() {
			continue
		}
		if err := remove(d.uploadPath(repo, id)); err != nil {
			return removed, err
		}
		d.forgetUpload(id)
		removed++
	}
	return removed, nil
}

// PushBlobChunked implements ociregistry.Writer.
func (d *Dir) PushBlobChunked(ctx context.Context, repo string, _ int) (ociregistry.BlobWriter, error) {
	if err := CheckRepository(repo); err != nil {
		return nil, err
	}
	done, err := d.shared()
	if err != nil {
		return nil, err
	}
	if d.sweepDue(repo) {
		_, err = d.removeDeadUploads(repo, time.Now())
	}
	id := newUploadID()
	path := d.uploadPath(repo, id)
	if err == nil {
		err = d.mkdir(d.repoPath(repo, "_uploads"))
	}
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
			err = f.Close()
		}
	}
	done()
	if err != nil {
		return nil, err
	}
	return d.PushBlobChunkedResume(WithUploadOffset(ctx, -1), repo, id, -1, 0)
}

// PushBlobChunkedResume implements ociregistry.Writer. Of several writers of an upload all but one wait.
// It fails with ociregistry.ErrBlobUploadUnknown, and with ociregistry.ErrRangeInvalid when offset is not the upload's size.
func (d *Dir) PushBlobChunkedResume(ctx context.Context, repo, id string, offset int64, _ int) (ociregistry.BlobWriter, error) {
	if err := CheckRepository(repo); err != nil {
		return nil, err
	}
	if !validUploadID(id) {
		return nil, ociregistry.ErrBlobUploadUnknown
	}
	hint := uploadHintFrom(ctx, offset)
	if hint.status {
		info, err := os.Stat(d.uploadPath(repo, id))
		if err != nil {
			return nil, ociregistry.ErrBlobUploadUnknown
		}
		return &dirWriter{id: id, size: info.Size()}, nil
	}
	w, err := d.openUpload(ctx, repo, id)
	if err != nil {
		return nil, err
	}
	if hint.offset >= 0 && hint.offset != w.size {
		err := fmt.Errorf("%w: the upload has %d bytes, the chunk starts at %d", ociregistry.ErrRangeInvalid, w.size, hint.offset)
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (d *Dir) openUpload(ctx context.Context, repo, id string) (_ *dirWriter, err error) {
	if !exists(d.uploadPath(repo, id)) {
		return nil, ociregistry.ErrBlobUploadUnknown
	}
	w := &dirWriter{ctx: ctx, d: d, repo: repo, id: id, state: d.upload(id)}
	select {
	case w.state.sem <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() {
		if err != nil {
			d.forgetUpload(id)
			_ = w.Close()
		}
	}()
	w.f, err = os.OpenFile(d.uploadPath(repo, id), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ociregistry.ErrBlobUploadUnknown
	}
	if err != nil {
		return nil, err
	}
	if err := lockUpload(ctx, w.f); err != nil {
		return nil, err
	}
	info, err := w.f.Stat()
	if err != nil {
		return nil, err
	}
	// Another process may have committed it while we waited for the lock.
	now, err := os.Stat(d.uploadPath(repo, id))
	if err != nil || !os.SameFile(info, now) {
		return nil, ociregistry.ErrBlobUploadUnknown
	}
	w.size = info.Size()
	_, err = w.f.Seek(0, io.SeekEnd)
	return w, err
}

func lockUpload(ctx context.Context, f *os.File) error {
	for {
		ok, err := flock.TryFile(f, flock.Exclusive)
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPoll):
		}
	}
}

// PushBlob implements ociregistry.Writer.
func (d *Dir) PushBlob(ctx context.Context, repo string, desc ociregistry.Descriptor, r io.Reader) (ociregistry.Descriptor, error) {
	return pushBlob(ctx, d, repo, desc, r)
}

func pushBlob(ctx context.Context, s Store, repo string, desc ociregistry.Descriptor, r io.Reader) (ociregistry.Descriptor, error) {
	w, err := s.PushBlobChunked(ctx, repo, 0)
	if err != nil {
		return ociregistry.Descriptor{}, err
	}
	defer func() { _ = w.Cancel() }()
	if _, err := io.Copy(w, r); err != nil {
		return ociregistry.Descriptor{}, err
	}
	if desc.Size >= 0 && desc.Size != w.Size() {
		return ociregistry.Descriptor{}, fmt.Errorf("%w: %d bytes, expected %d", ociregistry.ErrSizeInvalid, w.Size(), desc.Size)
	}
	return w.Commit(desc.Digest)
}

// OpenUpload implements Store.
func (d *Dir) OpenUpload(_ context.Context, repo, id string) (ReadAtCloser, error) {
	if CheckRepository(repo) != nil || !validUploadID(id) {
		return nil, ociregistry.ErrBlobUploadUnknown
	}
	f, err := os.Open(d.uploadPath(repo, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ociregistry.ErrBlobUploadUnknown
	}
	return f, err
}

// CancelUpload implements Store.
func (d *Dir) CancelUpload(ctx context.Context, repo, id string) error {
	w, err := d.PushBlobChunkedResume(WithUploadOffset(ctx, -1), repo, id, -1, 0)
	if err != nil {
		return err
	}
	return w.Cancel()
}

// dirWriter is the one writer of an upload.
type dirWriter struct {
	ctx   context.Context // the interface ties a writer's life to it
	d     *Dir
	repo  string
	id    string
	state *dirUpload
	f     *os.File
	size  int64
	ended bool
}

func (w *dirWriter) ID() string     { return w.id }
func (w *dirWriter) Size() int64    { return w.size }
func (w *dirWriter) ChunkSize() int { return 0 }

// Write appends. What was written stays when a later part fails, and the client resumes after it.
func (w *dirWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, sinkError(w.ctx, err)
	}
	if limit := w.d.o.MaxBlob; limit > 0 && w.size+int64(len(p)) > limit {
		return 0, sinkError(w.ctx, TooLarge("blob", limit))
	}
	if err := w.loadSum(); err != nil {
		return 0, sinkError(w.ctx, err)
	}
	n, err := w.f.Write(p)
	w.state.sum.Write(p[:n])
	w.size += int64(n)
	w.state.size = w.size
	return n, sinkError(w.ctx, err)
}

// copyBuffers are for ReadFrom: fewer system calls than with io.Copy's 32 KiB (internal/bench/registry measures it).
var copyBuffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// ReadFrom implements io.ReaderFrom, which io.Copy prefers.
func (w *dirWriter) ReadFrom(r io.Reader) (int64, error) {
	buffer := copyBuffers.Get().(*[256 << 10]byte)
	defer copyBuffers.Put(buffer)
	// The struct hides ReadFrom itself, and the reader's WriteTo.
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, buffer[:])
}

// loadSum has w.state.sum hash the first w.size bytes.
func (w *dirWriter) loadSum() error {
	if w.state.sum != nil && w.state.size == w.size {
		return nil
	}
	w.state.sum = sha256.New()
	if _, err := io.Copy(w.state.sum, io.NewSectionReader(w.f, 0, w.size)); err != nil {
		w.state.sum = nil
		return err
	}
	w.state.size = w.size
	return nil
}

// Close lets the next writer of the upload go on.
func (w *dirWriter) Close() error {
	if w.ended || w.d == nil {
		return nil
	}
	w.ended = true
	var err error
	if w.f != nil {
		err = w.f.Close()
	}
	<-w.state.sem
	return err
}

// Cancel removes the upload.
func (w *dirWriter) Cancel() error {
	if w.ended || w.d == nil {
		return nil
	}
	w.release()
	err := remove(w.d.uploadPath(w.repo, w.id))
	w.d.forgetUpload(w.id)
	return errors.Join(err, w.Close())
}

// release closes the file where an open one can't be renamed or removed.
func (w *dirWriter) release() {
	if runtime.GOOS == "windows" && w.f != nil {
		_ = w.f.Close()
		w.f = nil
	}
}

// Commit makes the upload a blob of the repository: synced, then renamed to its digest, then linked.
// On a mismatch the upload is removed.
func (w *dirWriter) Commit(dig ociregistry.Digest) (ociregistry.Descriptor, error) {
	desc := ociregistry.Descriptor{MediaType: octetStream, Digest: dig, Size: w.size}
	if err := w.check(dig); err != nil {
		return desc, sinkError(w.ctx, err)
	}
	done, err := w.d.shared()
	if err != nil {
		return desc, err
	}
	defer done()
	if err := w.publish(dig); err != nil {
		return desc, sinkError(w.ctx, fmt.Errorf("commit blob %s: %w", dig, err))
	}
	w.d.forgetUpload(w.id)
	return desc, w.Close()
}

func (w *dirWriter) check(dig ociregistry.Digest) error {
	if err := checkDigest(dig); err != nil {
		return err
	}
	got, err := w.digest(dig.Algorithm())
	if err != nil {
		return err
	}
	if got != dig {
		return errors.Join(digestMismatch(dig, got), w.Cancel())
	}
	return nil
}

func (w *dirWriter) digest(a digest.Algorithm) (ociregistry.Digest, error) {
	if a == digest.SHA256 {
		err := w.loadSum()
		if err != nil {
			return "", err
		}
		return digest.NewDigest(a, w.state.sum), nil
	}
	return a.FromReader(io.NewSectionReader(w.f, 0, w.size))
}

func (w *dirWriter) publish(dig ociregistry.Digest) error {
	path, upload := w.d.blobPath(dig), w.d.uploadPath(w.repo, w.id)
	if exists(path) {
		w.release()
		now := time.Now()
		if err := errors.Join(os.Chtimes(path, now, now), remove(upload)); err != nil {
			return err
		}
		return w.d.touch(w.d.linkPath(w.repo, "_blobs", dig))
	}
	if err := w.f.Sync(); err != nil {
		return err
	}
	w.release()
	if err := w.d.moveInto(upload, path); err != nil {
		return err
	}
	return w.d.touch(w.d.linkPath(w.repo, "_blobs", dig))
}
