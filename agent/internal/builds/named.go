//go:build linux

package builds

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"mime/multipart"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.podman.io/buildah/define"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/internal/api"
)

// named is a context with a name.
type named struct {
	name  string
	image string // a reference; empty for files
	// alias is the name that imagebuildah knows it by: it computes what a step with a mount is made of from the stage
	// whose name that is, if there is one.
	alias string
}

// namedContexts lists the contexts of the request, sorted, and checks their names.
func (r *Request) namedContexts() ([]*named, error) {
	var out []*named
	for _, name := range slices.Concat(slices.Collect(maps.Keys(r.Dirs)), r.Tars) {
		if _, twice := r.Contexts.Images[name]; twice {
			return nil, api.Errorf(api.ErrInvalidArgument, "build: context %q is in Contexts.Files and in Contexts.Images: leave one out", name)
		}
		out = append(out, &named{name: name})
	}
	for name, ref := range r.Contexts.Images {
		if _, err := images.Normalize(ref); err != nil && !imageID().MatchString(ref) {
			return nil, api.Errorf(api.ErrInvalidReference, "build: Contexts.Images[%q]: %w", name, err)
		}
		out = append(out, &named{name: name, image: ref})
	}
	slices.SortFunc(out, func(a, b *named) int { return strings.Compare(a.name, b.name) })
	for i, c := range out {
		if why := badName(c.name); why != "" {
			return nil, api.Errorf(api.ErrInvalidArgument, "build: context %q: %s: name it as a stage or an image", c.name, why)
		}
		for _, other := range out[:i] {
			if sameImage(c.name, other.name) {
				return nil, api.Errorf(api.ErrInvalidArgument, "build: contexts %q and %q have the same name: leave one out", other.name, c.name)
			}
		}
		c.alias = c.name
	}
	return out, nil
}

var number = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]+$`) })

func badName(name string) string {
	if name == "scratch" || number().MatchString(name) {
		return "that means something else in a Dockerfile"
	}
	if _, err := images.Normalize(name); err != nil {
		return err.Error()
	}
	return ""
}

// sameImage is whether two names mean one image: a context golang is meant by FROM docker.io/library/golang:latest.
func sameImage(a, b string) bool {
	if a == b {
		return true
	}
	x, err1 := images.Normalize(a)
	y, err2 := images.Normalize(b)
	return err1 == nil && err2 == nil && x.String() == y.String()
}

// context is the named context that ref means in the stage with index limit, or nil. A stage that a context replaces is
// meant by its number, too.
func (d *dockerfile) context(ref string, limit int) *named {
	if len(d.contexts) == 0 {
		return nil
	}
	if i, err := strconv.Atoi(ref); err == nil && i >= 0 && i < limit {
		ref = d.stages[i].name
	}
	ref = strings.ToLower(ref)
	i := slices.IndexFunc(d.contexts, func(c *named) bool { return sameImage(c.name, ref) })
	if i < 0 || ref == "" {
		return nil
	}
	return d.contexts[i]
}

// replaced is the context that replaces the stage to build, or nil.
func (d *dockerfile) replaced(target string) *named {
	if target == "" {
		target = strconv.Itoa(len(d.stages) - 1)
	}
	if d.find(target, len(d.stages)) < 0 {
		return nil
	}
	return d.context(target, len(d.stages))
}

// setAliases gives contexts with the names of stages other ones.
func (d *dockerfile) setAliases() {
	for _, c := range d.contexts {
		if slices.ContainsFunc(d.stages, func(s *stage) bool { return s.name == c.name }) {
			sum := sha256.Sum256([]byte("context " + c.name))
			c.alias = hex.EncodeToString(sum[:])
		}
	}
}

// rootOwns is what COPY from a context's files gets, unless it has an owner: they are the user's, who is nobody in an image.
const rootOwns = " --chown=0:0"

// findContexts sets the directories that steps see.
func (b *build) findContexts(ctx context.Context, body io.Reader) error {
	if _, err := b.req.namedContexts(); err != nil { // before anything is unpacked
		return err
	}
	next := func() (io.Reader, error) { return body, nil }
	if len(b.req.Tars) > 0 {
		mr := multipart.NewReader(body, b.req.Boundary)
		next = func() (io.Reader, error) {
			p, err := mr.NextRawPart()
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return p, err
		}
	}
	if err := b.findContext(ctx, next); err != nil {
		return err
	}
	b.contexts = maps.Clone(b.req.Dirs)
	for name, dir := range b.req.Dirs {
		st, err := os.Stat(dir)
		if err == nil && !st.IsDir() {
			err = errors.New("not a directory")
		}
		if err != nil {
			return missingDir(name+": "+dir, err)
		}
	}
	for i, name := range b.req.Tars {
		body, err := next()
		if err != nil {
			return err
		}
		dir := filepath.Join(b.dir, "context"+strconv.Itoa(i))
		if err := unpackContext(ctx, "context "+name, dir, body); err != nil {
			return err
		}
		if b.contexts == nil {
			b.contexts = map[string]string{}
		}
		b.contexts[name] = dir
	}
	return nil
}

// named is the contexts by all names that steps have for them: those in which arguments are replaced only as the build
// runs stay as they are in the Dockerfile.
func (b *build) named() map[string]*define.AdditionalBuildContext {
	out := map[string]*define.AdditionalBuildContext{}
	for _, c := range b.tree.contexts {
		to := &define.AdditionalBuildContext{Value: b.contexts[c.name]}
		if c.image != "" {
			i := slices.IndexFunc(b.tree.bases, func(base *base) bool { return base.context == c && base.id != "" })
			if i < 0 {
				continue // nothing needs it
			}
			to = &define.AdditionalBuildContext{IsImage: true, Value: b.tree.bases[i].id}
		}
		out[c.name], out[c.alias] = to, to
	}
	return out
}
