package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"sync"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociref"
	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/server/internal/storage"
)

// Upstream makes a server a pull-through cache of another registry. The server fetches what it does not have from that
// registry, once, and keeps it.
//
// At each pull by tag, the server asks the upstream for the tag's digest. If the upstream can't be reached or limits the
// rate, the server answers with what it has for the tag. Every client that Auth lets in may pull everything that the
// credential of Client may pull.
type Upstream struct {
	// Registry is the HOST[:PORT] of the other registry, as in a reference, such as "docker.io". A repository has the same
	// name in both; Docker Hub's own images are "library/NAME". Default: none, and the server is not a cache.
	Registry string

	// Client says how to reach the other registry: credentials, TLS and retries.
	Client registry.ClientOptions
}

// pullThrough fetches what the store lacks.
type pullThrough struct {
	host   string
	client *registry.Client
	store  storage.Store
	logger *slog.Logger

	mu      sync.Mutex
	fetches map[string]*fetch
}

func newPullThrough(u Upstream, store storage.Store, logger *slog.Logger) (*pullThrough, error) {
	if u.Registry == "" {
		return nil, nil // no upstream is no cache
	}
	if u.Registry != "localhost" && !ociref.IsValidHost(u.Registry) {
		return nil, fmt.Errorf("upstream %q: %w: must be HOST[:PORT]", u.Registry, ErrInvalidReference)
	}
	return &pullThrough{
		host: u.Registry, client: registry.NewClient(u.Client), store: store, logger: logger, fetches: map[string]*fetch{},
	}, nil
}

// fill has the store have what the route asks for, if the upstream does. A large blob on its way is returned instead, to
// be passed on as it comes.
func (p *pullThrough) fill(ctx context.Context, rt route) (*fetch, error) {
	switch {
	case rt.kind == routeBlob:
		if _, err := p.store.ResolveBlob(ctx, rt.repo, rt.digest); err == nil {
			return nil, nil // nothing is on its way
		}
		f := p.once(ctx, "blob "+rt.repo+" "+string(rt.digest), func(ctx context.Context, f *fetch) error {
			return p.blob(ctx, rt.repo, rt.digest, f)
		})
		return f.waitForStart(ctx)
	case rt.kind == routeManifest && rt.tag == "":
		if _, err := p.store.ResolveManifest(ctx, rt.repo, rt.digest); err == nil {
			return nil, nil // nothing is on its way
		}
		fallthrough
	case rt.kind == routeManifest:
		f := p.once(ctx, "manifest "+rt.repo+" "+rt.reference(), func(ctx context.Context, _ *fetch) error {
			return p.manifest(ctx, rt)
		})
		return nil, f.wait(ctx)
	}
	return nil, nil // nothing is on its way
}

// once fetches for all who ask for the same at the same time, and does not stop when the first of them gives up.
func (p *pullThrough) once(ctx context.Context, key string, do func(context.Context, *fetch) error) *fetch {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.fetches[key]
	if f == nil {
		f = newFetch()
		p.fetches[key] = f
		go func() {
			err := do(context.WithoutCancel(ctx), f)
			p.mu.Lock()
			delete(p.fetches, key)
			p.mu.Unlock()
			f.end(err)
		}()
	}
	return f
}

func (p *pullThrough) blob(ctx context.Context, repo string, d ociregistry.Digest, f *fetch) error {
	b, err := p.client.Blob(ctx, p.name(repo, "", d))
	if err != nil {
		return upstreamError(err)
	}
	defer func() { _ = b.Close() }()
	w, err := p.store.PushBlobChunked(ctx, repo, 0)
	if err != nil {
		return err
	}
	defer func() { _ = w.Cancel() }()
	f.start(b.Size, func() (storage.ReadAtCloser, error) { return p.store.OpenUpload(ctx, repo, w.ID()) })
	if _, err := io.CopyBuffer(progress{w, f}, b, make([]byte, 256<<10)); err != nil {
		return upstreamError(err)
	}
	_, err = w.Commit(d)
	return err
}

