package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociauth"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/manifest"
	"github.com/opencontainers/go-digest"
)

// CopyOptions are the options of Copy.
type CopyOptions struct {
	// Platform copies the one manifest for OS/ARCHITECTURE[/VARIANT] out of an index, such as linux/arm64. A source that is
	// not an index is copied as it is, whatever its platform. Default: the whole index is copied.
	Platform string

	// Referrers also copies what refers to the manifests: signatures, SBOMs.
	Referrers bool

	// Parallel is how many blobs are copied at the same time. Default: 4.
	Parallel int

	// Progress is called once for each blob and each manifest, when it is done. It tells no bytes in between. Several
	// goroutines call it, one at a time. Default: none.
	Progress func(CopyProgress)
}

// What CopyProgress.How says.
const (
	HowCopied  = "copied"  // it was sent
	HowMounted = "mounted" // the destination took it from another repository of the same registry
	HowPresent = "present" // the destination had it
)

// CopyProgress says what became of a blob or a manifest.
type CopyProgress struct {
	Descriptor
	// How is HowCopied, HowMounted or HowPresent.
	How string
}

// Copy copies an image, an artifact or an index between registries, with no store in between: bytes stream through. Blobs
// that are there already are not sent, and between repositories of one registry they are mounted. The content keeps its
// digest. A source or destination without a tag and a digest has the tag latest.
//
// The destination's tag is set last. After an error, what was copied by then stays.
//
// Errors: ErrInvalidReference; ErrInvalidArgument for a platform that is not OS/ARCHITECTURE[/VARIANT]; ErrNotFound;
// ErrNoPlatform; ErrDigestMismatch; ErrInvalidManifest; ErrUnauthorized; ErrDenied, also when a blob or a manifest is too
// large for the destination (413); ErrUnsupported, which matches ErrDenied too, when the destination takes no pushes;
// ErrRateLimited and ErrUnreachable.
func (c *Client) Copy(ctx context.Context, source, destination string, o CopyOptions) (Descriptor, error) {
	if err := checkPlatform(o.Platform); err != nil {
		return Descriptor{}, fmt.Errorf("copy %s: %w", source, err)
	}
	src, from, err := c.reference(ctx, source)
	if err != nil {
		return Descriptor{}, fmt.Errorf("copy from: %w", err)
	}
	dst, to, err := c.reference(ctx, destination)
	if err != nil {
		return Descriptor{}, fmt.Errorf("copy to: %w", err)
	}
	if o.Parallel <= 0 {
		o.Parallel = 4
	}
	job := &copyJob{
		o: o, src: src, dst: dst, from: from, to: to, retry: c.o.Retry.withDefaults(),
		slots: make(chan struct{}, o.Parallel), done: map[digest.Digest]bool{},
	}
	m, err := job.run(ctx)
	if err != nil {
		return Descriptor{}, clientError("copy", src.String()+" to "+dst.String(), err)
	}
	return m.Descriptor, nil
}

type copyJob struct {
	o        CopyOptions
	src, dst reference
	from, to *conn
	retry    RetryOptions
	slots    chan struct{}

	mu   sync.Mutex
	done map[digest.Digest]bool
}

func (j *copyJob) run(ctx context.Context) (Manifest, error) {
	root, err := j.from.manifest(ctx, j.src)
	if err != nil {
		return root, err
	}
	if j.o.Platform != "" && root.IsIndex() {
		r := j.src
		if r.digest, err = choosePlatform(root.Manifests, j.o.Platform); err != nil {
			return root, err
		}
		if root, err = j.from.manifest(ctx, r); err != nil {
			return root, err
		}
	}
	if j.dst.digest != "" && string(j.dst.digest) != root.Digest {
		return root, fmt.Errorf("%w: the source has %s", ErrDigestMismatch, root.Digest)
	}
	if err := j.content(ctx, root); err != nil {
		return root, err
	}
	return root, j.put(ctx, root, j.dst.tag)
}

// first says whether this is the first time that the job meets a digest.
func (j *copyJob) first(d string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	met := j.done[digest.Digest(d)]
	j.done[digest.Digest(d)] = true
	return !met
}

func (j *copyJob) report(d Descriptor, how string) {
	if j.o.Progress == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.o.Progress(CopyProgress{Descriptor: d, How: how})
}

// content copies all that a manifest names, and, by option, what names it.
func (j *copyJob) content(ctx context.Context, m Manifest) error {
	if !j.first(m.Digest) {
		return nil
	}
	for _, child := range m.Manifests {
		if err := j.child(ctx, child.Digest); err != nil {
			return err
		}
	}
	if err := j.blobs(ctx, m); err != nil {
		return err
	}
	if !j.o.Referrers {
		return nil
	}
	for desc, err := range j.from.Referrers(ctx, j.src.repo, digest.Digest(m.Digest), "") {
		if err != nil {
			return err
		}
		if err := j.child(ctx, string(desc.Digest)); err != nil {
			return err
		}
	}
	return nil
}

