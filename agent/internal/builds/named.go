//go:build linux

package builds

import (
	"context"
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

	"github.com/caisson-dev/caisson/agent/internal/builds/dockerfile"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/internal/api"
)

// namedContexts lists the contexts of the request, sorted, and checks their names.
func (r *Request) namedContexts() ([]dockerfile.Context, error) {
	var out []dockerfile.Context
	for _, name := range slices.Concat(slices.Collect(maps.Keys(r.Dirs)), r.Tars) {
		if _, twice := r.Contexts.Images[name]; twice {
			return nil, api.Errorf(api.ErrInvalidArgument, "build: context %q is in Contexts.Files and in Contexts.Images: leave one out", name)
		}
		out = append(out, dockerfile.Context{Name: name})
	}
	for name, ref := range r.Contexts.Images {
		if err := checkName(ref); err != nil {
			return nil, api.Errorf(api.ErrInvalidReference, "build: Contexts.Images[%q]: %w", name, err)
		}
		out = append(out, dockerfile.Context{Name: name, Image: ref})
	}
	slices.SortFunc(out, func(a, b dockerfile.Context) int { return strings.Compare(a.Name, b.Name) })
	for i, c := range out {
		if why := badName(c.Name); why != "" {
			return nil, api.Errorf(api.ErrInvalidArgument, "build: context %q: %s: name it as a stage or an image", c.Name, why)
		}
		for _, other := range out[:i] {
			if dockerfile.SameName(c.Name, other.Name) {
				return nil, api.Errorf(api.ErrInvalidArgument, "build: contexts %q and %q have the same name: leave one out", other.Name, c.Name)
			}
		}
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

// findContexts sets the directories that steps see.
func (b *build) findContexts(ctx context.Context, body io.Reader) (err error) {
	if b.named, err = b.req.namedContexts(); err != nil { // before anything is unpacked
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
