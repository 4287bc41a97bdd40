//go:build linux

package launch

import (
	"github.com/caisson-dev/caisson/agent/internal/etcfiles"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
)

// writeFiles writes hostname, hosts and resolv.conf for a container without a network of its own.
func (s *Service) writeFiles(c *spec.Container) error {
	o, err := etcOptions(c)
	if err != nil {
		return err
	}
	if c.Options.Network == container.NetworkHost {
		o.Base, err = etcfiles.Read("/etc")
	} else if id := spec.ContainerOf(string(c.Options.Network)); id != "" {
		o.Base, err = etcfiles.Read(s.cfg.Dir(id))
	}
	if err != nil {
		return err
	}
	return etcfiles.Render(o).Write(s.cfg.Dir(c.ID))
}

// etcOptions are what the container's options say about its files.
func etcOptions(c *spec.Container) (etcfiles.Options, error) {
	o := c.Options
	out := etcfiles.Options{
		Hostname: c.Hostname, Domain: o.Networking.Domain,
		Servers: o.Networking.DNS.Servers, Search: o.Networking.DNS.Search, ResolvOptions: o.Networking.DNS.Options,
	}
	for _, h := range o.Networking.Hosts {
		host, err := etcfiles.ParseHost(h)
		if err != nil {
			return out, invalid("Options.Networking.Hosts %w", err)
		}
		out.Hosts = append(out.Hosts, host)
	}
	return out, nil
}

// WriteNetFiles writes hosts and resolv.conf for a container on networks, in place: they are mounted.
func (s *Service) WriteNetFiles(c *spec.Container, eps []etcfiles.Endpoint) error {
	if len(eps) == 0 {
		return nil
	}
	o, err := etcOptions(c)
	if err != nil {
		return err
	}
	if o.Host, err = etcfiles.ReadResolvConf("/etc/resolv.conf"); err != nil {
		return err
	}
	o.Endpoints = eps
	files := etcfiles.Render(o)
	files.Hostname = nil // it has it
	return files.Write(s.cfg.Dir(c.ID))
}
