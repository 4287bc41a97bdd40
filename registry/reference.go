package registry

import (
	"fmt"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociref"
)

// Names of Docker Hub: in references, on the network, and in credential files.
const (
	hubHost    = "docker.io"
	hubIndex   = "index.docker.io"
	hubAPI     = "registry-1.docker.io"
	hubAuthKey = "https://index.docker.io/v1/"
)

// reference names a repository, and a manifest in it.
type reference struct {
	host   string
	repo   string
	tag    string
	digest ociregistry.Digest
}

// parseReference reads a reference as Docker does: "alpine" is docker.io/library/alpine:latest.
func parseReference(s string) (reference, error) {
	ref, err := parseRepository(s)
	if err == nil && ref.tag == "" && ref.digest == "" {
		ref.tag = "latest"
	}
	return ref, err
}

// parseRepository reads a reference and leaves an absent tag absent.
func parseRepository(s string) (reference, error) {
	first, rest, ok := strings.Cut(s, "/")
	if !ok || !strings.ContainsAny(first, ".:[") && first != "localhost" && first == strings.ToLower(first) {
		first, rest = hubHost, s
	}
	if first == hubIndex || first == hubAPI {
		first = hubHost
	}
	if first == hubHost && !strings.Contains(rest, "/") {
		rest = "library/" + rest
	}
	if err := checkHost(first); err != nil {
		return reference{}, fmt.Errorf("%q: %w", s, err)
	}
	r, err := ociref.ParseRelative(rest)
	if err != nil || r.Host != "" && !strings.HasPrefix(rest, r.Host+"/") {
		return reference{}, fmt.Errorf("%q: %w: must be HOST[:PORT]/NAME[:TAG][@DIGEST]", s, ErrInvalidReference)
	}
	if r.Host != "" { // a component with a dot is a name here: the host has been cut off
		r.Repository = r.Host + "/" + r.Repository
		if !ociref.IsValidRepository(r.Repository) {
			return reference{}, fmt.Errorf("%q: %w: repository %q", s, ErrInvalidReference, r.Repository)
		}
	}
	return reference{host: first, repo: r.Repository, tag: r.Tag, digest: r.Digest}, nil
}

func checkHost(host string) error {
	if host != "localhost" && !ociref.IsValidHost(host) {
		return fmt.Errorf("%w: registry %q: must be HOST[:PORT]", ErrInvalidReference, host)
	}
	return nil
}

// hostOf reads a registry's name, or a reference's, as login takes it.
func hostOf(s string) (string, error) {
	s = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://"), "/")
	host, _, _ := strings.Cut(s, "/")
	if host == "" || host == hubIndex || host == hubAPI {
		host = hubHost
	}
	return host, checkHost(host)
}

func (r reference) name() string { return r.host + "/" + r.repo }

func (r reference) String() string {
	s := r.name()
	if r.tag != "" {
		s += ":" + r.tag
	}
	if r.digest != "" {
		s += "@" + string(r.digest)
	}
	return s
}

// apiHost is where the registry's API is.
func apiHost(host string) string {
	if host == hubHost {
		return hubAPI
	}
	return host
}
