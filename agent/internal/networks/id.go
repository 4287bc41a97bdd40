//go:build linux

package networks

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/caisson-dev/caisson/internal/api"
)

// ID is made of what does not change in a network's life, so that networks of older versions have one too.
func (d *Description) ID() string {
	var at int64
	if !d.Created.IsZero() {
		at = d.Created.UnixNano()
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "caisson network %s %d", d.Name, at))
	return hex.EncodeToString(sum[:])
}

// find is Describe, also by an id or a prefix of it. A name goes first.
func (s *Service) find(nameOrID string) (*Description, error) {
	d, err := s.Describe(nameOrID)
	if !errors.Is(err, api.ErrNotFound) || strings.Trim(nameOrID, "0123456789abcdef") != "" || nameOrID == "" {
		return d, err
	}
	all, lerr := s.descriptions()
	if lerr != nil {
		return nil, lerr
	}
	var found *Description
	for _, d := range all {
		switch {
		case d.damaged != nil || !strings.HasPrefix(d.ID(), nameOrID):
		case found != nil:
			return nil, api.Errorf(api.ErrAmbiguous, "network %s: several networks have ids that begin so: give more of it", nameOrID)
		default:
			found = d
		}
	}
	if found == nil {
		return nil, err
	}
	return found, nil
}
