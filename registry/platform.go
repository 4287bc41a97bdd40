package registry

import (
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func platformString(p *ocispec.Platform) string {
	if p == nil {
		return ""
	}
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// choosePlatform finds OS/ARCHITECTURE[/VARIANT]: exactly, or any variant when none is asked for, or for arm64 the
// one without, which means v8 (OCI image spec, "platform variants").
func choosePlatform(list []Descriptor, want string) (digest.Digest, error) {
	if n := strings.Count(want, "/"); n < 1 || n > 2 {
		return "", fmt.Errorf("%w: platform %q: must be OS/ARCHITECTURE[/VARIANT]", ErrInvalidArgument, want)
	}
	for _, match := range []func(have string) bool{
		func(have string) bool { return have == want },
		func(have string) bool { return strings.HasPrefix(have, want+"/") },
		func(have string) bool { return want == have+"/v8" && strings.HasSuffix(have, "/arm64") },
	} {
		for _, d := range list {
			if match(d.Platform) {
				return digest.Digest(d.Digest), nil
			}
		}
	}
	var have []string
	for _, d := range list {
		if d.Platform != "" {
			have = append(have, d.Platform)
		}
	}
	return "", fmt.Errorf("%w: %s: the platforms are %s", ErrNoPlatform, want, strings.Join(have, ", "))
}
