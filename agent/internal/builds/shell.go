//go:build linux

package builds

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/openshift/imagebuilder/dockerfile/command"
	"github.com/openshift/imagebuilder/dockerfile/parser"
)

// withShell returns the text with what SHELL says of the CMD and ENTRYPOINT after it, which imagebuildah leaves out: it
// gives their shell form to /bin/sh -c whatever SHELL is. Lines keep their numbers.
func (d *dockerfile) withShell(text []byte) []byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	changed := false
	for _, st := range d.stages {
		var shell []string
		for _, n := range st.nodes {
			word := strings.ToLower(n.Value)
			switch {
			case word == command.Shell && n.Attributes["json"]:
				shell = values(n)
			case (word == command.Cmd || word == command.Entrypoint) && shell != nil && !n.Attributes["json"] && n.Next != nil && len(n.Heredocs) == 0 && n.EndLine <= len(lines):
				form, err := json.Marshal(append(shell[:len(shell):len(shell)], strings.Join(values(n), " ")))
				if err != nil {
					continue // strings always marshal
				}
				lines[n.StartLine-1] = []byte(strings.ToUpper(word) + " " + string(form) + "\n")
				for i := n.StartLine; i < n.EndLine; i++ {
					lines[i] = []byte("\n")
				}
				changed = true
			}
		}
	}
	if !changed {
		return text
	}
	return bytes.Join(lines, nil)
}

func values(n *parser.Node) []string {
	var out []string
	for n = n.Next; n != nil; n = n.Next {
		out = append(out, n.Value)
	}
	return out
}
