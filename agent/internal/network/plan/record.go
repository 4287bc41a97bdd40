package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Record is a network's state as all processes see it, in state.json of its directory.
type Record struct {
	Spec      Spec
	Joined    bool // some process has joined at some time
	Endpoints []EndpointRecord
	Last4     netip.Addr // the address given out last
	Last6     netip.Addr
}

// EndpointRecord is an endpoint as all processes see it.
type EndpointRecord struct {
	EndpointInfo
	Holder string // the process that attached it
	Link   string // the bridge's side of the veth
}

// Endpoint finds an endpoint by its id.
func (r *Record) Endpoint(id string) (EndpointRecord, bool) {
	i := slices.IndexFunc(r.Endpoints, func(e EndpointRecord) bool { return e.ID == id })
	if i < 0 {
		return EndpointRecord{}, false
	}
	return r.Endpoints[i], true
}

// At finds the endpoint with an address.
func (r *Record) At(addr netip.Addr) (EndpointRecord, bool) {
	i := slices.IndexFunc(r.Endpoints, func(e EndpointRecord) bool { return e.IPv4.Addr() == addr || e.IPv6.Addr() == addr })
	if i < 0 || !addr.IsValid() {
		return EndpointRecord{}, false
	}
	return r.Endpoints[i], true
}

// Remove removes the endpoints that match, and says how many.
func (r *Record) Remove(match func(EndpointRecord) bool) (removed int) {
	before := len(r.Endpoints)
	r.Endpoints = slices.DeleteFunc(r.Endpoints, match)
	return before - len(r.Endpoints)
}

// Allocate gives e its addresses.
func (r *Record) Allocate(e *EndpointRecord, want4, want6 netip.Addr) error {
	used := map[netip.Addr]bool{r.Spec.Gateway4: true, r.Spec.Gateway6: true}
	for _, other := range r.Endpoints {
		used[other.IPv4.Addr()] = true
		used[other.IPv6.Addr()] = true
	}
	pick := func(p, part netip.Prefix, want netip.Addr, last *netip.Addr) (netip.Prefix, error) {
		addr := want
		if !want.IsValid() {
			var err error
			if addr, err = nextFree(p, part, *last, func(a netip.Addr) bool { return used[a] }); err != nil {
				return netip.Prefix{}, err
			}
			*last = addr
		} else if used[want] {
			return netip.Prefix{}, fmt.Errorf("%s: %w: another endpoint or the gateway has it", want, ErrAddressInUse)
		}
		return netip.PrefixFrom(addr, p.Bits()), nil
	}
	var err error
	if e.IPv4, err = pick(r.Spec.IPv4, r.Spec.Range4, want4, &r.Last4); err != nil || !r.Spec.IPv6.IsValid() {
		return err
	}
	e.IPv6, err = pick(r.Spec.IPv6, r.Spec.Range6, want6, &r.Last6)
	return err
}

// Called reports whether name, in lower case, is one of the endpoint's: its name, an alias, or its container's id,
// whole or short.
func (e EndpointRecord) Called(name string) bool {
	if strings.EqualFold(e.Name, name) || slices.ContainsFunc(e.Aliases, func(a string) bool { return strings.EqualFold(a, name) }) {
		return true
	}
	const shortID = 12
	return len(name) >= shortID && (e.Container == name || len(name) == shortID && strings.HasPrefix(e.Container, name))
}
