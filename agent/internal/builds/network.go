//go:build linux

package builds

import (
	"fmt"

	"github.com/caisson-dev/caisson/agent/internal/etcfiles"
	"github.com/caisson-dev/caisson/internal/api"
)

// checkNetwork checks the options of steps' network. What goes into /etc/hosts must not bring a line of its own.
func (r *Request) checkNetwork() error {
	switch r.Run.Network {
	case "", "default", "host", "none":
	default:
		return api.Errorf(api.ErrInvalidArgument, "build: Run.Network %q: it must be default, host or none", r.Run.Network)
	}
	for i, h := range r.Run.Hosts {
		host, err := etcfiles.ParseHost(h)
		if err == nil && host.Addr.Zone() != "" {
			err = fmt.Errorf("%q: the address has a zone: use one such as 10.0.0.1", h)
		}
		if err != nil {
			return api.Errorf(api.ErrInvalidArgument, "build: Run.Hosts[%d] %w", i, err)
		}
	}
	return nil
}
