//go:build linux

package builds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/caisson-dev/caisson/agent/internal/builds/dockerfile"
	"github.com/caisson-dev/caisson/agent/internal/builds/work"
	"github.com/caisson-dev/caisson/agent/internal/images"
)

// source opens what files come from, once for all steps, and tells which layer it is, if it is one.
func (x *execution) source(ctx context.Context, from dockerfile.Source) (src *work.Source, layer string, err error) {
	name := "context"
	open := func() (*work.Source, error) {
		return x.work.Context(x.b.context, work.ContextOptions{Ignore: x.b.ignore, Lasting: x.b.req.Dir != ""})
	}
	switch {
	case from.Main:
	case from.Context != "":
		name = "context " + from.Context
		open = func() (*work.Source, error) { return x.openNamed(from.Context) }
	default:
		switch {
		case from.Stage != nil:
			layer = x.stages[from.Stage].layer
		case from.Base != nil:
			layer = from.Base.Layer
		}
		name = "layer " + layer
		open = func() (*work.Source, error) { return x.work.Layer(ctx, layer) }
	}
	src, err = x.once(name, open)
	return src, layer, err
}

// lazy is opened by the first who needs it.
type lazy struct {
	open func() (*work.Source, error)
}

func (x *execution) once(name string, open func() (*work.Source, error)) (*work.Source, error) {
	x.mu.Lock()
	l := x.sources[name]
	if l == nil {
		l = &lazy{sync.OnceValues(open)}
		x.sources[name] = l
	}
	x.mu.Unlock()
	return l.open()
}

// openNamed opens the files of a named context, without those that its own .dockerignore leaves out.
func (x *execution) openNamed(name string) (*work.Source, error) {
	dir := x.b.contexts[name]
	var ignore []string
	if x.b.req.From == "" { // without a Dockerfile it is a file as any other
		var err error
		if ignore, err = readIgnore(dir, ".dockerignore"); err != nil {
			return nil, fmt.Errorf("context %s: %w", name, err)
		}
	}
	_, lasting := x.b.req.Dirs[name]
	return x.work.Context(dir, work.ContextOptions{Ignore: ignore, Lasting: lasting})
}

// part is one source of a COPY or ADD.
type part struct {
	work.Copy
	layer string // that the source is, if it is one
}

// parts calls f for each part of a COPY or ADD, in the order of the instruction.
func (s *stage) parts(ctx context.Context, c *dockerfile.Copy, f func(part) error) error {
	for i := 0; i < len(c.Items); {
		p := part{Copy: work.Copy{Dest: c.Dest, Dir: c.Dir, Owner: c.Owner, Mode: c.Mode, Parents: c.Parents, Exclude: c.Exclude}}
		n, err := s.part(ctx, c, i, &p)
		if err != nil {
			return err
		}
		if err := f(p); err != nil {
			return explainMissing(err, c)
		}
		i += n
	}
	return nil
}

// part sets the source and the paths of the items from i on that go together, and returns how many those are.
func (s *stage) part(ctx context.Context, c *dockerfile.Copy, i int, part *part) (n int, err error) {
	item := c.Items[i]
	worker := s.x.work
	switch {
	case item.File != nil:
		part.Paths, part.Parents, part.Exclude = []string{item.File.Name}, false, nil
		part.Source, err = s.x.once(fmt.Sprintf("file %q %q", item.File.Name, item.File.Data), func() (*work.Source, error) {
			return worker.Inline(item.File.Name, []byte(item.File.Data), 0o644)
		})
	case item.URL != "":
		part.Source, err = s.x.once("url "+item.URL+" "+item.Checksum, func() (*work.Source, error) {
			return s.download(ctx, item)
		})
		if err == nil {
			part.Paths, part.Unpack = []string{part.Source.Name()}, item.Unpack
		}
	case item.Git != nil:
		part.Paths = []string{"/"}
		part.Source, err = s.x.once(fmt.Sprintf("git %+v", *item.Git), func() (*work.Source, error) {
			g := item.Git
			return worker.Git(ctx, work.Git{
				Remote: g.Remote, Ref: g.Ref, Subdir: g.Subdir, Checksum: g.Checksum, KeepGitDir: g.KeepDir, NoSub: g.NoSubmodules, SSH: s.x.b.req.Run.SSH["default"],
			})
		})
	default:
		part.Unpack = item.Unpack
		for _, next := range c.Items[i:] {
			if next.Path == "" || next.Unpack != item.Unpack {
				break
			}
			part.Paths = append(part.Paths, next.Path)
		}
		part.Source, part.layer, err = s.x.source(ctx, c.From)
		return len(part.Paths), err
	}
	return 1, err
}

