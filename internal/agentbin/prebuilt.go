package agentbin

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// pinned are the prebuilt agents of a version. The variable pins, in a file of its own, has those of this source.
type pinned struct {
	version string // empty: none is released
	agents  map[string]pin
}

// pin is what is known of the module that has an agent for an architecture.
type pin struct {
	sum  string // h1:, as in a go.sum
	size int64  // of the zip, in bytes
}

// of returns the pin for a version and an architecture.
func (p pinned) of(version, arch string) (pin, bool) {
	found, ok := p.agents[arch]
	return found, ok && p.version == version
}

// hash1 is the sum of a module's files as a go.sum has it: https://pkg.go.dev/golang.org/x/mod/sumdb/dirhash#Hash1. files
// are the sums of the content, by name.
func hash1(module, version string, files map[string][sha256.Size]byte) string {
	lines := make([]string, 0, len(files))
	for name := range files {
		lines = append(lines, name)
	}
	slices.Sort(lines)
	var text strings.Builder
	for _, name := range lines {
		fmt.Fprintf(&text, "%x  %s@%s/%s\n", files[name], module, version, name)
	}
	sum := sha256.Sum256([]byte(text.String()))
	return "h1:" + base64.StdEncoding.EncodeToString(sum[:])
}
