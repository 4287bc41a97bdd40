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

	"github.com/caisson-dev/caisson/image"
)

// base is an image that stages begin with or take files from.
type base struct {
	ref      string
	platform string // of the stages; empty for the build's
	id       string // once it is in the store; empty while ref itself leads there
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
			if j := d.find(ref, i); j >= 0 {
				visit(j)
			} else if ref != "scratch" && !strings.Contains(ref, "$") && d.base(ref, s.platform) == nil {
				d.bases = append(d.bases, &base{ref: ref, platform: s.platform})
			}
		}
	}
	visit(last)
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
		opts := image.PullOptions{Policy: b.req.Pull, Transport: b.req.Transport, Platform: cmp.Or(base.platform, b.req.Result.Platform)}
		if opts.Policy == "" {
			opts.Policy = image.PullMissing
		}
		img, err := b.s.images.EnsureBase(ctx, base.ref, opts, b.out.pulling(base.ref))
		if err != nil {
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
		if img, err := b.s.images.Resolve(ctx, base.ref); err == nil && img.ID == base.id {
			base.id = ""
		}
	}
	return os.WriteFile(b.file, b.tree.withIDs(b.text), 0o600)
}

// withIDs returns the text with the ids of those bases that have one. Lines keep their numbers.
func (d *dockerfile) withIDs(text []byte) []byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	changed := false
	for i, st := range d.stages {
		if base := d.base(st.from, st.platform); base != nil && base.id != "" && d.find(st.from, i) < 0 && st.first.EndLine <= len(lines) {
			line := "FROM " + base.id
			if st.platform != "" {
				line = "FROM --platform=" + st.platform + " " + base.id
			}
			if as := st.first.Next.Next; as != nil {
				line += " AS " + as.Next.Value
			}
			lines[st.first.StartLine-1] = []byte(line + "\n")
			for j := st.first.StartLine; j < st.first.EndLine; j++ {
				lines[j] = []byte("\n")
			}
			changed = true
		}
		for _, n := range st.nodes {
			for _, ref := range sources(n) {
				if base := d.base(ref, st.platform); base != nil && base.id != "" && d.find(ref, i) < 0 {
					for j := n.StartLine - 1; j < min(n.EndLine, len(lines)); j++ {
						lines[j] = fromFlag(lines[j], ref, base.id)
					}
					changed = true
				}
			}
		}
	}
	if !changed {
		return text
	}
	return bytes.Join(lines, nil)
}

// fromFlag replaces the name in --from=NAME and --mount=…,from=NAME.
func fromFlag(line []byte, name, id string) []byte {
	for _, end := range []string{" ", ",", "\t", "\n", "\\"} {
		for _, begin := range []string{" --from=", ",from=", "=from="} {
			line = bytes.ReplaceAll(line, []byte(begin+name+end), []byte(begin+id+end))
		}
	}
	return line
}

// shown is a text of imagebuildah's with the names that ids stand for.
func (d *dockerfile) shown(text string) string {
	for _, base := range d.bases {
		if base.id != "" {
			text = strings.ReplaceAll(text, base.id, base.ref)
		}
	}
	return text
}
