package storage

import (
	"crypto/rand"
	_ "crypto/sha512" // go-digest checks that the hash of a digest is linked in.
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociref"
)

// MaxRepository is the length of the longest repository name: a path has no longer component, and Docker's
// reference grammar has the same limit.
const MaxRepository = 255

// CheckRepository fails with ociregistry.ErrNameInvalid (OCI distribution spec, "Pulling manifests": <name>).
func CheckRepository(repo string) error {
	if len(repo) > MaxRepository || !ociref.IsValidRepository(repo) {
		return ociregistry.ErrNameInvalid
	}
	return nil
}

func checkTag(tag string) error {
	if !ociref.IsValidTag(tag) {
		return manifestInvalid("tag %q: must match [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", tag)
	}
	return nil
}

func checkDigest(d ociregistry.Digest) error {
	if err := d.Validate(); err != nil {
		return fmt.Errorf("%w: %v", ociregistry.ErrDigestInvalid, err)
	}
	return nil
}

func newUploadID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

func validUploadID(id string) bool {
	if len(id) != 32 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// tagFile is the name of a tag's file. Tags differ by case and some file systems do not, so the capitals are noted in a
// bitmap after the name: at most 161 characters for a tag's 128.
func tagFile(tag string) string {
	lower := strings.ToLower(tag)
	if lower == tag {
		return lower
	}
	bits := new(big.Int)
	for i := range len(tag) {
		if tag[i] != lower[i] {
			bits.SetBit(bits, i, 1)
		}
	}
	return lower + "!" + bits.Text(16)
}

func tagOfFile(name string) (string, bool) {
	lower, caps, ok := strings.Cut(name, "!")
	if !ok {
		return name, ociref.IsValidTag(name)
	}
	bits, ok := new(big.Int).SetString(caps, 16)
	if !ok {
		return "", false
	}
	b := []byte(lower)
	for i := range b {
		if bits.Bit(i) == 1 && b[i] >= 'a' && b[i] <= 'z' {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b), ociref.IsValidTag(string(b))
}
