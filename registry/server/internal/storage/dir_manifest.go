package storage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/internal/manifest"
	"github.com/opencontainers/go-digest"
)

// PushManifest implements ociregistry.Writer.
func (d *Dir) PushManifest(ctx context.Context, repo, tag string, data []byte, mediaType string) (ociregistry.Descriptor, error) {
	return d.PutManifest(ctx, repo, manifestPut(tag, data, mediaType))
}

func manifestPut(tag string, data []byte, mediaType string) ManifestPut {
	p := ManifestPut{Data: data, MediaType: mediaType}
	if tag != "" {
		p.Tags = []string{tag}
	}
	return p
}

// PutManifest implements Store. The tags come last: whoever sees one sees all it names.
func (d *Dir) PutManifest(_ context.Context, repo string, p ManifestPut) (ociregistry.Descriptor, error) {
	m, desc, err := p.check(repo)
	if err != nil {
		return desc, err
	}
	done, err := d.shared()
	if err != nil {
		return desc, err
	}
	defer done()
	if !d.o.AllowMissing {
		hasBlob := func(dig ociregistry.Digest) bool { return d.hasBlob(repo, dig) }
		hasManifest := func(dig ociregistry.Digest) bool { return exists(d.linkPath(repo, "_manifests", dig)) }
		if err := m.CheckReferences(hasBlob, hasManifest); err != nil {
			return desc, err
		}
	}
	if err := d.writeFile(d.blobPath(desc.Digest), p.Data); err != nil {
		return desc, err
	}
	if m.Subject != nil {
		if err := d.touch(d.referrerPath(repo, m.Subject.Digest, desc.Digest)); err != nil {
			return desc, err
		}
	}
	if err := d.writeFile(d.linkPath(repo, "_manifests", desc.Digest), []byte(m.MediaType)); err != nil {
		return desc, err
	}
	for _, tag := range p.Tags {
		if err := d.writeFile(d.repoPath(repo, "_tags", tagFile(tag)), []byte(desc.Digest)); err != nil {
			return desc, err
		}
	}
	return desc, nil
}

func (p ManifestPut) check(repo string) (m manifest.Manifest, desc ociregistry.Descriptor, err error) {
	if err := CheckRepository(repo); err != nil {
		return m, desc, err
	}
	for _, tag := range p.Tags {
		if err := checkTag(tag); err != nil {
			return m, desc, err
		}
	}
	algorithm := digest.Canonical
	if p.Digest != "" {
		if err := checkDigest(p.Digest); err != nil {
			return m, desc, err
		}
		algorithm = p.Digest.Algorithm()
	}
	m, err = manifest.Parse(p.MediaType, p.Data)
	desc = ociregistry.Descriptor{MediaType: m.MediaType, Digest: algorithm.FromBytes(p.Data), Size: int64(len(p.Data))}
	if err == nil && p.Digest != "" && p.Digest != desc.Digest {
		err = digestMismatch(p.Digest, desc.Digest)
	}
	return m, desc, err
}

func (d *Dir) referrerPath(repo string, subject, referrer ociregistry.Digest) string {
	return filepath.Join(d.linkPath(repo, "_referrers", subject), string(referrer.Algorithm()), referrer.Encoded())
}

// manifest reads a manifest of the repository.
func (d *Dir) manifest(repo string, dig ociregistry.Digest) (ociregistry.Descriptor, []byte, error) {
	desc := ociregistry.Descriptor{Digest: dig}
	if err := checkDigest(dig); err != nil {
		return desc, nil, err
	}
	if err := d.known(repo); err != nil {
		return desc, nil, err
	}
	mediaType, err := os.ReadFile(d.linkPath(repo, "_manifests", dig))
	if err != nil {
		return desc, nil, manifestUnknown(err)
	}
	data, err := os.ReadFile(d.blobPath(dig))
	if err != nil {
		return desc, nil, manifestUnknown(err)
	}
	desc.MediaType, desc.Size = string(mediaType), int64(len(data))
	return desc, data, nil
}

func manifestUnknown(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ociregistry.ErrManifestUnknown
	}
	return err
}

func (d *Dir) resolveTag(repo, tag string) (ociregistry.Digest, error) {
	if err := d.known(repo); err != nil {
		return "", err
	}
	if err := checkTag(tag); err != nil {
		return "", err
	}
	data, err := os.ReadFile(d.repoPath(repo, "_tags", tagFile(tag)))
	return ociregistry.Digest(data), manifestUnknown(err)
}

// GetManifest implements ociregistry.Reader.
func (d *Dir) GetManifest(_ context.Context, repo string, dig ociregistry.Digest) (ociregistry.BlobReader, error) {
	desc, data, err := d.manifest(repo, dig)
	if err != nil {
		return nil, err
	}
	return bytesReader(desc, data), nil
}

func bytesReader(desc ociregistry.Descriptor, data []byte) ociregistry.BlobReader {
	r := bytes.NewReader(data)
	return blobReader{Reader: r, Closer: io.NopCloser(r), desc: desc}
}

// GetTag implements ociregistry.Reader.
func (d *Dir) GetTag(ctx context.Context, repo, tag string) (ociregistry.BlobReader, error) {
	dig, err := d.resolveTag(repo, tag)
	if err != nil {
		return nil, err
	}
	return d.GetManifest(ctx, repo, dig)
}

// ResolveManifest implements ociregistry.Reader.
func (d *Dir) ResolveManifest(_ context.Context, repo string, dig ociregistry.Digest) (ociregistry.Descriptor, error) {
	desc, _, err := d.manifest(repo, dig)
	return desc, err
}

// ResolveTag implements ociregistry.Reader.
func (d *Dir) ResolveTag(ctx context.Context, repo, tag string) (ociregistry.Descriptor, error) {
	dig, err := d.resolveTag(repo, tag)
	if err != nil {
		return ociregistry.Descriptor{}, err
	}
	return d.ResolveManifest(ctx, repo, dig)
}

// DeleteManifest takes a manifest and the tags that name it out of the repository; Collect removes the content.
func (d *Dir) DeleteManifest(_ context.Context, repo string, dig ociregistry.Digest) error {
	done, err := d.shared()
	if err != nil {
		return err
	}
	defer done()
	return d.deleteManifest(repo, dig)
}

func (d *Dir) deleteManifest(repo string, dig ociregistry.Digest) error {
	desc, data, err := d.manifest(repo, dig)
	if err != nil {
		return err
	}
	tags, err := d.tags(repo)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		if named, err := d.resolveTag(repo, tag); err == nil && named == dig {
			if err := remove(d.repoPath(repo, "_tags", tagFile(tag))); err != nil {
				return err
			}
		}
	}
	if m, err := manifest.Parse(desc.MediaType, data); err == nil && m.Subject != nil {
		if err := remove(d.referrerPath(repo, m.Subject.Digest, dig)); err != nil {
			return err
		}
	}
	return remove(d.linkPath(repo, "_manifests", dig))
}

// DeleteTag implements ociregistry.Deleter. The manifest stays.
func (d *Dir) DeleteTag(_ context.Context, repo, tag string) error {
	if err := d.known(repo); err != nil {
		return err
	}
	if err := checkTag(tag); err != nil {
		return err
	}
	done, err := d.shared()
	if err != nil {
		return err
	}
	defer done()
	return manifestUnknown(os.Remove(d.repoPath(repo, "_tags", tagFile(tag))))
}
