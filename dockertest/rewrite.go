package dockertest

import (
	"os"
	"strings"
)

// EnvPrefix names a mirror of Docker Hub for all containers, as Prefix does for one.
const EnvPrefix = "CAISSON_IMAGE_PREFIX"

// Rewrite changes the image's name before it is looked for: for mirrors, private registries, digests instead of tags.
// f gets the name as it was given to Run, and what it returns is taken as it is: Prefix and EnvPrefix do not apply.
func Rewrite(f func(ref string) string) Option {
	return optionFunc(func(s *settings) { s.rewrite = f })
}

// Prefix is put before names of Docker Hub, such as registry.example.com/mirror: postgres:17 becomes
// registry.example.com/mirror/postgres:17. Names with another registry stay as they are, and so do ids.
func Prefix(prefix string) Option {
	return Rewrite(func(ref string) string { return prefixed(prefix, ref) })
}

func (s *settings) imageName(ref string) string {
	if s.rewrite != nil {
		return s.rewrite(ref)
	}
	return prefixed(os.Getenv(EnvPrefix), ref)
}

func prefixed(prefix, ref string) string {
	if prefix == "" || strings.HasPrefix(ref, "sha256:") {
		return ref
	}
	for _, hub := range []string{"docker.io/", "index.docker.io/"} {
		ref = strings.TrimPrefix(ref, hub)
	}
	// Docker's rule: the first part is a registry if it looks like a host.
	if first, _, ok := strings.Cut(ref, "/"); ok && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return ref
	}
	return strings.TrimSuffix(prefix, "/") + "/" + ref
}
