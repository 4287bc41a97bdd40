package main

import (
	"encoding/json"
	"maps"

	"github.com/caisson-dev/caisson/container"
)

// notes are what inspect tells of create's flags and the options do not have: Docker keeps mounts of --mount apart from
// those of -v and --tmpfs, and the ports of -P apart from those of -p, and connects what has no network any more. They are an annotation of the container.
type notes struct {
	Mounts     []string `json:"mounts,omitempty"`     // targets of --mount
	PublishAll bool     `json:"publishAll,omitempty"` // -P
	Published  int      `json:"published,omitempty"`  // how many of Options.Ports are those of -p, if PublishAll
	NoNetwork  bool     `json:"noNetwork,omitempty"`  // --network none, and not one that was disconnected from its last network
}

const notesAnnotation = "caisson.cli/flags"

// write adds the notes to the options.
func (n notes) write(o *container.Options) error {
	if len(n.Mounts) == 0 && !n.PublishAll && !n.NoNetwork {
		return nil
	}
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	with := map[string]string{notesAnnotation: string(text)}
	maps.Copy(with, o.Annotations)
	o.Annotations = with
	return nil
}

// notesOf are those of a container. One that another program has made has none.
func notesOf(o *container.Options) (n notes) {
	_ = json.Unmarshal([]byte(o.Annotations[notesAnnotation]), &n) // anything else says nothing
	return n
}

// annotations are those of the user.
func annotations(o *container.Options) map[string]string {
	out := maps.Clone(o.Annotations)
	delete(out, notesAnnotation)
	if len(out) == 0 {
		return nil
	}
	return out
}