func (j *copyJob) child(ctx context.Context, d string) error {
	r := j.src
	r.tag, r.digest = "", digest.Digest(d)
	m, err := j.from.manifest(ctx, r)
	if err != nil {
		return err
	}
	if err := j.content(ctx, m); err != nil {
		return err
	}
	return j.put(ctx, m, "")
}

func (j *copyJob) put(ctx context.Context, m Manifest, tag string) error {
	name := tag
	if name == "" {
		name = m.Digest
	}
	if err := j.to.putManifest(ctx, j.dst.repo, name, m); err != nil {
		return fmt.Errorf("push manifest %s: %w", m.Digest, err)
	}
	j.report(m.Descriptor, HowCopied)
	return nil
}

// putManifest puts a manifest under a tag or its digest, which ociclient takes to be sha256.
func (c *conn) putManifest(ctx context.Context, repo, name string, m Manifest) error {
	scope := ociauth.NewScope(
		ociauth.ResourceScope{ResourceType: ociauth.TypeRepository, Resource: repo, Action: ociauth.ActionPull},
		ociauth.ResourceScope{ResourceType: ociauth.TypeRepository, Resource: repo, Action: ociauth.ActionPush},
	)
	ctx = ociauth.ContextWithRequestInfo(ctx, ociauth.RequestInfo{RequiredScope: scope})
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.base+"/v2/"+repo+"/manifests/"+name, bytes.NewReader(m.Raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", m.MediaType)
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusCreated {
		return responseError(resp)
	}
	return nil
}

// blobs copies the config and the layers, several at a time.
func (j *copyJob) blobs(ctx context.Context, m Manifest) error {
	parsed, err := manifest.Parse(m.MediaType, m.Raw)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidManifest, err)
	}
	caller := ctx
	ctx, cancel := context.WithCancelCause(caller)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, d := range parsed.Blobs() {
		if manifest.Foreign(d) || !j.first(string(d.Digest)) {
			continue
		}
		j.slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-j.slots }()
			if ctx.Err() != nil {
				return
			}
			if err := j.blob(ctx, d); err != nil {
				cancel(fmt.Errorf("copy blob %s: %w", d.Digest, err))
			}
		})
	}
	wg.Wait()
	if caller.Err() != nil {
		return api.Ended(caller)
	}
	return context.Cause(ctx)
}

func (j *copyJob) blob(ctx context.Context, d ociregistry.Descriptor) error {
	if _, err := j.to.ResolveBlob(ctx, j.dst.repo, d.Digest); err == nil {
		j.report(newDescriptor(d), HowPresent)
		return nil
	}
	if j.src.host == j.dst.host && j.src.repo != j.dst.repo && j.mount(ctx, d) {
		j.report(newDescriptor(d), HowMounted)
		return nil
	}
	for attempt := 1; ; attempt++ {
		err := j.stream(ctx, d)
		if err == nil {
			j.report(newDescriptor(d), HowCopied)
			return nil
		}
		if attempt >= j.retry.Attempts || !retryUpload(err) {
			return err
		}
		wait, _ := j.retry.wait(attempt, nil)
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// mount asks for the blob of another repository; whatever is against it, the blob can be sent.
func (j *copyJob) mount(ctx context.Context, d ociregistry.Descriptor) bool {
	pull := ociauth.ResourceScope{ResourceType: ociauth.TypeRepository, Resource: j.src.repo, Action: ociauth.ActionPull}
	ctx = ociauth.ContextWithScope(ctx, ociauth.NewScope(pull))
	_, err := j.to.MountBlob(ctx, j.src.repo, j.dst.repo, d.Digest)
	return err == nil
}

func (j *copyJob) stream(ctx context.Context, d ociregistry.Descriptor) error {
	b, err := j.from.blob(ctx, j.src.repo, d.Digest, j.retry)
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	if b.size >= 0 && b.size != d.Size {
		return fmt.Errorf("%w: the registry has %d bytes, the manifest says %d", ErrDigestMismatch, b.size, d.Size)
	}
	_, err = j.to.PushBlob(ctx, j.dst.repo, d, b)
	return err
}

// retryUpload says whether an upload, whose body could not be sent twice, may do better as a new one.
func retryUpload(err error) bool {
	var herr ociregistry.HTTPError
	if errors.As(err, &herr) {
		return herr.StatusCode() == 429 || herr.StatusCode() >= 500
	}
	return transient(err)
}
