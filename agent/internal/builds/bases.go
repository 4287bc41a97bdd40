//go:build linux

package builds

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/openshift/imagebuilder/dockerfile/command"
	"github.com/openshift/imagebuilder/dockerfile/parser"

	"github.com/caisson-dev/caisson/image"
)

// base is an image that stages begin with or take files from.
type base struct {
	ref      string
	platform string // of the stages; empty for the build's
	id       string // once it is in the store; empty while ref itself leads there
	context  *named // that ref names; nil for an image
}

// platformArgs are the arguments that every Dockerfile has for FROM, unless they are given by hand.
func platformArgs(args map[string]string, platform string) []string {
	host := platforms.DefaultSpec()
	target, err := platforms.Parse(cmp.Or(platform, platforms.Format(host)))
	if err != nil {
		target = host // it is told of as the build's option
	}
	var out []string
	add := func(name, value string) {
		if v, given := args[name]; given {
			value = v
		}
		out = append(out, name+"="+value)
	}
	for prefix, p := range map[string]platforms.Platform{"BUILD": host, "TARGET": target} {
		add(prefix+"PLATFORM", platforms.Format(p))
		add(prefix+"OS", p.OS)
		add(prefix+"ARCH", p.Architecture)
		add(prefix+"VARIANT", p.Variant)
	}
	return out
}

// findBases follows the stages that target needs.
func (d *dockerfile) findBases(target string) {
	last := len(d.stages) - 1
	if i := d.find(target, len(d.stages)); i >= 0 {
		last = i
	}
	seen := map[int]bool{}
	var visit func(i int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		s := d.stages[i]
		for _, ref := range append([]string{s.from}, s.needs...) {
			if strings.Contains(ref, "$") { // it may become any of them
				for _, c := range d.contexts {
					d.addContext(c.name, s.platform, c)
				}
			} else if c := d.context(ref, i); c != nil {
				d.addContext(ref, s.platform, c)
			} else if j := d.find(ref, i); j >= 0 {
				visit(j)
			} else if ref != "scratch" && d.base(ref, s.platform) == nil {
				d.bases = append(d.bases, &base{ref: ref, platform: s.platform})
			}
		}
	}
	visit(last)
}

func (d *dockerfile) addContext(ref, platform string, c *named) {
	if d.base(ref, platform) != nil {
		return
	}
	base := &base{ref: ref, platform: platform, context: c}
	if c.image == "" {
		base.id = c.alias
	}
	d.bases = append(d.bases, base)
}

func (d *dockerfile) base(ref, platform string) *base {
	i := slices.IndexFunc(d.bases, func(b *base) bool { return b.ref == ref && b.platform == platform })
	if i < 0 {
		return nil
	}
	return d.bases[i]
}

// ensureBases has the base images in the store before the build takes the store's lock: a pull under that lock could
// wait for a remover that waits for the build.
func (b *build) ensureBases(ctx context.Context) error {
	for _, base := range b.tree.bases {
		opts := image.PullOptions{Policy: b.req.Pull, Transport: b.req.Transport, Platform: cmp.Or(base.platform, b.req.Platform)}
		if opts.Policy == "" {
			opts.Policy = image.PullMissing
		}
		ref := base.ref
		if base.context != nil {
			if ref = base.context.image; ref == "" {
				continue
			}
		}
		img, err := b.s.transfers.EnsureBase(ctx, ref, opts, b.out.pulling(ref))
		if err != nil {
			if base.context != nil {
				return fmt.Errorf("build: context %s: %w", base.context.name, err)
			}
			if !slices.ContainsFunc(b.tree.stages, func(s *stage) bool { return s.from == base.ref }) {
				return fmt.Errorf("build: %s, which no stage before is named: %w", base.ref, err)
			}
			return fmt.Errorf("build: base image %s: %w", base.ref, err)
		}
		base.id = img.ID
	}
	return nil
}

// writeDockerfile writes what imagebuildah reads. It looks base images up by name, and pulls them by itself if that name
// is an image's for another platform, as when one build takes a base for two: those are given by their ids.
func (b *build) writeDockerfile(ctx context.Context) error {
	for _, base := range b.tree.bases {
		if base.context != nil {
			continue
		}
		if img, err := b.s.images.Resolve(ctx, base.ref); err == nil && img.ID == base.id {
			base.id = ""
		}
	}
	return os.WriteFile(b.file, b.tree.withIDs(b.text), 0o600)
}

// withIDs returns the text with the ids of those bases that have one. Lines keep their numbers, but for those after a FROM
// of a context's files.
func (d *dockerfile) withIDs(text []byte) []byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i, st := range d.stages {
		if base := d.replacing(st.from, st.platform, i); base != nil && st.first.EndLine <= len(lines) {
			lines[st.first.StartLine-1] = []byte(base.from(st))
			for j := st.first.StartLine; j < st.first.EndLine; j++ {
				lines[j] = []byte("\n")
			}
		}
		for _, n := range st.nodes {
			for _, ref := range sources(n) {
				if base := d.replacing(ref, st.platform, i); base != nil && n.StartLine <= len(lines) {
					fromFlag(lines[n.StartLine-1:min(n.EndLine, len(lines))], ref, base.source(n))
				}
			}
		}
	}
	return bytes.Join(lines, nil)
}

// replacing is the base that ref means in the stage with index i if it goes by another name, or nil.
func (d *dockerfile) replacing(ref, platform string, i int) *base {
	base := d.base(ref, platform)
	if base == nil || base.id == "" || base.context == nil && d.find(ref, i) >= 0 {
		return nil
	}
	return base
}

// from is the stage's FROM. One of files is an empty image and all of them.
func (b *base) from(st *stage) string {
	line, image := "FROM ", b.id
	if st.platform != "" {
		line += "--platform=" + st.platform + " "
	}
	if b.ofFiles() {
		image = "scratch"
	}
	line += image
	if as := st.first.Next.Next; as != nil {
		line += " AS " + as.Next.Value
	}
	if b.ofFiles() {
		line += "\nCOPY --from=" + b.id + rootOwns + " / /"
	}
	return line + "\n"
}

func (b *base) ofFiles() bool { return b.context != nil && b.context.image == "" }

// source is what --from= of n gets.
func (b *base) source(n *parser.Node) string {
	if strings.EqualFold(n.Value, command.Run) || !b.ofFiles() || slices.ContainsFunc(n.Flags, func(f string) bool { return strings.HasPrefix(f, "--chown=") }) {
		return b.id
	}
	return b.id + rootOwns
}

// fromFlag replaces the name in the first --from=NAME or --mount=…,from=NAME: what follows may be a here-document's text.
func fromFlag(lines [][]byte, name, id string) {
	for i, line := range lines {
		for _, end := range []string{" ", ",", "\t", "\r", "\n", "\\"} {
			for _, begin := range []string{" --from=", "\t--from=", ",from=", "=from="} {
				if bytes.Contains(line, []byte(begin+name+end)) {
					lines[i] = bytes.Replace(line, []byte(begin+name+end), []byte(begin+id+end), 1)
					return
				}
			}
		}
	}
}

// shown is a text of imagebuildah's with the names that ids stand for.
func (d *dockerfile) shown(text string) string {
	for _, base := range d.bases {
		if base.ofFiles() {
			text = strings.ReplaceAll(text, "--from="+base.id+rootOwns, "--from="+base.ref)
		}
		if base.id != "" && base.id != base.ref && (base.context == nil || len(base.id) == 64) {
			text = strings.ReplaceAll(text, base.id, base.ref)
		}
	}
	return text
}
