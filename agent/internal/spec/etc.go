package spec

import (
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/etcfiles"
	"github.com/caisson-dev/caisson/container"
)

// validateEtc checks what goes into /etc/hosts and /etc/resolv.conf: a line of another's must not get in.
func validateEtc(o container.Options) error {
	for i, h := range o.Networking.Hosts {
		if _, err := etcfiles.ParseHost(h); err != nil {
			return invalid("Options.Networking.Hosts[%d] %w", i, err)
		}
	}
	for i, a := range o.Networking.DNS.Servers {
		if !a.IsValid() {
			return invalid("Options.Networking.DNS.Servers[%d]: it is empty: give an address", i)
		}
	}
	for _, list := range []struct {
		field string
		words []string
	}{{"Search", o.Networking.DNS.Search}, {"Options", o.Networking.DNS.Options}} {
		for i, s := range list.words {
			if s == "" || strings.ContainsAny(s, " \t\n#;\x00") {
				return invalid("Options.Networking.DNS.%s[%d] %q: it must be one word without spaces", list.field, i, s)
			}
		}
	}
	return nil
}
