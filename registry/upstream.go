package registry

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
	"github.com/caisson-dev/caisson/internal/registrystore"
)

// Upstream makes a server a pull-through cache: what it does not have it fetches, once, and keeps.
//
// A tag is checked with the upstream at each pull, and served as it was when the upstream can't be reached or limits the
// rate. What the cache's own credential may pull, every client of the cache may pull that Auth lets in.
type Upstream struct {
	// Registry is HOST[:PORT], as in a reference: "docker.io". Repository NAME of the cache is NAME of the upstream, and
	// Docker Hub's own images are "library/NAME".
	Registry string

	// Client says how to reach it: credentials, TLS, retries.
	Client ClientOptions
}

// pullThrough fetches what the store lacks.
type pullThrough struct {
	host   string
	client *Client
	store  registrystore.Store
	logger *slog.Logger

	mu      sync.Mutex
	fetches map[string]*fetch
}

func newPullThrough(u Upstream, store registrystore.Store, logger *slog.Logger) (*pullThrough, error) {
	if u.Registry == "" {
		return nil, nil //nolint:nilnil // no upstream is no cache
	}
	host, err := hostOf(u.Registry)
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	return &pullThrough{
		host: host, client: NewClient(u.Client), store: store, logger: logger, fetches: map[string]*fetch{},
	}, nil
}

// fill has the store have what the route asks for, if the upstream does. A large blob on its way is returned instead, to
// be passed on as it comes.
func (p *pullThrough) fill(ctx context.Context, rt route) (*fetch, error) {
	switch {
	case rt.kind == routeBlob:
		if _, err := p.store.ResolveBlob(ctx, rt.repo, rt.digest); err == nil {
			return nil, nil //nolint:nilnil // nothing is on its way
		}
		f := p.once(ctx, "blob "+rt.repo+" "+string(rt.digest), func(ctx context.Context, f *fetch) error {
			return p.blob(ctx, rt.repo, rt.digest, f)
		})
		return f.waitForStart(ctx)
	case rt.kind == routeManifest && rt.tag == "":
		if _, err := p.store.ResolveManifest(ctx, rt.repo, rt.digest); err == nil {
			return nil, nil //nolint:nilnil // nothing is on its way
		}
		fallthrough
	case rt.kind == routeManifest:
		f := p.once(ctx, "manifest "+rt.repo+" "+rt.reference(), func(ctx context.Context, _ *fetch) error {
			return p.manifest(ctx, reference{host: p.host, repo: rt.repo, tag: rt.tag, digest: rt.digest})
		})
		return nil, f.wait(ctx)
	}
	return nil, nil //nolint:nilnil // nothing is on its way
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
	conn, err := p.client.conn(ctx, p.host, repo)
	if err != nil {
		return upstreamError(err)
	}
	b, err := conn.blob(ctx, repo, d, p.client.o.Retry)
	if err != nil {
		return upstreamError(err)
	}
	defer func() { _ = b.Close() }()
	w, err := p.store.PushBlobChunked(ctx, repo, 0)
	if err != nil {
		return err
	}
	defer func() { _ = w.Cancel() }()
	f.start(b.size, func() (registrystore.ReadAtCloser, error) { return p.store.OpenUpload(ctx, repo, w.ID()) })
	if _, err := io.CopyBuffer(progress{w, f}, b, make([]byte, 256<<10)); err != nil {
		return upstreamError(err)
	}
	_, err = w.Commit(d)
	return err
}

// manifest fetches a manifest, or, for a tag whose manifest is there, its digest.
func (p *pullThrough) manifest(ctx context.Context, r reference) error {
	conn, err := p.client.conn(ctx, p.host, r.repo)
	if err != nil {
		return upstreamError(err)
	}
	put := registrystore.ManifestPut{Digest: r.digest}
	if r.tag != "" {
		desc, err := conn.resolve(ctx, r)
		if err != nil {
			return p.stale(ctx, r, err)
		}
		here, err := p.store.ResolveTag(ctx, r.repo, r.tag)
		if err == nil && here.Digest == desc.Digest {
			return nil
		}
		r.digest, put.Tags, put.Digest = desc.Digest, []string{r.tag}, desc.Digest
	}
	m, err := conn.manifest(ctx, r)
	if err != nil {
		return p.stale(ctx, r, err)
	}
	put.Data, put.MediaType = m.Raw, m.MediaType
	_, err = p.store.PutManifest(ctx, r.repo, put)
	return err
}

// stale lets the tag be served as it was when the upstream fails, unless it says that there is no such tag.
func (p *pullThrough) stale(ctx context.Context, r reference, err error) error {
	failed := upstreamError(err)
	if r.tag == "" || errors.Is(failed, ociregistry.ErrManifestUnknown) {
		return failed
	}
	if _, miss := p.store.ResolveTag(ctx, r.repo, r.tag); miss != nil {
		return failed
	}
	if p.logger != nil {
		p.logger.WarnContext(ctx, "upstream failed, serving the tag as it was", "tag", r.String(), "error", err)
	}
	return nil
}

// tags lists the upstream's tags, or, when it fails, those that the store has.
func (p *pullThrough) tags(ctx context.Context, repo, last string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		first := true
		for tag, err := range p.client.Tags(ctx, p.host+"/"+repo, ListOptions{After: last}) {
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
	conn, err := p.client.conn(ctx, p.host, rt.repo)
	if err != nil {
		return p.store.Referrers(ctx, rt.repo, rt.digest, artifactType)
	}
	var all []ociregistry.Descriptor
	for desc, err := range conn.Referrers(ctx, rt.repo, rt.digest, artifactType) {
		if err != nil {
			return p.store.Referrers(ctx, rt.repo, rt.digest, artifactType)
		}
		all = append(all, desc)
	}
	return ociregistry.SliceSeq(all)
}

// upstreamError is what a client of the cache gets: what is not there is not there, a limit is a limit, and all else is
// a bad gateway.
func upstreamError(err error) error {
	sentinel, _ := classify(err)
	switch sentinel {
	case ErrNotFound:
		return fmt.Errorf("%w: the upstream has no such content", ociregistry.ErrManifestUnknown)
	case ErrRateLimited:
		return fmt.Errorf("%w: by the upstream", ociregistry.ErrTooManyRequests)
	}
	wire := ociregistry.NewError("the upstream can't be reached, or refuses", "UNAVAILABLE", nil)
	return ociregistry.NewHTTPError(errors.Join(wire, err), http.StatusBadGateway, nil, nil)
}
