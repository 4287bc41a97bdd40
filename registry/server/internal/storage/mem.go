package storage

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"sync"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/internal/manifest"
)

// Mem is a store in memory.
type Mem struct {
	*ociregistry.Funcs
	o Options

	mu    sync.RWMutex
	blobs map[ociregistry.Digest]*chunks
	repos map[string]*memRepo
}

var _ Store = (*Mem)(nil)

type memRepo struct {
	blobs     map[ociregistry.Digest]time.Time // when it was last pushed
	manifests map[ociregistry.Digest]memManifest
	tags      map[string]ociregistry.Digest
	uploads   map[string]*memUpload
}

type memManifest struct {
	manifest.Manifest
	desc ociregistry.Descriptor
	data []byte
	time time.Time
}

// NewMem makes an empty store.
func NewMem(o Options) *Mem {
	return &Mem{o: o, blobs: map[ociregistry.Digest]*chunks{}, repos: map[string]*memRepo{}}
}

// Close implements Store.
func (s *Mem) Close() error { return nil }

// repo finds a repository that has something, and fails with ociregistry.ErrNameUnknown.
func (s *Mem) repo(name string) (*memRepo, error) {
	if err := CheckRepository(name); err != nil {
		return nil, err
	}
	if r := s.repos[name]; r != nil && len(r.blobs)+len(r.manifests) > 0 {
		return r, nil
	}
	return nil, ociregistry.ErrNameUnknown
}

func (s *Mem) makeRepo(name string) (*memRepo, error) {
	if err := CheckRepository(name); err != nil {
		return nil, err
	}
	if s.repos[name] == nil {
		s.repos[name] = &memRepo{
			blobs: map[ociregistry.Digest]time.Time{}, manifests: map[ociregistry.Digest]memManifest{},
			tags: map[string]ociregistry.Digest{}, uploads: map[string]*memUpload{},
		}
	}
	return s.repos[name], nil
}

// OpenBlob implements Store.
func (s *Mem) OpenBlob(_ context.Context, repo string, dig ociregistry.Digest) (Blob, error) {
	if err := checkDigest(dig); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, err := s.repo(repo)
	if err != nil {
		return nil, err
	}
	if _, ok := r.blobs[dig]; !ok {
		return nil, ociregistry.ErrBlobUnknown
	}
	content := s.blobs[dig]
	return memBlob{io.NewSectionReader(content, 0, content.size)}, nil
}

type memBlob struct{ *io.SectionReader }

func (memBlob) Close() error { return nil }

// GetBlob implements ociregistry.Reader.
func (s *Mem) GetBlob(ctx context.Context, repo string, dig ociregistry.Digest) (ociregistry.BlobReader, error) {
	return getBlobRange(ctx, s, repo, dig, 0, -1)
}

// GetBlobRange implements ociregistry.Reader.
func (s *Mem) GetBlobRange(ctx context.Context, repo string, dig ociregistry.Digest, from, to int64) (ociregistry.BlobReader, error) {
	return getBlobRange(ctx, s, repo, dig, from, to)
}

// ResolveBlob implements ociregistry.Reader.
func (s *Mem) ResolveBlob(ctx context.Context, repo string, dig ociregistry.Digest) (ociregistry.Descriptor, error) {
	return resolveBlob(ctx, s, repo, dig)
}

// PushBlob implements ociregistry.Writer.
func (s *Mem) PushBlob(ctx context.Context, repo string, desc ociregistry.Descriptor, r io.Reader) (ociregistry.Descriptor, error) {
	return pushBlob(ctx, s, repo, desc, r)
}

// MountBlob implements ociregistry.Writer.
func (s *Mem) MountBlob(_ context.Context, fromRepo, toRepo string, dig ociregistry.Digest) (ociregistry.Descriptor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	desc := ociregistry.Descriptor{MediaType: octetStream, Digest: dig}
	from, err := s.repo(fromRepo)
	if err != nil {
		return desc, err
	}
	if _, ok := from.blobs[dig]; !ok {
		return desc, ociregistry.ErrBlobUnknown
	}
	to, err := s.makeRepo(toRepo)
	if err != nil {
		return desc, err
	}
	to.blobs[dig] = time.Now()
	desc.Size = s.blobs[dig].size
	return desc, nil
}

// DeleteBlob takes the blob out of the repository; Collect removes its content.
func (s *Mem) DeleteBlob(_ context.Context, repo string, dig ociregistry.Digest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.repo(repo)
	if err != nil {
		return err
	}
	if _, ok := r.blobs[dig]; !ok {
		return ociregistry.ErrBlobUnknown
	}
	delete(r.blobs, dig)
	return nil
}

// Repositories implements ociregistry.Lister.
func (s *Mem) Repositories(_ context.Context, start string) iter.Seq2[string, error] {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var names []string
	for name := range s.repos {
		if _, err := s.repo(name); err == nil {
			names = append(names, name)
		}
	}
	return after(names, start, nil)
}

// Tags implements ociregistry.Lister.
func (s *Mem) Tags(_ context.Context, repo, start string) iter.Seq2[string, error] {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, err := s.repo(repo)
	if err != nil {
		return ociregistry.ErrorSeq[string](err)
	}
	var tags []string
	for tag := range r.tags {
		tags = append(tags, tag)
	}
	return after(tags, start, nil)
}

// Referrers implements ociregistry.Lister.
func (s *Mem) Referrers(_ context.Context, repo string, subject ociregistry.Digest, artifactType string) iter.Seq2[ociregistry.Descriptor, error] {
	if err := errors.Join(checkDigest(subject), CheckRepository(repo)); err != nil {
		return ociregistry.ErrorSeq[ociregistry.Descriptor](err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var found []ociregistry.Descriptor
	if r, err := s.repo(repo); err == nil {
		for dig, m := range r.manifests {
			if m.Subject == nil || m.Subject.Digest != subject {
				continue
			}
			if desc := m.Descriptor(dig, m.desc.Size); artifactType == "" || artifactType == desc.ArtifactType {
				found = append(found, desc)
			}
		}
	}
	slices.SortFunc(found, func(a, b ociregistry.Descriptor) int {
		if a.Digest < b.Digest {
			return -1
		}
		return 1
	})
	return ociregistry.SliceSeq(found)
}
