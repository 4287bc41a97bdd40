//go:build linux

package containers

import (
	"fmt"

	"github.com/caisson-dev/caisson/container"
)

// canJoin refuses networks that are not there, and places that they don't have. Start would find out; but a container
// that can't start should not be made. mode is Options.Network as it was given.
func (s *Service) canJoin(o *container.Options, mode container.NetworkMode) error {
	for i, ep := range o.Networking.Endpoints {
		field := fmt.Sprintf("Options.Networking.Endpoints[%d]", i)
		d, err := s.networks.Describe(ep.Network)
		switch {
		case err != nil && mode != "":
			return fmt.Errorf("Options.Network: %w", err)
		case err != nil:
			return fmt.Errorf("%s.Network: %w", field, err)
		}
		if err := d.Check(field, ep); err != nil {
			return err
		}
	}
	return nil
}
