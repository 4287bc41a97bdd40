package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	upstream "go.podman.io/image/v5/image"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"
	drivers "go.podman.io/storage/drivers"

	"github.com/caisson-dev/caisson/internal/api"
)

// errNotFast says that upstream's copy is to go on alone: it has no layer to unpack, or says best what is wrong.
var errNotFast = errors.New("not for the fast way")

// layer is one layer on its way into the store.
type layer struct {
	info   types.BlobInfo
	diffID digest.Digest
	id     string // in the store
	parent string
	cache  types.BlobInfoCache
	staged chan struct{} // closed when out or err is set
	out    *drivers.DriverWithDifferOutput
	err    error

	local   bool          // the store has its content
	twin    *layer        // the same, before it in this image, whose settled is waited for
	settled chan struct{} // closed when it is in the store, or will not be

	compression string // as the manifest should say; empty when it can't
}

// fetchLayers brings the layers of an image that the store lacks into it, all at the same time, each in one pass from
// the network or an archive to its files: no temporary blob, no second process. Upstream's copy, which follows, finds
// them there and does the rest. Measured with a prototype on 500 MB in 10 layers: 0.54 of skopeo's time.
//
// It refuses what it does not understand: everything that is unpacked is unpacked here, within the same bounds. With
// errNotFast nothing was done.
func (s *Service) fetchLayers(ctx context.Context, sc *types.SystemContext, src *opened, policy *policy, w *watch) error {
	asking := &watched{} // for manifest and configuration
	w.begin(asking)
	defer w.end(asking)
	if err := src.open(ctx, sc); err != nil {
		return err
	}
	unparsed, err := chooseInstance(ctx, src.source, sc)
	if err != nil {
		return err
	}
	// Before anything of it is unpacked.
	if ok, err := policy.IsRunningImageAllowed(ctx, unparsed); !ok || err != nil {
		return errors.Join(errNotFast, err) // copy says why
	}
	layers, err := s.missing(ctx, unparsed, sc)
	if err != nil || len(layers) == 0 {
		return err
	}
	w.end(asking)
	cache, done := openBlobCache(sc)
	defer done()
	for _, l := range layers {
		l.cache = cache
	}
	return s.stageAndApply(ctx, src.source, layers, w)
}

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

// missing lists the layers that the store lacks, from the first that it lacks to the next that it has elsewhere.
func (s *Service) missing(ctx context.Context, unparsed *upstream.UnparsedImage, sc *types.SystemContext) ([]*layer, error) {
	img, err := upstream.FromUnparsedImage(ctx, sc, unparsed)
	if err != nil {
		return nil, errNotFast
	}
	if _, mime, err := unparsed.Manifest(ctx); err != nil || mime == manifest.DockerV2Schema1MediaType || mime == manifest.DockerV2Schema1SignedMediaType {
		return nil, api.Errorf(api.ErrUnsupported, "the manifest is of Docker's schema 1, which has no sizes and which registries have given up: push the image anew with a newer tool")
	}
	diffIDs, err := diffIDs(ctx, img)
	if err != nil {
		return nil, err
	}
	var out []*layer
	parent := ""
	for i, info := range img.LayerInfos() {
		if err := s.understood(info, diffIDs[i]); err != nil {
			return nil, fmt.Errorf("layer %s: %w", info.Digest, err)
		}
		info.URLs = nil // as Docker on Linux: an image does not send this machine to addresses of its choice
		// As upstream computes it, so that both take each other's layers.
		id := diffIDs[i].Encoded()
		if parent != "" {
			id = digest.Canonical.FromString(parent + "+" + id).Encoded()
		}
		if s.store.Exists(id) {
			if len(out) > 0 {
				return nil, errNotFast // a layer without its parent: not a store of ours
			}
			parent = id
			continue
		}
		out = append(out, &layer{info: info, diffID: diffIDs[i], id: id, parent: parent, staged: make(chan struct{}), settled: make(chan struct{})})
		parent = id
	}
	s.markLocal(out)
	return out, nil
}

