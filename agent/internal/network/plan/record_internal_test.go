package plan

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func endpoint(id, ip4, ip6 string) EndpointRecord {
	e := EndpointRecord{EndpointInfo: EndpointInfo{ID: id, Container: id + "-0123456789abcdef", Name: id}}
	if ip4 != "" {
		e.IPv4 = netip.MustParsePrefix(ip4)
	}
	if ip6 != "" {
		e.IPv6 = netip.MustParsePrefix(ip6)
	}
	return e
}

func TestRecord(t *testing.T) {
	t.Parallel()
	r := &Record{Endpoints: []EndpointRecord{endpoint("a", "10.0.0.2/24", "fd00::2/64"), endpoint("b", "10.0.0.3/24", "")}}
	for addr, want := range map[string]string{"10.0.0.2": "a", "fd00::2": "a", "10.0.0.3": "b", "10.0.0.4": "", "fd00::3": ""} {
		e, ok := r.At(netip.MustParseAddr(addr))
		assert.Equal(t, want, e.ID, addr)
		assert.Equal(t, want != "", ok, addr)
	}
	_, ok := r.At(netip.Addr{})
	assert.False(t, ok, "b has no IPv6 address, and nobody asks for none")
	e, ok := r.Endpoint("b")
	assert.True(t, ok)
	assert.Equal(t, "b", e.ID)
	_, ok = r.Endpoint("c")
	assert.False(t, ok)
	assert.Equal(t, 1, r.Remove(func(e EndpointRecord) bool { return e.ID == "a" }))
	assert.Equal(t, 0, r.Remove(func(e EndpointRecord) bool { return e.ID == "a" }))
	assert.Len(t, r.Endpoints, 1)
}

func TestAllocate(t *testing.T) {
	t.Parallel()
	spec := Spec{Name: "app", IPv4: netip.MustParsePrefix("10.0.0.0/29"), IPv6: netip.MustParsePrefix("fd00::/125")}
	require.NoError(t, spec.Complete())
	r := &Record{Spec: spec, Last4: spec.Gateway4, Last6: spec.Gateway6}
	take := func(want4, want6 string) (EndpointRecord, error) {
		parse := func(s string) (a netip.Addr) {
			if s != "" {
				a = netip.MustParseAddr(s)
			}
			return a
		}
		e := endpoint(fmt.Sprint(len(r.Endpoints)), "", "")
		err := r.Allocate(&e, parse(want4), parse(want6))
		if err == nil {
			r.Endpoints = append(r.Endpoints, e)
		}
		return e, err
	}
	e, err := take("", "")
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.2/29 fd00::2/125", fmt.Sprint(e.IPv4, e.IPv6))
	e, err = take("10.0.0.4", "fd00::5")
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.4/29 fd00::5/125", fmt.Sprint(e.IPv4, e.IPv6))
	for _, taken := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.4"} { // the gateway's is one
		_, err = take(taken, "")
		require.ErrorIs(t, err, ErrAddressInUse, taken)
		require.ErrorContains(t, err, taken)
	}
	_, err = take("", "fd00::1")
	require.ErrorIs(t, err, ErrAddressInUse)
	var got []string
	for {
		e, err = take("", "")
		if err != nil {
			break
		}
		got = append(got, e.IPv4.Addr().String())
	}
	require.ErrorIs(t, err, ErrNoFreeAddress)
	assert.ElementsMatch(t, []string{"10.0.0.3", "10.0.0.5", "10.0.0.6"}, got)
}

func TestCalled(t *testing.T) {
	t.Parallel()
	e := endpoint("web", "10.0.0.2/24", "")
	e.Container, e.Aliases = "0123456789abcdef0123456789abcdef", []string{"WWW", ""}
	for name, want := range map[string]bool{
		"web": true, "WEB": true, "www": true, "0123456789ab": true, e.Container: true,
		"0123456789abc": false, "0123456789": false, "we": false, "db": false,
	} {
		assert.Equal(t, want, e.Called(name), name)
	}
}

func TestSpec(t *testing.T) {
	t.Parallel()
	v4, v6 := netip.MustParsePrefix("10.7.0.9/24"), netip.MustParsePrefix("fd07::9/64")
	for _, c := range []struct {
		spec  Spec
		wrong string
	}{
		{Spec{Name: "app"}, ""},
		{Spec{Name: "a"}, ""},
		{Spec{Name: ""}, "network name"},
		{Spec{Name: "a/b"}, "network name"},
		{Spec{Name: "-a"}, "network name"},
		{Spec{Name: "a", IPv4: v6}, "IPv4 subnet"},
		{Spec{Name: "a", IPv4: netip.MustParsePrefix("10.0.0.0/30")}, "/8 to /29"},
		{Spec{Name: "a", IPv4: netip.MustParsePrefix("10.0.0.0/7")}, "/8 to /29"},
		{Spec{Name: "a", IPv6: v4}, "IPv6 subnet"},
		{Spec{Name: "a", IPv6: netip.MustParsePrefix("fd00::/121")}, "at most /120"},
		{Spec{Name: "a", MTU: 1279}, "MTU 1279"},
		{Spec{Name: "a", MTU: 65521}, "MTU 65521"},
		{Spec{Name: "a", MTU: 1280}, ""},
	} {
		err := c.spec.Validate()
		if c.wrong == "" {
			require.NoError(t, err, "%+v", c.spec)
			continue
		}
		require.ErrorIs(t, err, ErrInvalid)
		require.ErrorContains(t, err, c.wrong)
	}

	s := Spec{Name: "app", IPv4: v4, IPv6: v6}
	require.NoError(t, s.Complete())
	assert.Equal(t, "10.7.0.0/24 10.7.0.1 fd07::/64 fd07::1 true 1500", fmt.Sprint(s.IPv4, s.Gateway4, s.IPv6, s.Gateway6, s.EnableIPv6, s.MTU))
	assert.True(t, s.Contains(netip.MustParseAddr("10.7.0.200")) && s.Contains(netip.MustParseAddr("fd07::200")))
	assert.False(t, s.Contains(netip.MustParseAddr("10.8.0.1")) || s.Contains(netip.MustParseAddr("fd08::1")))
	for _, bad := range []Spec{
		{Name: "app", IPv4: v4, Gateway4: netip.MustParseAddr("10.8.0.1")},
		{Name: "app", IPv4: v4, Gateway4: netip.MustParseAddr("10.7.0.255")},
		{Name: "app", IPv4: v4, IPv6: v6, Gateway6: netip.MustParseAddr("fd08::1")},
	} {
		require.ErrorIs(t, bad.Complete(), ErrInvalid)
	}
	assert.Equal(t, "02:42:0a:07:00:01", MAC(s.Gateway4).String())
	for reachable, s := range map[bool]Spec{true: {}, false: {Internal: true}} {
		assert.Equal(t, reachable, s.HostReachable())
	}
	assert.False(t, Spec{NoHost: true}.HostReachable())
}

func TestHostPorts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		h    HostPorts
		want bool
	}{{HostPorts{}, false}, {HostPorts{All: true}, true}, {HostPorts{Ports: []uint16{80, 81}}, true}, {HostPorts{Ports: []uint16{8}}, false}} {
		assert.Equal(t, c.want, c.h.Open(81), "%+v", c.h)
	}
}
