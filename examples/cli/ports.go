package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/examples/cli/internal/format"
)

// published are the ports of the host at which a container is reached.
func published(info container.Info) (out []format.Port) {
	for _, b := range info.Ports {
		out = append(out, format.Port{Number: b.Host.Port(), Protocol: b.Protocol})
	}
	return out
}

// exposed are the ports that the container listens on, by its image, by --expose and by -p.
func exposed(info container.Info) (out []format.Port) {
	if len(info.Networks) == 0 { // as Docker: of one that does not run, or is on no network, nothing is said
		return nil
	}
	for p := range exposedPorts(&info) {
		out = append(out, format.Port{Number: uint16(p.Int()), Protocol: p.Proto()})
	}
	return out
}

// shownPort is a row of ports before those that follow each other come together.
type shownPort struct {
	address         string // empty for a port that is not published
	host, container uint16
	protocol        string
}

// portsText is ps's column, as Docker writes it: ports that follow each other are ranges; those that are published at
// another number come last.
func portsText(info container.Info) string {
	var list []shownPort
	have := map[string]bool{}
	for _, b := range info.Ports {
		list = append(list, shownPort{b.Host.Addr().String(), b.Host.Port(), b.Container, b.Protocol})
		have[string(portKey(b.Container, b.Protocol))] = true
	}
	if len(info.Networks) > 0 {
		for p := range exposedPorts(&info) {
			if !have[string(p)] {
				list = append(list, shownPort{container: uint16(p.Int()), protocol: p.Proto()})
			}
		}
	}
	slices.SortFunc(list, func(a, b shownPort) int {
		return cmp.Or(cmp.Compare(a.container, b.container), cmp.Compare(a.address, b.address), cmp.Compare(a.host, b.host), cmp.Compare(a.protocol, b.protocol))
	})
	return strings.Join(append(grouped(list), mapped(list)...), ", ")
}

// mapped are the ports that are published at another number.
func mapped(list []shownPort) (out []string) {
	for _, p := range list {
		if p.address != "" && p.host != p.container {
			out = append(out, fmt.Sprintf("%s->%d/%s", joinPort(p.address, fmt.Sprint(p.host)), p.container, p.protocol))
		}
	}
	return out
}

// grouped are the others, with ranges: as in Docker, the last range of each address and protocol comes behind all others.
func grouped(list []shownPort) (out []string) {
	type group struct {
		address, protocol string
		first, last       uint16
	}
	text := func(g *group) string {
		ports := fmt.Sprint(g.first)
		if g.last > g.first {
			ports = fmt.Sprintf("%d-%d", g.first, g.last)
		}
		if g.address != "" {
			ports = joinPort(g.address, ports) + "->" + ports
		}
		return ports + "/" + g.protocol
	}
	var last []*group // of each address and protocol, in the order in which they come
	for _, p := range list {
		if p.address != "" && p.host != p.container {
			continue
		}
		i := slices.IndexFunc(last, func(g *group) bool { return g.address == p.address && g.protocol == p.protocol })
		switch {
		case i < 0:
			last = append(last, &group{p.address, p.protocol, p.container, p.container})
		case last[i].last+1 == p.container:
			last[i].last = p.container
		default:
			out = append(out, text(last[i]))
			last[i] = &group{p.address, p.protocol, p.container, p.container}
		}
	}
	for _, g := range last {
		out = append(out, text(g))
	}
	return out
}

// joinPort is an address with a port or a range, which net.JoinHostPort has no word for.
func joinPort(address, ports string) string {
	if strings.Contains(address, ":") {
		address = "[" + address + "]"
	}
	return address + ":" + ports
}