// nothing is the digest of no files.
var nothing = digest.FromString("")

// reads are the digests of what a step reads, in order.
func (s *stage) reads(ctx context.Context, p *dockerfile.Step) (out []string, err error) {
	some := false // a pattern that matches nothing is all right beside what is there
	switch {
	case p.Copy != nil:
		err = s.parts(ctx, p.Copy, func(p part) error {
			d, err := s.x.digest(ctx, p.layer, p.Copy)
			out, some = append(out, string(d)), some || d != nothing
			return err
		})
		if err == nil && !some {
			err = errors.New(missingIn(p.Copy.Items[0].Path, p.Copy.From))
		}
	case p.Run != nil:
		for _, m := range p.Run.Mounts {
			if m.Type != "bind" && (m.Type != "cache" || !has(m.From)) {
				continue
			}
			src, layer, err := s.x.source(ctx, m.From)
			if err != nil {
				return nil, err
			}
			d, err := s.x.digest(ctx, layer, work.Copy{Source: src, Paths: []string{m.Path}})
			if err != nil {
				return nil, mountError(err, m)
			}
			out = append(out, string(d))
		}
	}
	return out, err
}

func has(s dockerfile.Source) bool {
	return s.Main || s.Context != "" || s.Stage != nil || s.Base != nil
}

// digest is the content of what is copied. That of a layer's files is remembered: a layer never changes.
func (x *execution) digest(ctx context.Context, layer string, c work.Copy) (digest.Digest, error) {
	if layer == "" {
		return c.Source.Digest(ctx, c)
	}
	what, err := json.Marshal([]any{c.Paths, c.Parents, c.Exclude, c.Owner != "", c.Mode, c.Unpack})
	if err != nil {
		return "", err
	}
	key := dockerfile.Chain("digest 1", layer, string(what))
	if r, ok := x.held.Result(key); ok && r.Digest != "" {
		return digest.Digest(r.Digest), nil
	}
	d, err := c.Source.Digest(ctx, c)
	if err != nil {
		return "", err
	}
	return d, x.held.Remember(key, images.Result{Layer: layer, Digest: string(d)})
}

// mounts are the mounts of a step. close is called after it.
func (s *stage) mounts(ctx context.Context, r *dockerfile.Run) (out []work.Mount, close func(), err error) {
	for _, m := range r.Mounts {
		w := work.Mount{
			Type: work.MountType(m.Type), Target: m.Target, Path: m.Path, Size: m.Size, ID: m.ID, Sharing: m.Sharing,
			Mode: m.Mode, UID: m.UID, GID: m.GID, Env: m.Env, Write: m.Type == "bind" && !m.ReadOnly, ReadOnly: m.ReadOnly,
		}
		switch {
		case m.Type == "secret":
			value, ok := s.x.b.req.Run.Secrets[m.ID]
			if !ok && m.Required {
				return nil, nil, fmt.Errorf("secret required but no secret with id %q: give it with BuildOptions.Run.Secrets", m.ID)
			}
			if !ok {
				continue
			}
			w.Secret = value
		case m.Type == "ssh":
			agent, ok := s.x.b.req.Run.SSH[m.ID]
			if !ok && m.Required {
				return nil, nil, fmt.Errorf("SSH agent required but none with id %q: give it with BuildOptions.Run.SSH", m.ID)
			}
			if !ok {
				continue
			}
			w.SSH = agent
		case m.Type == "bind" || has(m.From):
			if w.Source, _, err = s.x.source(ctx, m.From); err != nil {
				return nil, nil, err
			}
		}
		out = append(out, w)
	}
	if r.Script == nil {
		return out, func() {}, nil
	}
	src, err := s.x.work.Inline(r.Script.Name, []byte(r.Script.Data), 0o755)
	if err != nil {
		return nil, nil, err
	}
	out = append(out, work.Mount{Type: work.MountBind, Source: src, Path: r.Script.Name, Target: path.Join(dockerfile.Scripts, r.Script.Name), ReadOnly: true})
	return slices.Clip(out), func() { src.Close() }, nil
}
