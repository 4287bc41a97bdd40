//go:build linux

package networks

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/atomicfile"
)

// Description is a network that was created: a file of the store.
type Description struct {
	container.NetworkOptions
	Created time.Time `json:"created"`

	damaged error
}

func (d *Description) spec() plan.Spec {
	return plan.Spec{
		Name: d.Name, IPv4: d.IPv4, IPv6: d.IPv6, Gateway4: d.Gateway4, Gateway6: d.Gateway6,
		Range4: d.IPv4Range.Masked(), Range6: d.IPv6Range.Masked(), EnableIPv6: d.EnableIPv6, MTU: d.MTU, Internal: d.Internal,
	}
}

// chosen takes over what package network chose.
func (d *Description) chosen(info plan.Info) {
	d.IPv4, d.IPv6, d.Gateway4, d.Gateway6, d.MTU = info.IPv4, info.IPv6, info.Gateway4, info.Gateway6, info.MTU
}

func (s *Service) file(name string) string { return filepath.Join(s.cfg.Dir, name+".json") }

// Describe reads a network's description. The default network needs none. Errors: api.ErrNotFound, api.ErrCorrupt.
func (s *Service) Describe(name string) (*Description, error) {
	if name == string(container.NetworkDefault) {
		return &Description{NetworkOptions: container.NetworkOptions{Name: name}}, nil
	}
	if !names.NetworkPattern().MatchString(name) {
		return nil, noNetwork(name)
	}
	b, err := os.ReadFile(s.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noNetwork(name)
	}
	if err != nil {
		return nil, err
	}
	var d Description
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, api.Errorf(api.ErrCorrupt, "network %s: its description is damaged: %w: remove the network", name, err)
	}
	return &d, nil
}

// descriptions returns all created networks and the default one, by name. Of those that are damaged only the name is
// known.
func (s *Service) descriptions() ([]*Description, error) {
	entries, err := os.ReadDir(s.cfg.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	found := []string{string(container.NetworkDefault)}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	var all []*Description
	for _, name := range found {
		d, err := s.Describe(name)
		if errors.Is(err, api.ErrNotFound) {
			continue // just removed
		}
		if errors.Is(err, api.ErrCorrupt) {
			d, err = &Description{NetworkOptions: container.NetworkOptions{Name: name}, damaged: err}, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// subnets are those of all created networks, whether an agent holds them now or not.
func (s *Service) subnets() (all []netip.Prefix, err error) {
	created, err := s.descriptions()
	if err != nil {
		return nil, err
	}
	for _, d := range created {
		for _, p := range []netip.Prefix{d.IPv4, d.IPv6} {
			if p.IsValid() {
				all = append(all, p)
			}
		}
	}
	return all, nil
}

// save writes a description at once: readers see all of it or none.
func (s *Service) save(d *Description) error {
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return err
	}
	return atomicfile.Write(s.file(d.Name), b, atomicfile.Options{Sync: true})
}
