package dockerfile

import (
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
)

// expose adds ports. A range is written out: who reads the configuration expects single ones.
func (r *reader) expose(c *instructions.ExposeCommand) error {
	ports := maps.Clone(r.state.image.Config.ExposedPorts)
	if ports == nil {
		ports = map[string]struct{}{}
	}
	var said []string
	for _, word := range c.Ports {
		words, err := r.expand.words(word, r.state.env)
		if err != nil {
			return err
		}
		for _, w := range words {
			p, err := ParsePort(w)
			if err != nil {
				return r.wrong(r.line, "EXPOSE %s: it is not a valid port: %w: write it like 80, 80/udp or 8000-8010", short(w), err)
			}
			r.portStyle(c, w, p)
			for n := p.First; n <= p.Last; n++ {
				port := strconv.Itoa(n) + "/" + p.Protocol
				ports[port] = struct{}{}
				said = append(said, port)
			}
		}
	}
	r.state.image.Config.ExposedPorts = ports
	r.state.did(fmt.Sprintf("EXPOSE %v", said), false)
	return nil
}

func (r *reader) portStyle(c *instructions.ExposeCommand, word string, p Port) {
	if p.upper {
		r.check.Run(&linter.RuleExposeProtoCasing, c.Location(), linter.RuleExposeProtoCasing.Format(word))
	}
	if p.host {
		r.check.Run(&linter.RuleExposeInvalidFormat, c.Location(), linter.RuleExposeInvalidFormat.Format(word))
	}
}

// Port is what EXPOSE names: ports from First to Last.
type Port struct {
	First, Last int
	Protocol    string // tcp, udp or sctp

	upper, host bool
}

// ParsePort reads [[IP:]HOST:]PORT[-PORT][/PROTOCOL]. What comes before the last colon is checked and has no meaning.
func ParsePort(word string) (Port, error) {
	address, port := "", word
	if i := strings.LastIndex(word, ":"); i >= 0 {
		address, port = word[:i], word[i+1:]
	}
	number, protocol, _ := strings.Cut(port, "/")
	p := Port{Protocol: strings.ToLower(protocol), upper: protocol != strings.ToLower(protocol), host: address != ""}
	switch p.Protocol {
	case "":
		p.Protocol = "tcp"
	case "tcp", "udp", "sctp":
	default:
		return p, fmt.Errorf("%q is not a protocol", protocol)
	}
	var err error
	if p.First, p.Last, err = portRange(number); err != nil {
		return p, err
	}
	if address == "" {
		return p, nil
	}
	return p, checkHost(address, p)
}

func checkHost(address string, p Port) error {
	ip, host := "", address
	if i := strings.LastIndex(address, ":"); i >= 0 {
		ip, host = address[:i], address[i+1:]
	}
	if ip != "" && net.ParseIP(strings.Trim(ip, "[]")) == nil {
		return fmt.Errorf("%q is not an address", ip)
	}
	if host == "" {
		return nil
	}
	first, last, err := portRange(host)
	if err == nil && p.Last != p.First && last-first != p.Last-p.First {
		err = fmt.Errorf("the ranges %s and %d-%d differ in length", host, p.First, p.Last)
	}
	return err
}

func portRange(s string) (first, last int, err error) {
	from, to, isRange := strings.Cut(s, "-")
	if first, err = portNumber(from); err != nil {
		return 0, 0, err
	}
	if !isRange {
		return first, first, nil
	}
	if last, err = portNumber(to); err != nil {
		return 0, 0, err
	}
	if last < first {
		return 0, 0, fmt.Errorf("the range %s ends before it begins", s)
	}
	return first, last, nil
}

func portNumber(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number from 0 to 65535", s)
	}
	return int(n), nil
}
