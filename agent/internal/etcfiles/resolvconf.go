package etcfiles

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// ResolvConf is the content of a resolv.conf(5).
type ResolvConf struct {
	Nameservers []netip.Addr
	Search      []string
	Options     []string
}

// ParseResolvConf understands what resolv.conf(5) says; it ignores what it does not, as resolvers do.
func ParseResolvConf(b []byte) ResolvConf {
	var c ResolvConf
	for line := range bytes.Lines(b) {
		if i := bytes.IndexAny(line, "#;"); i >= 0 {
			line = line[:i]
		}
		f := strings.Fields(string(line))
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "nameserver":
			if a, err := netip.ParseAddr(f[1]); err == nil {
				c.Nameservers = append(c.Nameservers, a)
			}
		case "search", "domain": // the last one counts
			c.Search = f[1:]
		case "options":
			c.Options = append(c.Options, f[1:]...)
		}
	}
	return c
}

// ReadResolvConf reads a resolv.conf; one that is missing is empty.
func ReadResolvConf(path string) (ResolvConf, error) {
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ResolvConf{}, err
	}
	return ParseResolvConf(b), nil
}

// resolvConf is /etc/resolv.conf. On networks the network's name server is the only one: it asks those of
// Options.Servers, which the network knows, or the host's.
func (o Options) resolvConf() []byte {
	i := slices.IndexFunc(o.Endpoints, func(e Endpoint) bool { return e.DNS.IsValid() })
	switch {
	case len(o.Endpoints) == 0:
		return o.editedResolvConf()
	case i < 0:
		return o.networkResolvConf(netip.Addr{})
	}
	return o.networkResolvConf(o.Endpoints[i].DNS)
}

// networkResolvConf is that of a container on networks, whose name server is at dns.
func (o Options) networkResolvConf(dns netip.Addr) []byte {
	servers, search, options := o.Servers, o.Search, o.ResolvOptions
	if len(options) == 0 {
		options = o.Host.Options
	}
	if len(search) == 0 {
		search = o.Host.Search
	}
	switch {
	case dns.IsValid():
		servers = []netip.Addr{dns}
		if !slices.ContainsFunc(options, func(s string) bool { return strings.HasPrefix(s, "ndots:") }) {
			// Containers' names have no dots: ask for them as they are before adding search domains.
			options = append(slices.Clone(options), "ndots:0")
		}
	case len(servers) == 0:
		servers = o.Host.Nameservers
	}
	var b strings.Builder
	for _, s := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	if s := strings.Join(search, " "); s != "" && s != "." {
		fmt.Fprintf(&b, "search %s\n", s)
	}
	if len(options) > 0 {
		fmt.Fprintf(&b, "options %s\n", strings.Join(options, " "))
	}
	return []byte(b.String())
}

// editedResolvConf is the one that is shared with the host or another container, with what the user replaces in it.
func (o Options) editedResolvConf() []byte {
	base := o.Base.ResolvConf
	if base == nil {
		base = []byte("# this container has no network\n")
	}
	var kept []string
	for line := range strings.Lines(string(base)) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word == "nameserver" && o.Servers != nil || (word == "search" || word == "domain") && o.Search != nil || word == "options" && o.ResolvOptions != nil {
			continue
		}
		kept = append(kept, strings.TrimSuffix(line, "\n"))
	}
	for _, s := range o.Servers {
		kept = append(kept, "nameserver "+s.String())
	}
	if o.Search != nil {
		kept = append(kept, "search "+strings.Join(o.Search, " "))
	}
	if o.ResolvOptions != nil {
		kept = append(kept, "options "+strings.Join(o.ResolvOptions, " "))
	}
	return []byte(strings.Join(kept, "\n") + "\n")
}
