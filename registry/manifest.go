package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/manifest"
	"github.com/opencontainers/go-digest"
)

// Descriptor points to content: a manifest, a config or a layer.
type Descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`               // bytes
	Platform     string            `json:"platform,omitempty"` // OS/ARCHITECTURE[/VARIANT], where an index says
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// Manifest is what a reference names: an image, an artifact, or an index of them by platform.
type Manifest struct {
	Descriptor

	// Reference names it by its digest.
	Reference string `json:"reference"`

	// Config and Layers are those of an image.
	Config Descriptor   `json:"config"`
	Layers []Descriptor `json:"layers,omitempty"`

	// Manifests are those of an index.
	Manifests []Descriptor `json:"manifests,omitempty"`

	// Subject is the digest of the manifest that this one is about; empty when there is none.
	Subject string `json:"subject,omitempty"`

	// Raw is the manifest as it is stored.
	Raw []byte `json:"-"`
}

// IsIndex says whether it is an index, or Docker's manifest list.
func (m Manifest) IsIndex() bool { return manifest.IsIndex(m.MediaType) }

// ManifestOptions are the options of Manifest.
type ManifestOptions struct {
	// Platform takes the manifest for OS/ARCHITECTURE[/VARIANT] out of an index, such as linux/arm64. The manifest of a
	// single image, which is not in an index, is returned as it is, whatever its platform. Default: the index itself is
	// returned.
	Platform string
}

// maxManifest bounds a manifest, in bytes: more than any registry takes.
const maxManifest = 32 << 20

// Manifest reads a manifest, and checks its digest. A reference without a tag and a digest has the tag latest.
//
// Errors: ErrInvalidReference, ErrInvalidArgument for a platform that is not OS/ARCHITECTURE[/VARIANT], ErrNotFound,
// ErrNoPlatform, ErrDigestMismatch, ErrInvalidManifest, ErrUnauthorized, ErrDenied, ErrRateLimited and ErrUnreachable.
func (c *Client) Manifest(ctx context.Context, ref string, o ManifestOptions) (Manifest, error) {
	if err := checkPlatform(o.Platform); err != nil {
		return Manifest{}, fmt.Errorf("inspect %s: %w", ref, err)
	}
	r, conn, err := c.reference(ctx, ref)
	if err != nil {
		return Manifest{}, fmt.Errorf("inspect: %w", err)
	}
	m, err := conn.manifest(ctx, r)
	if err == nil && o.Platform != "" && m.IsIndex() {
		if r.digest, err = choosePlatform(m.Manifests, o.Platform); err == nil {
			m, err = conn.manifest(ctx, r)
		}
	}
	return m, clientError("inspect", r.String(), err)
}

func (c *conn) manifest(ctx context.Context, r reference) (Manifest, error) {
	var br ociregistry.BlobReader
	var err error
	if r.digest != "" {
		br, err = c.GetManifest(ctx, r.repo, r.digest)
	} else {
		br, err = c.GetTag(ctx, r.repo, r.tag)
	}
	if err != nil {
		if ctx.Err() != nil && !errors.Is(err, ctx.Err()) { // ociclient keeps the text alone
			err = api.Errorf(api.Ended(ctx), "%w", err)
		}
		return Manifest{}, err
	}
	defer func() { _ = br.Close() }()
	desc := br.Descriptor()
	if desc.Size > maxManifest {
		return Manifest{}, fmt.Errorf("%w: the manifest says that it has %d bytes", ErrInvalidManifest, desc.Size)
	}
	data, err := io.ReadAll(br)
	if err != nil {
		if strings.Contains(err.Error(), "digest mismatch") { // ociclient has no sentinel for it
			err = fmt.Errorf("%w: %w", ErrDigestMismatch, err)
		}
		return Manifest{}, err
	}
	want := desc.Digest
	if r.digest != "" {
		want = r.digest
	}
	if got := want.Algorithm().FromBytes(data); got != want {
		return Manifest{}, fmt.Errorf("%w: the registry sent %s", ErrDigestMismatch, got)
	}
	return newManifest(r, want, desc.MediaType, data)
}

func newManifest(r reference, d digest.Digest, mediaType string, data []byte) (Manifest, error) {
	parsed, err := manifest.Parse(mediaType, data)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", ErrInvalidManifest, err)
	}
	m := Manifest{Raw: data, Reference: r.name() + "@" + string(d)}
	m.Descriptor = Descriptor{
		MediaType: parsed.MediaType, Digest: string(d), Size: int64(len(data)),
		ArtifactType: parsed.ArtifactType, Annotations: parsed.Annotations,
	}
	if parsed.Subject != nil {
		m.Subject = string(parsed.Subject.Digest)
	}
	if !m.IsIndex() && parsed.Config != nil {
		m.Config, m.Layers = newDescriptor(*parsed.Config), newDescriptors(parsed.Layers)
	}
	m.Manifests = newDescriptors(parsed.Children())
	return m, nil
}

func newDescriptors(from []ociregistry.Descriptor) (to []Descriptor) {
	for _, d := range from {
		to = append(to, newDescriptor(d))
	}
	return to
}

func newDescriptor(d ociregistry.Descriptor) Descriptor {
	return Descriptor{
		MediaType: d.MediaType, Digest: string(d.Digest), Size: d.Size, Platform: platformString(d.Platform),
		ArtifactType: d.ArtifactType, Annotations: d.Annotations,
	}
}
