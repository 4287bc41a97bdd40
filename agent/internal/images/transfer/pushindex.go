package transfer

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/distribution/reference"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) handlePushIndex(w http.ResponseWriter, r *http.Request) {
	var req api.PushIndexRequest[image.PushOptions]
	if err := wire.Decode(r.Body, &req); err != nil {
		wire.Fail(w, err)
		return
	}
	ev := wire.NewEvents(w)
	digest, err := s.PushIndex(r.Context(), req.Ref, req.Images, req.Options, func(p image.Progress) { _ = ev.Progress(p) })
	ev.End(api.Pushed{Digest: digest}, err)
}

// PushIndex copies images to a registry and then an index of them, whose digest it returns.
func (s *Service) PushIndex(ctx context.Context, ref string, refs []string, opts image.PushOptions, progress func(image.Progress)) (string, error) {
	if images.IsID(ref) {
		return "", api.Errorf(api.ErrInvalidArgument, "push index %s: an id does not say where to push: give a name", ref)
	}
	if len(refs) == 0 {
		return "", api.Errorf(api.ErrInvalidArgument, "push index %s: no images are given", ref)
	}
	named, sc, err := s.target(ctx, ref, opts)
	if err != nil {
		return "", err
	}
	return images.Detachable(ctx, s.images, "push index "+named.String(), func() (string, error) {
		held, err := s.images.Hold(ctx)
		if err != nil {
			return "", Explain(ctx, "push index "+named.String(), err)
		}
		defer held.Release()
		members, err := s.members(ctx, ref, refs)
		if err != nil {
			return "", err
		}
		return s.uploadIndex(ctx, named, sc, members, opts, progress)
	})
}

// member is an image of an index.
type member struct {
	ref, id  string
	platform v1.Platform
}

// members finds the images, before anything is sent.
func (s *Service) members(ctx context.Context, ref string, refs []string) ([]member, error) {
	var list []member
	taken := map[string]string{}
	for _, name := range refs {
		img, err := s.images.Find(ctx, name)
		if err != nil {
			return nil, err
		}
		r, err := s.images.Read(img)
		if err != nil {
			return nil, err
		}
		m := member{name, img.ID, r.Raw.Platform}
		if m.platform.OS == "" || m.platform.Architecture == "" {
			return nil, api.Errorf(api.ErrInvalidArgument, "push index %s: image %s does not say which platform it is for", ref, name)
		}
		key := platformKey(m.platform)
		if other, ok := taken[key]; ok {
			return nil, api.Errorf(api.ErrInvalidArgument, "push index %s: images %s and %s are both for %s: an index has one image for each platform", ref, other, name, key)
		}
		taken[key] = name
		list = append(list, m)
	}
	return list, nil
}

// platformKey is what a platform is chosen by: a variant that is the architecture's usual one is as none
// (github.com/containerd/platforms, Normalize).
func platformKey(p v1.Platform) string {
	if p.Architecture == "arm64" && p.Variant == "v8" || p.Architecture == "arm" && p.Variant == "v7" || p.Architecture == "amd64" && p.Variant == "v1" {
		p.Variant = ""
	}
	return strings.Trim(strings.Join([]string{p.OS, p.Architecture, p.Variant, p.OSVersion}, "/"), "/")
}

func (s *Service) uploadIndex(ctx context.Context, named reference.Named, sc *types.SystemContext, members []member, opts image.PushOptions, progress func(image.Progress)) (string, error) {
	what := "push index " + named.String()
	byDigest, err := docker.NewReferenceUnknownDigest(reference.TrimNamed(named))
	if err != nil {
		return "", images.InvalidName(named.String(), err)
	}
	var list []v1.Descriptor
	for _, m := range members {
		raw, err := s.send(ctx, what+": "+m.ref, m.id, byDigest, sc, opts, progress)
		if err != nil {
			return "", err
		}
		d, err := manifest.Digest(raw)
		if err != nil {
			return "", err
		}
		list = append(list, v1.Descriptor{MediaType: manifest.GuessMIMEType(raw), Digest: d, Size: int64(len(raw)), Platform: &m.platform})
	}
	raw, err := indexOf(list)
	if err != nil {
		return "", err
	}
	err = s.retry(ctx, what, func() error {
		wctx, cancel := context.WithTimeoutCause(ctx, stallOf(opts.Transport), errStalled)
		defer cancel()
		return attemptError(ctx, wctx, putManifest(wctx, named, sc, raw))
	})
	if err != nil {
		return "", Explain(ctx, what, err)
	}
	for _, m := range members {
		s.images.Tell(container.EventPush, m.id, named.String())
	}
	d, err := manifest.Digest(raw)
	return d.String(), err
}

// indexOf is Docker's manifest list for Docker's manifests alone, which its old clients and registries know, else an OCI index,
// which may have both.
func indexOf(list []v1.Descriptor) ([]byte, error) {
	var components []manifest.Schema2ManifestDescriptor
	for _, d := range list {
		if d.MediaType != manifest.DockerV2Schema2MediaType {
			return manifest.OCI1IndexFromComponents(list, nil).Serialize()
		}
		components = append(components, manifest.Schema2ManifestDescriptor{
			Schema2Descriptor: manifest.Schema2Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size},
			Platform: manifest.Schema2PlatformSpec{
				OS: d.Platform.OS, Architecture: d.Platform.Architecture, Variant: d.Platform.Variant,
				OSVersion: d.Platform.OSVersion, OSFeatures: d.Platform.OSFeatures,
			},
		})
	}
	return manifest.Schema2ListFromComponents(components).Serialize()
}

// putManifest gives a registry a manifest whose parts it has.
func putManifest(ctx context.Context, named reference.Named, sc *types.SystemContext, raw []byte) (err error) {
	ref, err := docker.NewReference(named)
	if err != nil {
		return images.InvalidName(named.String(), err)
	}
	dest, err := ref.NewImageDestination(ctx, sc)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dest.Close()) }()
	return dest.PutManifest(ctx, raw, nil)
}
