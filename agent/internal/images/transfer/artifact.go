package transfer

import (
	"path"
	"slices"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// isImage says whether a manifest of an OCI layout, which was checked, is an image's or an index's. Builders put
// attestations beside images, and others signatures and lists of what is in an image.
func isImage(dir string, d v1.Descriptor) bool {
	var m struct {
		ArtifactType string         `json:"artifactType"`
		Config       *v1.Descriptor `json:"config"`
	}
	name := path.Join(v1.ImageBlobsDir, d.Digest.Algorithm().String(), d.Digest.Encoded())
	if err := readManifest(dir, name, &m); err != nil {
		return true // the copy says what is wrong
	}
	platform := d.Platform
	switch {
	case d.Annotations["vnd.docker.reference.type"] != "":
		return false // of BuildKit
	case platform != nil && platform.OS == "unknown" && platform.Architecture == "unknown":
		return false
	case d.ArtifactType != "" || m.ArtifactType != "":
		return false // OCI image-spec, "Guidelines for Artifact Usage"
	}
	return m.Config == nil || slices.Contains(imageConfigs, m.Config.MediaType)
}

// imageConfigs are the media types of images' configurations. Some writers leave it out.
var imageConfigs = []string{"", v1.MediaTypeImageConfig, "application/vnd.docker.container.image.v1+json"}
