//go:build linux

package containers

import (
	"net/netip"
	"strings"

	"github.com/caisson-dev/caisson/container"
)

// hostGateway stands for the host's address in Options.Networking.Hosts, as in Docker.
const hostGateway = "host-gateway"

// validateNames checks what goes into /etc/hosts and /etc/resolv.conf: a line of another's must not get in.
func validateNames(o *container.Options) error {
	for i, h := range o.Networking.Hosts {
		name, addr, ok := strings.Cut(h, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t\n#\x00") {
			return invalid("Options.Networking.Hosts[%d] %q: write it as NAME:ADDRESS", i, h)
		}
		if _, err := netip.ParseAddr(addr); err != nil && addr != hostGateway {
			return invalid("Options.Networking.Hosts[%d] %q: %q is no address: use one as 10.0.0.1", i, h, addr)
		}
	}
	for i, s := range o.Networking.DNS.Servers {
		if !s.IsValid() {
			return invalid("Options.Networking.DNS.Servers[%d]: it is empty: give an address", i)
		}
	}
	for field, list := range map[string][]string{"Search": o.Networking.DNS.Search, "Options": o.Networking.DNS.Options} {
		for i, s := range list {
			if s == "" || strings.ContainsAny(s, " \t\n#;\x00") {
				return invalid("Options.Networking.DNS.%s[%d] %q: use one word", field, i, s)
			}
		}
	}
	return nil
}

// hostsLines are the lines of /etc/hosts that the options ask for.
func hostsLines(hosts []string) string {
	var b strings.Builder
	for _, h := range hosts {
		if name, addr, _ := strings.Cut(h, ":"); addr != hostGateway { // which a network alone has
			b.WriteString(addr + "\t" + name + "\n")
		}
	}
	return b.String()
}

// resolvConf is /etc/resolv.conf with what the options replace in it.
func resolvConf(base []byte, d container.DNS) []byte {
	var kept []string
	for line := range strings.Lines(string(base)) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word == "nameserver" && d.Servers != nil || (word == "search" || word == "domain") && d.Search != nil || word == "options" && d.Options != nil {
			continue
		}
		kept = append(kept, strings.TrimSuffix(line, "\n"))
	}
	for _, s := range d.Servers {
		kept = append(kept, "nameserver "+s.String())
	}
	if d.Search != nil {
		kept = append(kept, "search "+strings.Join(d.Search, " "))
	}
	if d.Options != nil {
		kept = append(kept, "options "+strings.Join(d.Options, " "))
	}
	return []byte(strings.Join(kept, "\n") + "\n")
}
