package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"cuelabs.dev/go/oci/ociregistry"
)

const octetStream = "application/octet-stream"

type fileBlob struct {
	*os.File
	size int64
}

func (b fileBlob) Size() int64 { return b.size }

// blobReader is an ociregistry.BlobReader of a part of an open blob.
type blobReader struct {
	io.Reader
	io.Closer
	desc ociregistry.Descriptor
}

func (r blobReader) Descriptor() ociregistry.Descriptor { return r.desc }

// OpenBlob implements Store.
func (d *Dir) OpenBlob(_ context.Context, repo string, dig ociregistry.Digest) (Blob, error) {
	if err := checkDigest(dig); err != nil {
		return nil, err
	}
	if err := CheckRepository(repo); err != nil {
		return nil, err
	}
	// A manifest's content is a blob too, but only its own endpoint serves it.
	if !exists(d.linkPath(repo, "_blobs", dig)) {
		if err := d.known(repo); err != nil {
			return nil, err
		}
		return nil, ociregistry.ErrBlobUnknown
	}
	return d.openContent(dig)
}

func (d *Dir) openContent(dig ociregistry.Digest) (Blob, error) {
	f, err := os.Open(d.blobPath(dig))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ociregistry.ErrBlobUnknown
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return fileBlob{File: f, size: info.Size()}, nil
}

func (d *Dir) hasBlob(repo string, dig ociregistry.Digest) bool {
	return exists(d.linkPath(repo, "_blobs", dig)) && exists(d.blobPath(dig))
}

// GetBlob implements ociregistry.Reader.
func (d *Dir) GetBlob(ctx context.Context, repo string, dig ociregistry.Digest) (ociregistry.BlobReader, error) {
	return getBlobRange(ctx, d, repo, dig, 0, -1)
}

// GetBlobRange implements ociregistry.Reader.
func (d *Dir) GetBlobRange(ctx context.Context, repo string, dig ociregistry.Digest, from, to int64) (ociregistry.BlobReader, error) {
	return getBlobRange(ctx, d, repo, dig, from, to)
}

func getBlobRange(ctx context.Context, s Store, repo string, dig ociregistry.Digest, from, to int64) (ociregistry.BlobReader, error) {
	b, err := s.OpenBlob(ctx, repo, dig)
	if err != nil {
		return nil, err
	}
	if to < 0 || to > b.Size() {
		to = b.Size()
	}
	if from < 0 || from > to {
		return nil, errors.Join(ociregistry.ErrRangeInvalid, b.Close())
	}
	if _, err := b.Seek(from, io.SeekStart); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	desc := ociregistry.Descriptor{MediaType: octetStream, Digest: dig, Size: b.Size()}
	return blobReader{Reader: io.LimitReader(b, to-from), Closer: b, desc: desc}, nil
}

// ResolveBlob implements ociregistry.Reader.
func (d *Dir) ResolveBlob(ctx context.Context, repo string, dig ociregistry.Digest) (ociregistry.Descriptor, error) {
	return resolveBlob(ctx, d, repo, dig)
}

func resolveBlob(ctx context.Context, s Store, repo string, dig ociregistry.Digest) (ociregistry.Descriptor, error) {
	b, err := s.OpenBlob(ctx, repo, dig)
	if err != nil {
		return ociregistry.Descriptor{}, err
	}
	return ociregistry.Descriptor{MediaType: octetStream, Digest: dig, Size: b.Size()}, b.Close()
}

// MountBlob implements ociregistry.Writer.
func (d *Dir) MountBlob(ctx context.Context, fromRepo, toRepo string, dig ociregistry.Digest) (ociregistry.Descriptor, error) {
	if err := CheckRepository(toRepo); err != nil {
		return ociregistry.Descriptor{}, err
	}
	done, err := d.shared()
	if err != nil {
		return ociregistry.Descriptor{}, err
	}
	defer done()
	desc, err := d.ResolveBlob(ctx, fromRepo, dig)
	if err != nil {
		return desc, err
	}
	return desc, d.touch(d.linkPath(toRepo, "_blobs", dig))
}

// DeleteBlob takes the blob out of the repository; Collect removes its content.
func (d *Dir) DeleteBlob(_ context.Context, repo string, dig ociregistry.Digest) error {
	if err := checkDigest(dig); err != nil {
		return err
	}
	if err := d.known(repo); err != nil {
		return err
	}
	done, err := d.shared()
	if err != nil {
		return err
	}
	defer done()
	if err := os.Remove(d.linkPath(repo, "_blobs", dig)); errors.Is(err, fs.ErrNotExist) {
		return ociregistry.ErrBlobUnknown
	} else if err != nil {
		return fmt.Errorf("delete blob %s: %w", dig, err)
	}
	return nil
}
