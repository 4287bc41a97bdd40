package transfer

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	upstream "go.podman.io/image/v5/image"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"

	"github.com/caisson-dev/caisson/internal/api"
)

// opened is a reference whose source is open already: upstream's copy goes on with it, so that the registry is not asked for
// the same manifest twice, which some count.
type opened struct {
	types.ImageReference
	source types.ImageSource
}

func (o *opened) open(ctx context.Context, sc *types.SystemContext) error {
	src, err := o.ImageReference.NewImageSource(ctx, sc)
	if err == nil { // else it is a nil pointer, not a nil interface
		o.source = src
	}
	return err
}

// NewImageSource returns the source itself: one around it would hide what upstream's sources can do beyond the interface.
func (o *opened) NewImageSource(context.Context, *types.SystemContext) (types.ImageSource, error) {
	return o.source, nil
}

func (o *opened) close() {
	if o.source != nil {
		_ = o.source.Close() // it closes idle connections
	}
}

// chooseInstance picks the platform's image of an index.
func chooseInstance(ctx context.Context, src types.ImageSource, sc *types.SystemContext) (*upstream.UnparsedImage, error) {
	top := upstream.UnparsedInstance(src, nil)
	raw, mime, err := top.Manifest(ctx)
	if err != nil || !manifest.MIMETypeIsMultiImage(mime) {
		return top, err
	}
	list, err := manifest.ListFromBlob(raw, mime)
	if err != nil {
		return nil, errNotFast
	}
	d, err := list.ChooseInstance(sc)
	if err != nil {
		return nil, errNotFast
	}
	return upstream.UnparsedInstance(src, &d), nil
}

// maxConfig bounds a configuration; real ones have a few kilobytes.
const maxConfig = 4 << 20

// diffIDs are the digests that the configuration has of the unpacked layers.
func diffIDs(ctx context.Context, img types.Image) ([]digest.Digest, error) {
	if size := img.ConfigInfo().Size; size <= 0 || size > maxConfig {
		return nil, api.Errorf(api.ErrCorrupt, "the manifest says that the configuration has %d bytes: at most %d are read", size, maxConfig)
	}
	blob, err := img.ConfigBlob(ctx)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	var cfg struct {
		RootFS v1.RootFS `json:"rootfs"`
	}
	if err := json.Unmarshal(blob, &cfg); err != nil {
		return nil, api.Errorf(api.ErrCorrupt, "configuration: %w", err)
	}
	if n, m := len(cfg.RootFS.DiffIDs), len(img.LayerInfos()); n != m {
		return nil, api.Errorf(api.ErrCorrupt, "the configuration has %d layers and the manifest %d: it is not a container image, or broken", n, m)
	}
	return cfg.RootFS.DiffIDs, nil
}

// understood refuses a layer that is not of the kind that stage unpacks: a tar of known size, plain or compressed,
// whatever the manifest calls it.
func understood(info types.BlobInfo, diffID digest.Digest) error {
	for _, d := range []digest.Digest{info.Digest, diffID} {
		if err := d.Validate(); err != nil {
			return api.Errorf(api.ErrCorrupt, "%w", err)
		}
		if d.Algorithm() != digest.SHA256 {
			return api.Errorf(api.ErrUnsupported, "its digest is %s: only sha256 is supported", d.Algorithm())
		}
	}
	if info.Size < 0 {
		return api.Errorf(api.ErrCorrupt, "the manifest does not have its size")
	}
	if strings.Contains(info.MediaType, "encrypted") {
		return api.Errorf(api.ErrUnsupported, "it is encrypted")
	}
	return nil
}
