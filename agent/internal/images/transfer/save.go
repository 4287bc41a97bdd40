package transfer

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/distribution/reference"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/copy"
	"go.podman.io/image/v5/docker/archive"
	"go.podman.io/image/v5/oci/layout"
	"go.podman.io/image/v5/types"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/fstar"
)

func (s *Service) handleSave(w http.ResponseWriter, r *http.Request) {
	var req api.SaveRequest[image.SaveOptions]
	if err := wire.Decode(r.Body, &req); err != nil {
		wire.Fail(w, err)
		return
	}
	fw := api.NewFrameWriter(w)
	err := s.Save(r.Context(), fw.Stream(api.Stdout), req.Refs, req.Options)
	if err != nil {
		_ = fw.JSON(api.Failure, api.ToError(err)) // the owner is gone when this fails
		return
	}
	_ = fw.Frame(api.Exit, nil) // as above
}

// saved is an image to be saved, with the names that it was asked for by.
type saved struct {
	id    string
	names []reference.NamedTagged
}

// Save writes images as one archive.
func (s *Service) Save(ctx context.Context, w io.Writer, refs []string, opts image.SaveOptions) error {
	if len(refs) == 0 {
		return api.Errorf(api.ErrInvalidArgument, "save images: no image is named: name at least one")
	}
	held, err := s.images.Hold(ctx)
	if err != nil {
		return Explain(ctx, "save images", err)
	}
	defer held.Release()
	list, err := s.toSave(ctx, refs)
	if err != nil {
		return err
	}
	switch opts.Format {
	case "", image.FormatDocker:
		err = s.saveDocker(ctx, w, list)
	case image.FormatOCI:
		err = s.saveOCI(ctx, w, list)
	default:
		return api.Errorf(api.ErrInvalidArgument, "save images: format %q: it must be %s or %s", opts.Format, image.FormatDocker, image.FormatOCI)
	}
	if err != nil {
		return Explain(ctx, "save images", err)
	}
	for _, sv := range list {
		s.images.Tell(container.EventSave, sv.id, "")
	}
	return nil
}

// toSave joins the references that mean the same image.
func (s *Service) toSave(ctx context.Context, refs []string) ([]*saved, error) {
	var list []*saved
	byID := map[string]*saved{}
	refs, err := s.images.OfRepositories(refs)
	if err != nil {
		return nil, err
	}
	for _, ref := range refs {
		img, err := s.images.Find(ctx, ref)
		if err != nil {
			return nil, err
		}
		sv := byID[img.ID]
		if sv == nil {
			sv = &saved{id: img.ID}
			byID[img.ID], list = sv, append(list, sv)
		}
		if name := images.NameIn(img, ref); name != "" {
			named, err := images.Normalize(name)
			if err != nil {
				return nil, err
			}
			if nt, ok := named.(reference.NamedTagged); ok {
				sv.names = append(sv.names, nt)
			}
		}
	}
	return list, nil
}

// saveDocker streams: upstream writes into a pipe by its path.
func (s *Service) saveDocker(ctx context.Context, w io.Writer, list []*saved) error {
	pr, pw, err := os.Pipe()
	if err != nil {
		return err
	}
	defer pr.Close()
	aw, err := archive.NewWriter(s.SystemContext(), fmt.Sprintf("/proc/self/fd/%d", pw.Fd()))
	pw.Close() // the writer has its own
	if err != nil {
		return err
	}
	written := make(chan error, 1)
	go func() {
		var err error
		for _, sv := range list {
			if err = s.saveOne(ctx, aw, sv); err != nil {
				break
			}
		}
		written <- errors.Join(err, aw.Close())
	}()
	_, err = io.Copy(w, pr)
	pr.Close() // the writer must not wait for a reader that has given up
	if werr := <-written; werr != nil && err == nil {
		err = werr
	}
	return err
}

func (s *Service) saveOne(ctx context.Context, aw *archive.Writer, sv *saved) error {
	sc := s.SystemContext()
	var first reference.NamedTagged
	if len(sv.names) > 0 {
		first = sv.names[0]
		for _, n := range sv.names[1:] {
			sc.DockerArchiveAdditionalTags = append(sc.DockerArchiveAdditionalTags, n)
		}
	}
	dest, err := aw.NewReference(first)
	if err != nil {
		return err
	}
	return s.copyOut(ctx, sc, sv.id, dest)
}

// copyOut copies an image of the store, without its signatures, which archives have no place for.
func (s *Service) copyOut(ctx context.Context, sc *types.SystemContext, id string, dest types.ImageReference) error {
	source, err := s.imageOut(id)
	if err != nil {
		return err
	}
	policy, err := anyPolicy()
	if err != nil {
		return err
	}
	defer policy.Destroy() // it only forgets
	_, err = copy.Image(ctx, policy, dest, source, &copy.Options{SourceCtx: s.SystemContext(), DestinationCtx: sc, RemoveSignatures: true})
	return ofStore(err)
}

// saveOCI makes a layout in a temporary directory: its index is known only at the end, and stands first to readers.
func (s *Service) saveOCI(ctx context.Context, w io.Writer, list []*saved) error {
	dir, err := s.images.Temp().Make("save")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) // it goes with the process's directory
	level := defaultLevel
	for _, sv := range list {
		names := []string{""}
		if len(sv.names) > 0 {
			names = names[:0]
			for _, n := range sv.names {
				names = append(names, n.String())
			}
		}
		for _, n := range names {
			dest, err := layout.NewReference(dir, n)
			if err != nil {
				return err
			}
			sc := s.SystemContext()
			sc.CompressionLevel = &level
			if err := s.copyOut(ctx, sc, sv.id, dest); err != nil {
				return err
			}
		}
	}
	return writeLayout(ctx, w, os.DirFS(dir))
}

// writeLayout writes an OCI layout as tar, the index before the blobs: the same content gives the same bytes.
func writeLayout(ctx context.Context, w io.Writer, dir fs.FS) error {
	tw := tar.NewWriter(w)
	for _, name := range []string{v1.ImageLayoutFile, v1.ImageIndexFile, v1.ImageBlobsDir} {
		err := fstar.Tree(tw, dir, name, "", func(h *tar.Header, _ fs.FileInfo) error {
			h.ModTime, h.Mode = time.Unix(0, 0), 0o644
			if h.Typeflag == tar.TypeDir {
				h.Mode = 0o755
			}
			return ctx.Err()
		})
		if err != nil {
			return err
		}
	}
	return tw.Close()
}