// name is a repository, a tag or a digest as the client takes it.
func (p *pullThrough) name(repo, tag string, d ociregistry.Digest) string {
	name := p.host + "/" + repo
	if tag != "" {
		name += ":" + tag
	}
	if d != "" {
		name += "@" + string(d)
	}
	return name
}

// manifest fetches a manifest, or, for a tag whose manifest is there, its digest.
func (p *pullThrough) manifest(ctx context.Context, rt route) error {
	name := p.name(rt.repo, rt.tag, rt.digest)
	put := storage.ManifestPut{Digest: rt.digest}
	if rt.tag != "" {
		desc, err := p.client.Resolve(ctx, name)
		if err != nil {
			return p.stale(ctx, rt, err)
		}
		here, err := p.store.ResolveTag(ctx, rt.repo, rt.tag)
		if err == nil && string(here.Digest) == desc.Digest {
			return nil
		}
		put.Tags, put.Digest = []string{rt.tag}, ociregistry.Digest(desc.Digest)
	}
	m, err := p.client.Manifest(ctx, p.name(rt.repo, "", put.Digest), registry.ManifestOptions{})
	if err != nil {
		return p.stale(ctx, rt, err)
	}
	put.Data, put.MediaType = m.Raw, m.MediaType
	_, err = p.store.PutManifest(ctx, rt.repo, put)
	return err
}

// stale lets the tag be served as it was when the upstream fails, unless the upstream says that there is no such tag.
func (p *pullThrough) stale(ctx context.Context, rt route, err error) error {
	failed := upstreamError(err)
	if rt.tag == "" || errors.Is(failed, ociregistry.ErrManifestUnknown) {
		return failed
	}
	if _, miss := p.store.ResolveTag(ctx, rt.repo, rt.tag); miss != nil {
		return failed
	}
	if p.logger != nil {
		p.logger.WarnContext(ctx, "upstream failed, serving the tag as it was", "tag", p.name(rt.repo, rt.tag, ""), "error", err)
	}
	return nil
}

// tags lists the upstream's tags, or, when it fails, those that the store has.
func (p *pullThrough) tags(ctx context.Context, repo, last string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		first := true
		for tag, err := range p.client.Tags(ctx, p.host+"/"+repo, registry.ListOptions{After: last}) {
			if err != nil && first {
				p.store.Tags(ctx, repo, last)(yield)
				return
			}
			if !yield(tag, err) || err != nil {
				return
			}
			first = false
		}
	}
}

// referrers lists the upstream's referrers, or, when it fails, those that the store has.
func (p *pullThrough) referrers(ctx context.Context, rt route, artifactType string) iter.Seq2[ociregistry.Descriptor, error] {
	name := p.name(rt.repo, "", rt.digest)
	var all []ociregistry.Descriptor
	for desc, err := range p.client.Referrers(ctx, name, registry.ReferrersOptions{ArtifactType: artifactType}) {
		if err != nil {
			return p.store.Referrers(ctx, rt.repo, rt.digest, artifactType)
		}
		all = append(all, ociregistry.Descriptor{
			MediaType: desc.MediaType, Digest: ociregistry.Digest(desc.Digest), Size: desc.Size,
			ArtifactType: desc.ArtifactType, Annotations: desc.Annotations,
		})
	}
	return ociregistry.SliceSeq(all)
}

// upstreamError is what a client of the cache gets: what is not there is not there, a limit is a limit, and all else is
// a bad gateway.
func upstreamError(err error) error {
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return fmt.Errorf("%w: the upstream has no such content", ociregistry.ErrManifestUnknown)
	case errors.Is(err, registry.ErrRateLimited):
		return fmt.Errorf("%w: by the upstream", ociregistry.ErrTooManyRequests)
	}
	wire := ociregistry.NewError("the upstream can't be reached, or refuses", "UNAVAILABLE", nil)
	return ociregistry.NewHTTPError(fmt.Errorf("%w: %w", wire, err), http.StatusBadGateway, nil, nil)
}
