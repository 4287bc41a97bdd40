package images

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/caisson-dev/caisson/dockerapi/internal/backend"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	"github.com/caisson-dev/caisson/dockerapi/shape"
	"github.com/caisson-dev/caisson/image"
	client "github.com/caisson-dev/caisson/registry"
)

// create pulls an image, or imports one.
func (s *Service) create(w http.ResponseWriter, r *wire.Request) error {
	if name := r.Query("fromImage"); name != "" {
		return s.pull(w, r, strings.TrimSuffix(name, ":"))
	}
	return s.importTar(w, r)
}

// named is a reference of a name and a tag or a digest.
func named(name, tag string) (reference.Named, error) {
	if tag != "" && strings.Contains(tag, ":") {
		name += "@" + tag
	} else if tag != "" {
		if ref, err := reference.ParseNormalizedNamed(name); err == nil {
			name = reference.TrimNamed(ref).String()
		}
		name += ":" + tag
	}
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return nil, wire.BadRequest("%w", err)
	}
	return ref, nil
}

func (s *Service) pull(w http.ResponseWriter, r *wire.Request, name string) error {
	ref, err := named(name, r.Query("tag"))
	if err != nil {
		return err
	}
	if reference.IsNameOnly(ref) {
		if r.Has("tag") && r.Query("tag") == "" && r.Bool("all") {
			return wire.NotImplemented("a pull of all tags is not supported by this engine: pull them one by one")
		}
		ref = reference.TagNameOnly(ref)
	}
	tag := "latest"
	switch t := ref.(type) {
	case reference.Digested:
		tag = t.Digest().String()
	case reference.Tagged:
		tag = t.Tag()
	}
	before := ""
	if img, err := s.Store.Get(r.Context(), ref.String()); err == nil {
		before = img.ID
	}
	p := wire.NewProgress(w)
	begin := sync.OnceFunc(func() { p.Status(tag, "Pulling from %s", reference.FamiliarName(reference.TrimNamed(ref))) })
	bars := &bars{p: p, names: pullNames}
	img, err := s.Store.Pull(r.Context(), ref.String(), image.PullOptions{
		Policy: image.PullAlways, Platform: r.Query("platform"), Credential: backend.Auth(r),
		Progress: func(e image.Progress) {
			begin()
			bars.show(e)
		},
	})
	if err != nil {
		return p.End(pullError(ref, err))
	}
	begin()
	for _, d := range img.Digests {
		if at := strings.LastIndex(d, "@"); at >= 0 && strings.HasPrefix(d, ref.Name()+"@") {
			p.Status("", "Digest: %s", d[at+1:])
			break
		}
	}
	if img.ID == before {
		p.Status("", "Status: Image is up to date for %s", reference.FamiliarString(ref))
	} else {
		p.Status("", "Status: Downloaded newer image for %s", reference.FamiliarString(ref))
	}
	return p.End(nil)
}

// pullError has the texts of Docker's that clients match.
func pullError(ref reference.Named, err error) error {
	name := reference.FamiliarString(ref)
	switch {
	case errors.Is(err, image.ErrNoPlatform):
		return wire.NotFound("no matching manifest in the manifest list entries: %w", err)
	case errors.Is(err, image.ErrNotFound):
		return wire.NotFound("manifest for %s not found: manifest unknown: %w", name, err)
	case errors.Is(err, image.ErrUnauthorized), errors.Is(err, image.ErrDenied):
		return wire.NotFound("pull access denied for %s, repository does not exist or may require 'docker login': denied: %w", reference.FamiliarName(ref), err)
	case errors.Is(err, image.ErrRateLimited):
		return wire.Errorf(http.StatusInternalServerError, "toomanyrequests: %w", err)
	case errors.Is(err, image.ErrUnreachable):
		return wire.Errorf(http.StatusInternalServerError, "%w", err)
	}
	return err
}

