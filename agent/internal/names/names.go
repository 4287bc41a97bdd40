package names

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"sync"

	"github.com/caisson-dev/caisson/internal/api"
)

// Pattern is what a name must match: Docker's pattern, and no longer than a file's name may be.
var Pattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$`) })

// Valid says whether name is a valid name.
func Valid(name string) bool { return Pattern().MatchString(name) }

// NetworkPattern is what a network's name must match: one letter is enough, as in Docker.
var NetworkPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$`) })

// CheckNetwork is Check for a network's name.
func CheckNetwork(field, name string) error {
	if NetworkPattern().MatchString(name) {
		return nil
	}
	return api.Errorf(api.ErrInvalidArgument, "%s %q: it must match %s", field, name, NetworkPattern())
}

// Check refuses a name that is not valid with api.ErrInvalidArgument. field says whose it is.
func Check(field, name string) error {
	if Valid(name) {
		return nil
	}
	return api.Errorf(api.ErrInvalidArgument, "%s %q: it must match %s", field, name, Pattern())
}

// CheckLabels refuses labels that no filter could name with api.ErrInvalidArgument. field says whose they are.
func CheckLabels(field string, labels map[string]string) error {
	if _, has := labels[""]; has {
		return api.Errorf(api.ErrInvalidArgument, "%s: a key is empty: name it", field)
	}
	return nil
}

// Labelled says whether labels has all of want; an empty value fits any.
func Labelled(labels, want map[string]string) bool {
	for k, v := range want {
		if have, ok := labels[k]; !ok || v != "" && have != v {
			return false
		}
	}
	return true
}

// NewID returns a new id: 64 hexadecimal digits.
func NewID() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Short is an id as messages show it: its first 12 digits.
func Short(id string) string { return id[:min(12, len(id))] }
