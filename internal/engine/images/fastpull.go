package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	upstream "go.podman.io/image/v5/image"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"
	drivers "go.podman.io/storage/drivers"
)

// errNotFast says that an image has something that only upstream's copy understands.
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

	compression string // as the manifest should say; empty when it can't
}

// fetchLayers brings the layers of an image that the store lacks into it, all at the same time, each in one pass from
// the network to its files: no temporary blob, no second process. Upstream's copy, which follows, finds them there and
// does the rest. Measured with a prototype on 500 MB in 10 layers: 0.54 of skopeo's time.
//
// It returns errNotFast, with nothing done, for what it does not understand.
func (s *Service) fetchLayers(ctx context.Context, p *pull, src *opened, policy *policy, w *watch) error {
	asking := &watched{} // for manifest and configuration
	w.begin(asking)
	defer w.end(asking)
	if err := src.open(ctx, p.sc); err != nil {
		return err
	}
	unparsed, err := chooseInstance(ctx, src.source, p.sc)
	if err != nil {
		return err
	}
	// Before anything of it is unpacked.
	if ok, err := policy.IsRunningImageAllowed(ctx, unparsed); !ok || err != nil {
		return errors.Join(errNotFast, err) // copy says why
	}
	layers, err := s.missing(ctx, unparsed, p.sc)
	if err != nil || len(layers) == 0 {
		return err
	}
	w.end(asking)
	cache, done := openBlobCache(p.sc)
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
	if size := img.ConfigInfo().Size; size <= 0 || size > maxConfig {
		return nil, errNotFast
	}
	blob, err := img.ConfigBlob(ctx)
	if err != nil {
		return nil, err
	}
	var cfg v1.Image
	infos := img.LayerInfos()
	if json.Unmarshal(blob, &cfg) != nil || len(cfg.RootFS.DiffIDs) != len(infos) || !allFast(infos, cfg.RootFS.DiffIDs) {
		return nil, errNotFast
	}
	var out []*layer
	parent := ""
	for i, info := range infos {
		// As upstream computes it, so that both take each other's layers.
		id := cfg.RootFS.DiffIDs[i].Encoded()
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
		if same, err := s.store.LayersByUncompressedDigest(cfg.RootFS.DiffIDs[i]); err == nil && len(same) > 0 {
			return out, nil // on top of another layer: upstream copies it within the store
		}
		out = append(out, &layer{info: info, diffID: cfg.RootFS.DiffIDs[i], id: id, parent: parent, staged: make(chan struct{})})
		parent = id
	}
	return out, nil
}

// allFast says whether every layer is a tar, plain, gzip'd or zstd'd, in the registry itself, and none comes twice.
func allFast(infos []types.BlobInfo, diffIDs []digest.Digest) bool {
	seen := map[digest.Digest]bool{}
	for i, info := range infos {
		if len(info.URLs) > 0 || info.Size <= 0 || info.Digest.Validate() != nil || diffIDs[i].Validate() != nil ||
			info.Digest.Algorithm() != digest.SHA256 || diffIDs[i].Algorithm() != digest.SHA256 ||
			!strings.Contains(info.MediaType, "tar") || strings.Contains(info.MediaType, "encrypted") || seen[diffIDs[i]] {
			return false
		}
		seen[diffIDs[i]] = true
	}
	return true
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
			slots <- struct{}{}
			defer func() { <-slots }()
			if l.err = ctx.Err(); l.err == nil {
				l.out, l.err = s.stage(ctx, src, l, w)
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
	}
	return failed
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
