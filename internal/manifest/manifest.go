package manifest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Media types of Docker's image manifest v2, schema 2.
const (
	MediaTypeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	MediaTypeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// Manifest is what the registry and its client need to know of a manifest or an index.
type Manifest struct {
	MediaType    string                   `json:"mediaType"`
	ArtifactType string                   `json:"artifactType"`
	Config       *ociregistry.Descriptor  `json:"config"`
	Layers       []ociregistry.Descriptor `json:"layers"`
	Manifests    []ociregistry.Descriptor `json:"manifests"`
	Subject      *ociregistry.Descriptor  `json:"subject"`
	Annotations  map[string]string        `json:"annotations"`

	SchemaVersion int `json:"schemaVersion"`
}

// IsIndex says whether mediaType is that of an index or a manifest list.
func IsIndex(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageIndex || mediaType == MediaTypeDockerList
}

func isManifest(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageManifest || mediaType == MediaTypeDockerManifest
}

// Parse reads a manifest or an index. The media type of the request wins where the content names none; where
// both do, they must agree (OCI image spec, "mediaType" property).
// It fails with ociregistry.ErrManifestInvalid.
func Parse(mediaType string, data []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return m, invalid("not a JSON manifest: %v", err)
	}
	mediaType, _, _ = strings.Cut(mediaType, ";")
	if mediaType = strings.TrimSpace(mediaType); !isManifest(mediaType) && !IsIndex(mediaType) {
		if mediaType != "" && mediaType != "application/octet-stream" && mediaType != "application/json" {
			return m, invalid("media type %q is not supported: use an OCI or a Docker schema 2 manifest or index", mediaType)
		}
		mediaType = cmp.Or(m.MediaType, guessMediaType(m))
	}
	if m.MediaType != "" && m.MediaType != mediaType {
		return m, invalid("the content says it is %q, the request %q", m.MediaType, mediaType)
	}
	m.MediaType = mediaType
	if m.SchemaVersion != 2 {
		return m, invalid("schemaVersion is %d, must be 2", m.SchemaVersion)
	}
	return m, m.validate()
}

func guessMediaType(m Manifest) string {
	if m.Config == nil && m.Manifests != nil {
		return ocispec.MediaTypeImageIndex
	}
	return ocispec.MediaTypeImageManifest
}

func (m Manifest) validate() error {
	if isManifest(m.MediaType) && m.Config == nil {
		return invalid("it has no config")
	}
	for _, d := range append(m.Blobs(), m.Children()...) {
		if err := d.Digest.Validate(); err != nil {
			return invalid("digest %q: %v", d.Digest, err)
		}
		if d.Size < 0 {
			return invalid("size of %s is negative", d.Digest)
		}
	}
	if m.Subject != nil {
		if err := m.Subject.Digest.Validate(); err != nil {
			return invalid("subject digest %q: %v", m.Subject.Digest, err)
		}
	}
	return nil
}

// Blobs are the config and the layers.
func (m Manifest) Blobs() []ociregistry.Descriptor {
	if !isManifest(m.MediaType) {
		return nil
	}
	blobs := make([]ociregistry.Descriptor, 0, len(m.Layers)+1)
	if m.Config != nil {
		blobs = append(blobs, *m.Config)
	}
	return append(blobs, m.Layers...)
}

// Children are the manifests of an index.
func (m Manifest) Children() []ociregistry.Descriptor {
	if !IsIndex(m.MediaType) {
		return nil
	}
	return m.Manifests
}

// Foreign says that the content of d is kept elsewhere, so a registry need not have it.
func Foreign(d ociregistry.Descriptor) bool {
	return len(d.URLs) > 0 || strings.Contains(d.MediaType, ".foreign.") || strings.Contains(d.MediaType, ".nondistributable.")
}

// Descriptor is m as a list of referrers shows it (OCI distribution spec, "Listing Referrers").
func (m Manifest) Descriptor(d ociregistry.Digest, size int64) ociregistry.Descriptor {
	artifact := m.ArtifactType
	if artifact == "" && m.Config != nil && isManifest(m.MediaType) {
		artifact = m.Config.MediaType
	}
	return ociregistry.Descriptor{
		MediaType: m.MediaType, Digest: d, Size: size, ArtifactType: artifact, Annotations: m.Annotations,
	}
}

// CheckReferences fails with ociregistry.ErrManifestBlobUnknown for the first thing that m names and has says is not there.
func (m Manifest) CheckReferences(hasBlob, hasManifest func(ociregistry.Digest) bool) error {
	for _, d := range m.Blobs() {
		if !Foreign(d) && !hasBlob(d.Digest) {
			return missing("blob", d.Digest)
		}
	}
	for _, d := range m.Children() {
		if !hasManifest(d.Digest) {
			return missing("manifest", d.Digest)
		}
	}
	return nil
}

func invalid(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ociregistry.ErrManifestInvalid, fmt.Sprintf(format, a...))
}

func missing(what string, d ociregistry.Digest) error {
	return fmt.Errorf("%w: %s %s is not in the repository: push it first", ociregistry.ErrManifestBlobUnknown, what, d)
}