// phaseNames are Docker's words for what happens to a blob.
type phaseNames map[image.Phase]struct{ during, after string }

var (
	pullNames = phaseNames{
		image.PhaseDownload: {"Downloading", "Download complete"}, image.PhaseExtract: {"Extracting", "Pull complete"},
		image.PhaseExists: {"", "Already exists"},
	}
	pushNames = phaseNames{image.PhaseUpload: {"Pushing", "Pushed"}, image.PhaseExists: {"", "Layer already exists"}}
)

// bars tells how far blobs are: not more often than people see.
type bars struct {
	p     *wire.Progress
	names phaseNames
	seen  map[string]time.Time
}

const often = 100 * time.Millisecond

func (b *bars) show(e image.Progress) {
	words, ok := b.names[e.Phase]
	if !ok {
		return
	}
	id := shape.ShortID(e.Digest)
	if b.seen == nil {
		b.seen = map[string]time.Time{}
	}
	last, known := b.seen[id]
	if !known && b.names[image.PhaseExtract].after != "" && e.Phase != image.PhaseExists {
		b.p.Status(id, "Pulling fs layer")
	}
	switch {
	case e.Done:
		b.p.Send(wire.Message{ID: id, Status: words.after, Detail: &wire.Detail{}})
	case !known || time.Since(last) >= often:
		b.p.Send(wire.Message{ID: id, Status: words.during, Detail: &wire.Detail{Current: e.Current, Total: e.Total}})
	default:
		return
	}
	b.seen[id] = time.Now()
}

func (s *Service) importTar(w http.ResponseWriter, r *wire.Request) error {
	src := r.Query("fromSrc")
	if src != "-" {
		return wire.NotImplemented("import from %q is not supported by this engine: download it and send it as the request's body", src)
	}
	o := image.ImportOptions{Changes: r.All("changes"), Message: r.Query("message"), Platform: r.Query("platform")}
	if o.Message == "" {
		o.Message = "Imported from " + src
	}
	if repo := r.Query("repo"); repo != "" {
		ref, err := named(repo, r.Query("tag"))
		if err != nil {
			return err
		}
		o.Tags = []string{reference.TagNameOnly(ref).String()}
	}
	img, err := s.Store.Import(r.Context(), r.Body, o)
	if err != nil {
		return err
	}
	p := wire.NewProgress(w)
	p.Status("", "%s", img.ID)
	return p.End(nil)
}

func (s *Service) push(w http.ResponseWriter, r *wire.Request) error {
	ref, err := named(r.Name, r.Query("tag"))
	if err != nil {
		return err
	}
	refs := []reference.Named{reference.TagNameOnly(ref)}
	if reference.IsNameOnly(ref) && r.Query("tag") == "" { // all tags
		if refs, err = s.tagsOf(r, ref); err != nil {
			return err
		}
	}
	for _, ref := range refs {
		if _, err := s.Store.Get(r.Context(), ref.String()); errors.Is(err, image.ErrNotFound) {
			return wire.NotFound("An image does not exist locally with the tag: %s", reference.FamiliarName(ref))
		}
	}
	p := wire.NewProgress(w)
	p.Status("", "The push refers to repository [%s]", ref.Name())
	for _, ref := range refs {
		bars := &bars{p: p, names: pushNames}
		dgst, err := s.Store.Push(r.Context(), ref.String(), image.PushOptions{Credential: backend.Auth(r), Progress: bars.show})
		if err != nil {
			return p.End(err)
		}
		tag := ref.(reference.Tagged).Tag()
		size := s.manifestSize(r, ref, dgst)
		p.Status("", "%s: digest: %s size: %d", tag, dgst, size)
		p.Send(wire.Message{Aux: map[string]any{"Tag": tag, "Digest": dgst, "Size": size}, Detail: &wire.Detail{}})
	}
	return p.End(nil)
}

