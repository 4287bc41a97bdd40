package storage

import (
	"context"
	"io"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
)

// Store is the content of a registry.
type Store interface {
	ociregistry.Interface

	// OpenBlob opens a blob of repo for random access.
	// It fails with ociregistry.ErrBlobUnknown when repo has no such blob.
	OpenBlob(ctx context.Context, repo string, digest ociregistry.Digest) (Blob, error)

	// PutManifest is PushManifest with a digest of any algorithm and any number of tags. It fails with
	// ociregistry.ErrManifestInvalid, ociregistry.ErrManifestBlobUnknown and ociregistry.ErrDigestInvalid.
	PutManifest(ctx context.Context, repo string, p ManifestPut) (ociregistry.Descriptor, error)

	// OpenUpload opens the content of an upload under way, which stays readable when it is committed.
	// It fails with ociregistry.ErrBlobUploadUnknown.
	OpenUpload(ctx context.Context, repo, id string) (ReadAtCloser, error)

	// CancelUpload forgets an upload. It fails with ociregistry.ErrBlobUploadUnknown.
	CancelUpload(ctx context.Context, repo, id string) error

	// Collect removes what nothing refers to.
	Collect(ctx context.Context, o CollectOptions) (Collected, error)

	// Close releases what the store holds; its content stays.
	Close() error
}

// ReadAtCloser is content that is read at offsets.
type ReadAtCloser interface {
	io.ReaderAt
	io.Closer
}

// ManifestPut is a manifest on its way into a repository.
type ManifestPut struct {
	Data      []byte
	MediaType string
	Digest    ociregistry.Digest // checked; sha256 of Data when empty
	Tags      []string
}

// Blob is the open content of a blob.
type Blob interface {
	io.ReadSeekCloser
	Size() int64
}

// Options are the rules of a store.
type Options struct {
	// MaxBlob is the largest blob in bytes; no limit when 0.
	MaxBlob int64
	// UploadTTL is how long an upload may rest before it is collected; 24 hours when 0.
	UploadTTL time.Duration
	// AllowMissing accepts manifests whose blobs or children are not there, as a cache of another registry must.
	AllowMissing bool
}

func (o Options) uploadTTL() time.Duration {
	if o.UploadTTL > 0 {
		return o.UploadTTL
	}
	return 24 * time.Hour
}

// CollectOptions say what Collect removes.
type CollectOptions struct {
	// Untagged also removes manifests that no tag reaches, directly, through an index or as a referrer.
	Untagged bool
	// Grace keeps what is younger than this: the blobs of a push under way have no manifest yet.
	Grace time.Duration
}

// Collected is what Collect removed.
type Collected struct {
	Manifests int
	Blobs     int
	Bytes     int64
	Uploads   int
}

type uploadKey struct{}

type uploadHint struct {
	offset int64
	status bool
}

// WithUploadOffset tells a resumed upload where the client means to write: offset -1 appends. ociserver has no
// way to say that the client gave no Content-Range, and takes a missing one for 0.
func WithUploadOffset(ctx context.Context, offset int64) context.Context {
	return context.WithValue(ctx, uploadKey{}, uploadHint{offset: offset})
}

// WithUploadStatus says that a resumed upload is asked for its size only, so it need not wait for a writer.
func WithUploadStatus(ctx context.Context) context.Context {
	return context.WithValue(ctx, uploadKey{}, uploadHint{offset: -1, status: true})
}

func uploadHintFrom(ctx context.Context, offset int64) uploadHint {
	if h, ok := ctx.Value(uploadKey{}).(uploadHint); ok {
		return h
	}
	return uploadHint{offset: offset}
}

type errorSinkKey struct{}

// WithErrorSink keeps the first error of a blob writer in *sink: ociserver flattens some of them to text, and with
// it to status 500.
func WithErrorSink(ctx context.Context, sink *error) context.Context {
	return context.WithValue(ctx, errorSinkKey{}, sink)
}

func sinkError(ctx context.Context, err error) error {
	if sink, ok := ctx.Value(errorSinkKey{}).(*error); ok && err != nil && *sink == nil {
		*sink = err
	}
	return err
}