// markLocal finds the layers whose content the store has on another parent, or will have from a layer before.
func (s *Service) markLocal(layers []*layer) {
	first := map[[2]digest.Digest]*layer{}
	for _, l := range layers {
		key := [2]digest.Digest{l.info.Digest, l.diffID}
		if l.twin = first[key]; l.twin != nil {
			l.local = true
			continue
		}
		first[key] = l
		same, err := s.store.LayersByUncompressedDigest(l.diffID)
		l.local = err == nil && slices.ContainsFunc(same, func(o storage.Layer) bool {
			return l.info.Digest == l.diffID || l.info.Digest == o.CompressedDigest
		})
	}
}

// diffIDs are the digests that the configuration has of the unpacked layers.
func diffIDs(ctx context.Context, img types.Image) ([]digest.Digest, error) {
	if size := img.ConfigInfo().Size; size <= 0 || size > maxConfig {
		return nil, api.Errorf(api.ErrCorrupt, "the configuration has %d bytes by the manifest: at most %d are read", size, maxConfig)
	}
	blob, err := img.ConfigBlob(ctx)
	if err != nil {
		return nil, err
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
func (s *Service) understood(info types.BlobInfo, diffID digest.Digest) error {
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

// stageAndApply unpacks the layers side by side, and makes each part of the store when its parent is.
func (s *Service) stageAndApply(ctx context.Context, src types.ImageSource, layers []*layer, w *watch) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, runtime.NumCPU()+1)
	for _, l := range layers {
		wg.Go(func() {
			defer close(l.staged)
			if l.twin != nil {
				<-l.twin.settled
			}
			slots <- struct{}{}
			defer func() { <-slots }()
			if l.err = ctx.Err(); l.err == nil {
				l.out, l.err = s.stageAnyhow(ctx, src, l, w)
			}
		})
	}
	var failed error
	for _, l := range layers {
		<-l.staged
		if l.err != nil && failed == nil {
			failed = l.err
			cancel()
		}
		if l.err == nil && failed == nil {
			failed = s.apply(l)
		} else if l.out != nil {
			_ = s.store.CleanupStagedLayer(l.out) // what is left the driver removes at its next start
		}
		close(l.settled)
	}
	return failed
}

// stageAnyhow downloads a layer only when it can't be had within the store.
func (s *Service) stageAnyhow(ctx context.Context, src types.ImageSource, l *layer, w *watch) (*drivers.DriverWithDifferOutput, error) {
	if l.local {
		out, err := s.stageLocal(ctx, l)
		if err == nil || ctx.Err() != nil || errors.Is(err, api.ErrNoSpace) {
			return out, err
		}
		s.log.Warn("a layer that the store has is downloaded again", "digest", l.info.Digest, "error", err)
	}
	return s.stage(ctx, src, l, w)
}

// stageLocal unpacks a layer from what the store has on another parent.
func (s *Service) stageLocal(ctx context.Context, l *layer) (*drivers.DriverWithDifferOutput, error) {
	rc, _, err := s.assemble(l.diffID)
	if err != nil {
		return nil, err
	}
	if rc == nil {
		return nil, errNotFast
	}
	defer rc.Close()
	out, err := s.stageRoot(ctx, rc)
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", l.info.Digest, err)
	}
	if out.UncompressedDigest != l.diffID {
		return nil, errors.Join(damaged(fmt.Errorf("layer %s", l.info.Digest)), s.store.CleanupStagedLayer(out))
	}
	out.CompressedDigest = l.info.Digest
	return out, nil
}

func (s *Service) stage(ctx context.Context, src types.ImageSource, l *layer, w *watch) (*drivers.DriverWithDifferOutput, error) {
	d := &differ{layer: l, watch: w, ctx: ctx, open: func() (io.ReadCloser, error) {
		rc, _, err := src.GetBlob(ctx, l.info, l.cache)
		return rc, err
	}}
	out, err := s.store.PrepareStagedLayer(&drivers.ApplyDiffWithDifferOpts{}, d)
	if err != nil {
		if out != nil && out.Target != "" {
			_ = s.store.CleanupStagedLayer(out) // as above
		}
		return nil, fmt.Errorf("layer %s: %w", l.info.Digest, err)
	}
	l.remember()
	return out, nil
}

func (s *Service) apply(l *layer) error {
	if _, err := s.applyStaged(l.id, l.parent, l.out); err != nil {
		return fmt.Errorf("layer %s: %w", l.info.Digest, err)
	}
	return nil
}
