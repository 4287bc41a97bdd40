package transfer

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	is "go.podman.io/image/v5/storage"
	"go.podman.io/image/v5/types"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) handleLoad(w http.ResponseWriter, r *http.Request) {
	body, err := wire.DecodeLine(r.Body, &image.LoadOptions{})
	if err != nil {
		wire.Fail(w, err)
		return
	}
	ev := wire.NewEvents(w)
	imgs, err := s.Load(r.Context(), body, func(p image.Progress) { _ = ev.Progress(p) })
	ev.End(imgs, err)
}

func firstName(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// Load reads the images of an archive, by docker save's format or an OCI layout.
func (s *Service) Load(ctx context.Context, r io.Reader, progress func(image.Progress)) ([]image.Image, error) {
	return images.Detachable(ctx, s.images, "load images", func() ([]image.Image, error) {
		dir, err := s.images.Temp().Make("load")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir) // it goes with the process's directory
		imgs, err := s.load(ctx, dir, r, progress)
		if err != nil {
			s.images.Left(images.LeftOver)
		}
		if err != nil && isOurs(err) {
			return nil, fmt.Errorf("load images: %w", err)
		}
		for _, img := range imgs {
			s.images.Tell(container.EventLoad, img.ID, firstName(img.Names))
		}
		return imgs, Explain(ctx, "load images", err)
	})
}

func (s *Service) load(ctx context.Context, dir string, r io.Reader, progress func(image.Progress)) ([]image.Image, error) {
	file := filepath.Join(dir, "archive")
	if err := spool(ctx, file, r); err != nil {
		return nil, err
	}
	list, done, err := inArchive(ctx, s.SystemContext(), dir, file)
	if err != nil {
		return nil, err
	}
	defer done()
	held, err := s.images.Hold(ctx)
	if err != nil {
		return nil, err
	}
	defer held.Release()
	if len(list) == 0 {
		return nil, api.Errorf(api.ErrCorrupt, "the archive does not name an image")
	}
	var imgs []image.Image
	for _, in := range list {
		id, err := s.copyIn(ctx, in.source, progress)
		if err != nil {
			return nil, err
		}
		if err := held.Finish(id, in.names); err != nil {
			return nil, err
		}
		img, err := s.images.Get(ctx, "sha256:"+id)
		if err != nil {
			return nil, err
		}
		img.Names = slices.Sorted(slices.Values(in.names)) // the store's image may have others
		imgs = append(imgs, *img)
	}
	return imgs, nil
}

// copyIn copies an image into the store, without a name.
func (s *Service) copyIn(ctx context.Context, source types.ImageReference, progress func(image.Progress)) (id string, err error) {
	temporary, err := images.Normalize("localhost/caisson-load:" + s.images.Temp().ID)
	if err != nil {
		return "", err
	}
	dest, err := is.Transport.NewStoreReference(s.images.Storage(), temporary, "")
	if err != nil {
		return "", err
	}
	policy, err := policyContext()
	if err != nil {
		return "", err
	}
	defer policy.Destroy() // it only forgets
	p := &pull{source: source, dest: dest, sc: s.SystemContext(), stall: stallOf(image.Transport{})}
	done, err := s.copyImage(ctx, p, policy, progress)
	if err != nil && isOurs(err) {
		return "", err
	}
	if err != nil {
		return "", policy.explain(ctx, "the archive", brokenArchive(ctx, err))
	}
	_, img, err := is.ResolveReference(done)
	if err != nil {
		return "", err
	}
	return img.ID, s.images.Storage().RemoveNames(img.ID, []string{temporary.String()})
}
