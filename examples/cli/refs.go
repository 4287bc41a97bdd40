package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/distribution/reference"

	"github.com/caisson-dev/caisson/examples/cli/internal/format"
)

const none = "<none>"

// name is a reference in the parts that docker images prints.
type name struct{ repository, tag, digest string }

// familiar cuts a full reference into its parts and leaves out what Docker implies: docker.io and library.
func familiar(full string) name {
	n := name{full, none, none}
	ref, err := reference.ParseNormalizedNamed(full)
	if err != nil {
		return n
	}
	n.repository = reference.FamiliarName(ref)
	if t, ok := ref.(reference.Tagged); ok {
		n.tag = t.Tag()
	}
	if d, ok := ref.(reference.Digested); ok {
		n.digest = d.Digest().String()
	}
	return n
}

// familiarString is a reference, or an image's id, as docker ps prints it.
func familiarString(image, id string) string {
	if bare := strings.TrimPrefix(image, "sha256:"); bare != "" && strings.HasPrefix(strings.TrimPrefix(id, "sha256:"), bare) {
		return format.ShortID(id)
	}
	ref, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return image
	}
	return reference.FamiliarString(ref)
}

// validName refuses what is not a name of an image that a registry can have.
func validName(name string) error {
	if _, err := reference.ParseNormalizedNamed(name); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	return nil
}

// fullName adds the registry and the tag that Docker implies.
func fullName(image string) string {
	ref, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return image
	}
	return reference.TagNameOnly(ref).String()
}

// fits says whether a row of images has a name that fits one of the patterns.
func fits(r imageRow, patterns []string) bool {
	full := r.Repository
	if r.Tag != none {
		full += ":" + r.Tag
	}
	ref, err := reference.ParseNormalizedNamed(full)
	if err != nil {
		return false
	}
	for _, p := range patterns {
		if ok, _ := reference.FamiliarMatch(p, ref); ok { // the store has refused a bad pattern
			return true
		}
	}
	return false
}

// defaultTag says that a name without a tag has the tag latest, as docker pull and push do.
func (c *cli) defaultTag(w io.Writer, image string) {
	if ref, err := reference.ParseNormalizedNamed(image); err == nil && reference.IsNameOnly(ref) {
		fmt.Fprintln(w, "Using default tag: latest")
	}
}

// repositoryOf is a reference's repository with its registry, as docker push tells it.
func repositoryOf(image string) string {
	ref, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return image
	}
	return ref.Name()
}
