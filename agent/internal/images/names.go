package images

import (
	"regexp"
	"strings"
	"sync"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/caisson-dev/caisson/internal/api"
)

// Normalize makes a full reference of a name by Docker's rules: docker.io/library/x:latest of x.
func Normalize(name string) (reference.Named, error) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return nil, InvalidName(name, err)
	}
	return reference.TagNameOnly(named), nil
}

// NormalizeTag is Normalize for a name to give: it can't have a digest, which only content decides, nor be read as an id.
func NormalizeTag(name string) (string, error) {
	named, err := Normalize(name)
	if err != nil {
		return "", err
	}
	if _, ok := named.(reference.Digested); ok {
		return "", api.Errorf(api.ErrInvalidReference, "name %q has a digest: a digest follows from the content and can't be given: use name:tag", name)
	}
	if algorithm := reference.FamiliarName(named); algorithm == string(digest.Canonical) {
		return "", api.Errorf(api.ErrInvalidReference, "name %q means the image whose id begins so: choose a name that is not %s", name, algorithm)
	}
	return named.String(), nil
}

// InvalidName says what is wrong with a reference, and how one is written.
func InvalidName(name string, err error) error {
	hint := "write it as [registry/]repository[:tag][@digest] in lower case"
	if name == "" {
		hint = "it is empty"
	}
	return api.Errorf(api.ErrInvalidReference, "reference %q: %w: %s", name, err, hint)
}

var hexID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{1,64}$`) })

// idPrefix returns the hexadecimal digits if ref can be an id or the beginning of one, with or without "sha256:".
func idPrefix(ref string) (prefix string, explicit bool) {
	rest, explicit := strings.CutPrefix(ref, "sha256:")
	if hexID().MatchString(rest) {
		return rest, explicit
	}
	return "", false
}

// IsID says whether a reference can be nothing but an id.
func IsID(ref string) bool {
	prefix, explicit := idPrefix(ref)
	return explicit || len(prefix) == 64
}

// RepoDigest splits a canonical reference.
func RepoDigest(named reference.Named) (repo string, d digest.Digest, ok bool) {
	c, ok := named.(reference.Digested)
	if !ok {
		return "", "", false
	}
	return named.Name(), c.Digest(), true
}

// split puts an image's names into those with a tag and those with a digest.
func split(names []string) (tags, digests []string) {
	for _, n := range names {
		if strings.Contains(n, "@") {
			digests = append(digests, n)
		} else {
			tags = append(tags, n)
		}
	}
	return tags, digests
}

// repoOf is the name without tag and digest.
func repoOf(name string) string {
	name, _, _ = strings.Cut(name, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	return name
}
