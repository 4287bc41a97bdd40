//go:build linux

package networks

import (
	"errors"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/agent/internal/network/publish"
	"github.com/caisson-dev/caisson/internal/api"
)

// sentinels are the errors of package network and the rooms below it, and those that callers match.
var sentinels = []struct{ from, to error }{
	{network.ErrNotFound, api.ErrNotFound},
	{network.ErrExists, api.ErrNameInUse},
	{network.ErrInUse, api.ErrInUse},
	{plan.ErrInvalid, api.ErrInvalidArgument},
	{netns.ErrInvalid, api.ErrInvalidArgument},
	{publish.ErrInvalid, api.ErrInvalidArgument},
	{plan.ErrSubnetOverlap, api.ErrInvalidArgument},
	{plan.ErrAddressInUse, api.ErrInvalidArgument},
	{plan.ErrNoFreeAddress, api.ErrInUse},
	{plan.ErrNoFreeSubnet, api.ErrInUse},
	{network.ErrNoIPv6, api.ErrUnsupported},
	{publish.ErrPortInUse, api.ErrPortInUse},
}

// Error gives an error of package network the sentinel that callers match. Other errors stay as they are.
func Error(err error) error {
	for _, s := range sentinels {
		if errors.Is(err, s.from) {
			return api.Errorf(s.to, "%w", err)
		}
	}
	return err
}

func invalid(format string, args ...any) error {
	return api.Errorf(api.ErrInvalidArgument, format, args...)
}

func noNetwork(name string) error {
	return api.Errorf(api.ErrNotFound, "network %s: no such network: create it with CreateNetwork", name)
}
