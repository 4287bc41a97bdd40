//go:build linux

package builds

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/openshift/imagebuilder/dockerfile/command"
	"github.com/openshift/imagebuilder/dockerfile/parser"
)

// edit is a change of an instruction's text.
type edit struct {
	node     *parser.Node
	old, new string
}

// rewrite notes what imagebuildah takes otherwise than Docker in an instruction, and checks what it lets through.
func (d *dockerfile) rewrite(n *parser.Node) error {
	switch strings.ToLower(n.Value) {
	case command.Run:
		for _, ref := range sources(n) {
			if strings.Contains(ref, "$") { // imagebuildah would look for what a changed file is made of by that name
				return syntax(d.name, n.StartLine, "RUN --mount=from=%s: arguments are not replaced there: add a stage FROM %s and mount from that stage", ref, ref)
			}
		}
		for _, f := range n.Flags {
			if m, ok := strings.CutPrefix(f, "--mount="); ok && !mountType().MatchString(m) {
				// Of a mount without a type, imagebuildah does not see that a file has changed.
				d.edit(n, f, "--mount=type=bind,"+m)
				continue // a bind has no sharing
			}
			// A cache of one step at a time is as good as one of each step's own, which imagebuildah has not.
			if strings.HasPrefix(f, "--mount=") && strings.Contains(f, "sharing=private") {
				d.edit(n, f, strings.ReplaceAll(f, "sharing=private", "sharing=locked"))
			}
		}
	case command.Expose:
		for p := n.Next; p != nil; p = p.Next {
			if strings.Contains(p.Value, "$") {
				continue
			}
			ports, ok := expandPorts(p.Value)
			if !ok {
				return syntax(d.name, n.StartLine, "EXPOSE %s: it is not a valid port: write it like 80, 80/udp or 8000-8010", p.Value)
			}
			if ports != p.Value {
				d.edit(n, p.Value, ports)
			}
		}
	}
	return nil
}

var mountType = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:^|,)type=`) })

func (d *dockerfile) edit(n *parser.Node, old, new string) {
	d.edits = append(d.edits, edit{n, old, new})
	n.Original = strings.Replace(n.Original, old, new, 1)
}

var portRange = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\d{1,5})(?:-(\d{1,5}))?(/(?i:tcp|udp|sctp))?$`)
})

// expandPorts writes a range of ports out, as Docker does: who reads the image's configuration expects single ones.
func expandPorts(s string) (string, bool) {
	m := portRange().FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	s = strings.ToLower(s)
	first, _ := strconv.Atoi(m[1])
	last := first
	if m[2] != "" {
		last, _ = strconv.Atoi(m[2])
	}
	if last < first || last > 65535 {
		return "", false
	}
	if m[2] == "" {
		return s, true
	}
	var out []string
	for p := first; p <= last; p++ {
		out = append(out, strconv.Itoa(p)+strings.ToLower(m[3]))
	}
	return strings.Join(out, " "), true
}

// edited returns the text with its edits. Lines keep their numbers.
func (d *dockerfile) edited(text []byte) []byte {
	if len(d.edits) == 0 {
		return text
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	for _, e := range d.edits {
		for i := e.node.StartLine - 1; i < min(e.node.EndLine, len(lines)); i++ {
			if bytes.Contains(lines[i], []byte(e.old)) {
				lines[i] = bytes.Replace(lines[i], []byte(e.old), []byte(e.new), 1)
				break
			}
		}
	}
	return bytes.Join(lines, nil)
}
