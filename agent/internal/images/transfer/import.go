package transfer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/images/layer"
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
	return images.Detachable(ctx, s.images, "import an image", func() (*image.Image, error) {
		img, err := s.importRoot(ctx, r, cfg, names)
		if err != nil {
			s.images.Left(images.LeftOver)
			if isOurs(err) {
				return nil, fmt.Errorf("import an image: %w", err)
			}
			return nil, Explain(ctx, "import an image", err)
		}
		s.images.Tell(container.EventImport, img.ID, firstName(img.Names))
		return img, nil
	})
}

func importedConfig(opts image.ImportOptions) (names []string, cfg *images.NewConfig, err error) {
	for _, t := range opts.Tags {
		name, err := images.NormalizeTag(t)
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
	cfg = &images.NewConfig{
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

func (s *Service) importRoot(ctx context.Context, r io.Reader, cfg *images.NewConfig, names []string) (*image.Image, error) {
	held, err := s.images.Hold(ctx)
	if err != nil {
		return nil, err
	}
	defer held.Release()
	l, err := s.importLayer(ctx, r)
	if err != nil {
		return nil, err
	}
	id, err := held.Create(nil, cfg, l)
	if err != nil {
		return nil, err
	}
	if err := held.Finish(id, names); err != nil {
		return nil, err
	}
	return s.images.Get(ctx, "sha256:"+id)
}

// importLayer unpacks the stream into a layer without a parent. One of the same content is used if the store has it.
func (s *Service) importLayer(ctx context.Context, r io.Reader) (*storage.Layer, error) {
	out, err := s.layers.Stage(ctx, &plain{ctx, r})
	if err != nil {
		return nil, err
	}
	id := out.UncompressedDigest.Encoded()
	if l, err := s.images.Storage().Layer(id); err == nil {
		return l, errors.Join(s.images.Reusable(ctx, id), s.layers.Discard(out))
	}
	return s.layers.Apply(id, "", out)
}

// plain is a root file system of which nothing is known before.
type plain struct {
	ctx context.Context
	r   io.Reader
}

// Open refuses what is too short to be a tar.
func (p *plain) Open() (io.ReadCloser, error) {
	in := bufio.NewReader(p.r)
	if _, err := in.Peek(magicSize); errors.Is(err, io.EOF) {
		return nil, api.Errorf(api.ErrCorrupt, "the stream is empty or nearly empty: it must be a tar archive")
	}
	return io.NopCloser(in), nil
}

// Check reads to the end: what the decompressor did not ask for must not stay in the connection.
func (p *plain) Check(left *bufio.Reader, _ layer.Unpacked, err error) error {
	if err == nil {
		_, err = io.Copy(io.Discard, left)
	}
	if err != nil && p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	return duplicateName(err)
}

// duplicateName explains what tar-split refuses.
func duplicateName(err error) error {
	if err != nil && strings.Contains(err.Error(), "duplicates of file paths") {
		return api.Errorf(api.ErrCorrupt, "%w: two entries have the same name: unpack the archive and pack it again", err)
	}
	return err
}
