package images

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"
	drivers "go.podman.io/storage/drivers"
	"go.podman.io/storage/pkg/archive"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) handleImport(w http.ResponseWriter, r *http.Request) {
	var opts image.ImportOptions
	body, err := wire.DecodeLine(r.Body, &opts)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	img, err := s.Import(r.Context(), body, opts)
	wire.NewEvents(w).End(img, err)
}

// Import makes an image of the tar stream of a root file system.
func (s *Service) Import(ctx context.Context, r io.Reader, opts image.ImportOptions) (*image.Image, error) {
	names, cfg, err := importedConfig(opts) // before anything is read
	if err != nil {
		return nil, err
	}
	return Detachable(ctx, s, "import an image", func() (*image.Image, error) {
		img, err := s.importRoot(ctx, r, cfg, names)
		if err != nil {
			s.mu.Lock()
			s.dirty = true
			s.mu.Unlock()
			if isOurs(err) {
				return nil, fmt.Errorf("import an image: %w", err)
			}
			return nil, Explain(ctx, "import an image", err)
		}
		s.Tell(container.EventImport, img.ID, firstName(img.Names))
		return img, nil
	})
}

func importedConfig(opts image.ImportOptions) (names []string, cfg *NewConfig, err error) {
	for _, t := range opts.Tags {
		name, err := NormalizeTag(t)
		if err != nil {
			return nil, nil, err
		}
		names = append(names, name)
	}
	var sc types.SystemContext
	if err := Platform(&sc, opts.Platform); err != nil {
		return nil, nil, err
	}
	now := time.Now().UTC()
	cfg = &NewConfig{
		Created:  &now,
		Platform: v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
		History:  []v1.History{{Created: &now, Comment: opts.Message}},
	}
	if opts.Platform != "" {
		cfg.Platform = v1.Platform{OS: sc.OSChoice, Architecture: sc.ArchitectureChoice, Variant: sc.VariantChoice}
	}
	if err := cfg.Config.Change(opts.Changes); err != nil {
		return nil, nil, fmt.Errorf("ImportOptions.Changes %w", err)
	}
	return names, cfg, nil
}

func (s *Service) importRoot(ctx context.Context, r io.Reader, cfg *NewConfig, names []string) (*image.Image, error) {
	ctx, release, err := s.Hold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	layer, err := s.importLayer(ctx, r)
	if err != nil {
		return nil, err
	}
	id, err := s.Create(nil, cfg, layer)
	if err != nil {
		return nil, err
	}
	if err := s.nameLoaded(id, names); err != nil {
		return nil, err
	}
	return s.Get(ctx, "sha256:"+id)
}

// importLayer unpacks the stream into a layer without a parent. One of the same content is used if the store has it.
func (s *Service) importLayer(ctx context.Context, r io.Reader) (*storage.Layer, error) {
	out, err := s.stageRoot(ctx, r)
	if err != nil {
		return nil, err
	}
	id := out.UncompressedDigest.Encoded()
	if l, err := s.store.Layer(id); err == nil {
		return l, s.store.CleanupStagedLayer(out)
	}
	return s.applyStaged(id, "", out)
}

// stageRoot unpacks the stream.
func (s *Service) stageRoot(ctx context.Context, r io.Reader) (*drivers.DriverWithDifferOutput, error) {
	out, err := s.store.PrepareStagedLayer(&drivers.ApplyDiffWithDifferOpts{}, &rootDiffer{ctx: ctx, r: r})
	if err != nil {
		if out != nil && out.Target != "" {
			_ = s.store.CleanupStagedLayer(out) // what is left the driver removes at its next start
		}
		return nil, err
	}
	return out, nil
}

// applyStaged makes an unpacked layer part of the store.
func (s *Service) applyStaged(id, parent string, out *drivers.DriverWithDifferOutput) (*storage.Layer, error) {
	l, err := s.store.ApplyStagedLayer(storage.ApplyStagedLayerOptions{
		ID: id, ParentLayer: parent, DiffOutput: out, DiffOptions: &drivers.ApplyDiffWithDifferOpts{},
	})
	// The driver leaves the directory that it was unpacked in; if it is not empty its time has not come.
	_ = os.Remove(filepath.Dir(out.Target))
	return l, err
}

// rootDiffer unpacks a root file system, of which nothing is known before, into the directory that the driver gives it.
type rootDiffer struct {
	ctx context.Context
	r   io.Reader
}

// Close has nothing to close.
func (d *rootDiffer) Close() error { return nil }

// ApplyDiff is called by the storage driver.
func (d *rootDiffer) ApplyDiff(dest string, o *archive.TarOptions, do *drivers.DifferOptions) (out drivers.DriverWithDifferOutput, err error) {
	if do.Format != drivers.DifferOutputFormatDir {
		return out, api.Errorf(api.ErrUnsupported, "the store is configured for composefs")
	}
	split, err := nameless(do.StagingDirectory, "tar-split")
	if err != nil {
		return out, err
	}
	guard, err := diskspace.NewGuard(d.ctx, dest)
	if err != nil {
		return out, errors.Join(err, split.Close())
	}
	defer guard.Close()
	in := bufio.NewReaderSize(d.r, readAhead)
	if _, err = in.Peek(4); errors.Is(err, io.EOF) {
		err = api.Errorf(api.ErrCorrupt, "the stream is empty or next to it: it must be a tar")
	}
	u := &unpack{options: o, owners: map[[2]int]bool{}, guard: guard}
	if err == nil {
		out.Size, out.UncompressedDigest, err = u.layer(dest, in, split)
	}
	if err == nil {
		// What the decompressor did not ask for must not stay in the connection.
		_, err = io.Copy(io.Discard, in)
	}
	if err != nil {
		split.Close()
		if d.ctx.Err() != nil {
			err = context.Cause(d.ctx)
		}
		return out, duplicateName(err)
	}
	out.TarSplit = split
	out.UIDs, out.GIDs = u.ids()
	return out, nil
}

// nameless makes a temporary file that goes when it is closed.
func nameless(dir, pattern string) (*os.File, error) {
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// duplicateName explains what tar-split refuses.
func duplicateName(err error) error {
	if err != nil && strings.Contains(err.Error(), "duplicates of file paths") {
		return api.Errorf(api.ErrCorrupt, "%w: an entry's name comes twice: unpack the archive and pack it again", err)
	}
	return err
}
