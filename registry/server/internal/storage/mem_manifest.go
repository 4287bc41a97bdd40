package storage

import (
	"bytes"
	"context"
	"maps"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/internal/manifest"
)

// PushManifest implements ociregistry.Writer.
func (s *Mem) PushManifest(ctx context.Context, repo, tag string, data []byte, mediaType string) (ociregistry.Descriptor, error) {
	return s.PutManifest(ctx, repo, manifestPut(tag, data, mediaType))
}

// PutManifest implements Store.
func (s *Mem) PutManifest(_ context.Context, repo string, p ManifestPut) (ociregistry.Descriptor, error) {
	m, desc, err := p.check(repo)
	if err != nil {
		return desc, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.makeRepo(repo)
	if err != nil {
		return desc, err
	}
	if !s.o.AllowMissing {
		hasBlob := func(dig ociregistry.Digest) bool { _, ok := r.blobs[dig]; return ok }
		hasManifest := func(dig ociregistry.Digest) bool { _, ok := r.manifests[dig]; return ok }
		if err := m.CheckReferences(hasBlob, hasManifest); err != nil {
			return desc, err
		}
	}
	r.manifests[desc.Digest] = memManifest{Manifest: m, desc: desc, data: bytes.Clone(p.Data), time: time.Now()}
	for _, tag := range p.Tags {
		r.tags[tag] = desc.Digest
	}
	return desc, nil
}

func (s *Mem) manifest(repo string, dig ociregistry.Digest, tag string) (memManifest, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, err := s.repo(repo)
	if err != nil {
		return memManifest{}, err
	}
	if tag != "" {
		dig = r.tags[tag]
	}
	m, ok := r.manifests[dig]
	if !ok {
		return memManifest{}, ociregistry.ErrManifestUnknown
	}
	return m, nil
}

// GetManifest implements ociregistry.Reader.
func (s *Mem) GetManifest(_ context.Context, repo string, dig ociregistry.Digest) (ociregistry.BlobReader, error) {
	m, err := s.manifest(repo, dig, "")
	if err != nil {
		return nil, err
	}
	return bytesReader(m.desc, m.data), nil
}

// GetTag implements ociregistry.Reader.
func (s *Mem) GetTag(_ context.Context, repo, tag string) (ociregistry.BlobReader, error) {
	m, err := s.manifest(repo, "", tag)
	if err != nil {
		return nil, err
	}
	return bytesReader(m.desc, m.data), nil
}

// ResolveManifest implements ociregistry.Reader.
func (s *Mem) ResolveManifest(_ context.Context, repo string, dig ociregistry.Digest) (ociregistry.Descriptor, error) {
	m, err := s.manifest(repo, dig, "")
	return m.desc, err
}

// ResolveTag implements ociregistry.Reader.
func (s *Mem) ResolveTag(_ context.Context, repo, tag string) (ociregistry.Descriptor, error) {
	m, err := s.manifest(repo, "", tag)
	return m.desc, err
}

// DeleteManifest takes a manifest and the tags that name it out of the repository.
func (s *Mem) DeleteManifest(_ context.Context, repo string, dig ociregistry.Digest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.repo(repo)
	if err != nil {
		return err
	}
	if _, ok := r.manifests[dig]; !ok {
		return ociregistry.ErrManifestUnknown
	}
	delete(r.manifests, dig)
	maps.DeleteFunc(r.tags, func(_ string, named ociregistry.Digest) bool { return named == dig })
	return nil
}

// DeleteTag implements ociregistry.Deleter. The manifest stays.
func (s *Mem) DeleteTag(_ context.Context, repo, tag string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.repo(repo)
	if err != nil {
		return err
	}
	if _, ok := r.tags[tag]; !ok {
		return ociregistry.ErrManifestUnknown
	}
	delete(r.tags, tag)
	return nil
}

// Collect implements Store.
func (s *Mem) Collect(_ context.Context, o CollectOptions) (Collected, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var did Collected
	now := time.Now()
	live := map[ociregistry.Digest]bool{}
	for name, r := range s.repos {
		did.Uploads += s.removeDeadUploads(r, now)
		if o.Untagged {
			did.Manifests += r.removeUntagged(now, o.Grace)
		}
		used := map[ociregistry.Digest]bool{}
		for _, m := range r.manifests {
			for _, b := range m.Blobs() {
				used[b.Digest] = true
			}
		}
		for dig, pushed := range r.blobs {
			if !used[dig] && now.Sub(pushed) >= o.Grace {
				delete(r.blobs, dig)
				continue
			}
			live[dig] = true
		}
		if len(r.blobs)+len(r.manifests)+len(r.uploads) == 0 {
			delete(s.repos, name)
		}
	}
	for dig, content := range s.blobs {
		if !live[dig] {
			did.Blobs++
			did.Bytes += content.size
			delete(s.blobs, dig)
		}
	}
	return did, nil
}

func (r *memRepo) removeUntagged(now time.Time, grace time.Duration) (removed int) {
	var roots []ociregistry.Digest
	for _, dig := range r.tags {
		roots = append(roots, dig)
	}
	parsed := map[ociregistry.Digest]manifest.Manifest{}
	for dig, m := range r.manifests {
		parsed[dig] = m.Manifest
		if now.Sub(m.time) < grace {
			roots = append(roots, dig)
		}
	}
	live := reachable(roots, parsed)
	for dig := range r.manifests {
		if !live[dig] {
			delete(r.manifests, dig)
			removed++
		}
	}
	return removed
}