// manifestSize is the size that docker push prints; 0 if the registry does not say.
func (s *Service) manifestSize(r *wire.Request, ref reference.Named, dgst string) int64 {
	c := client.NewClient(client.ClientOptions{Credential: backend.Auth(r), Logger: s.Logger})
	defer c.Close()
	d, err := c.Resolve(r.Context(), ref.Name()+"@"+dgst)
	if err != nil {
		return 0
	}
	return d.Size
}

// tagsOf are the names that the store has of a repository.
func (s *Service) tagsOf(r *wire.Request, repo reference.Named) ([]reference.Named, error) {
	list, err := s.Store.List(r.Context(), image.ListOptions{References: []string{reference.FamiliarName(repo)}})
	if err != nil {
		return nil, err
	}
	var out []reference.Named
	for _, img := range list {
		for _, n := range img.Names {
			ref, err := reference.ParseNormalizedNamed(n)
			if err != nil || ref.Name() != repo.Name() {
				continue
			}
			if _, tagged := ref.(reference.NamedTagged); tagged {
				out = append(out, ref)
			}
		}
	}
	if len(out) == 0 {
		return nil, wire.NotFound("An image does not exist locally with the tag: %s", reference.FamiliarName(repo))
	}
	return out, nil
}

func (s *Service) load(w http.ResponseWriter, r *wire.Request) error {
	list, err := s.Store.Load(r.Context(), r.Body, image.LoadOptions{})
	if err != nil {
		return err
	}
	p := wire.NewProgress(w)
	for _, img := range list {
		if len(img.Names) == 0 {
			p.Send(wire.Message{Stream: "Loaded image ID: " + img.ID + "\n"})
		}
		for _, n := range img.Names {
			p.Send(wire.Message{Stream: "Loaded image: " + shape.Familiar(n) + "\n"})
		}
	}
	return p.End(nil)
}

func (s *Service) save(w http.ResponseWriter, r *wire.Request) error {
	names := r.All("names")
	if r.Name != "" {
		names = []string{r.Name}
	}
	var refs []string
	for _, n := range names {
		for _, one := range strings.Split(n, ",") {
			if _, err := s.Image(r.Context(), one); err != nil {
				return err
			}
			refs = append(refs, one)
		}
	}
	if len(refs) == 0 {
		return wire.BadRequest("no image is named")
	}
	w.Header().Set("Content-Type", "application/x-tar")
	w.WriteHeader(http.StatusOK)
	if err := s.Store.Save(r.Context(), w, refs, image.SaveOptions{}); err != nil {
		panic(http.ErrAbortHandler) // the client sees that it is not whole
	}
	return nil
}

func (s *Service) distribution(w http.ResponseWriter, r *wire.Request) error {
	ref, err := named(r.Name, "")
	if err != nil {
		return err
	}
	ref = reference.TagNameOnly(ref)
	c := client.NewClient(client.ClientOptions{Credential: backend.Auth(r), Logger: s.Logger})
	defer c.Close()
	m, err := c.Manifest(r.Context(), ref.String(), client.ManifestOptions{})
	switch {
	case errors.Is(err, client.ErrNotFound):
		return wire.NotFound("manifest unknown: %w", err)
	case err != nil:
		return err
	}
	out := registry.DistributionInspect{
		Descriptor: ocispec.Descriptor{MediaType: m.MediaType, Digest: digest.Digest(m.Digest), Size: m.Size}, Platforms: []ocispec.Platform{},
	}
	for _, d := range m.Manifests {
		out.Platforms = append(out.Platforms, platformOf(d.Platform))
	}
	return wire.OK(w, out)
}

// platformOf reads OS/ARCHITECTURE[/VARIANT].
func platformOf(text string) (p ocispec.Platform) {
	parts := append(strings.SplitN(text, "/", 3), "", "")
	p.OS, p.Architecture, p.Variant = parts[0], parts[1], parts[2]
	return p
}
