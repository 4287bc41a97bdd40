//go:build linux

package plan

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func prefixes(s ...string) (p []netip.Prefix) {
	for _, x := range s {
		p = append(p, netip.MustParsePrefix(x))
	}
	return p
}

func TestChooseIPv4(t *testing.T) {
	for _, c := range []struct {
		name  string
		taken []netip.Prefix
		want  string
	}{
		{"nothing taken", nil, "10.89.0.0/24"},
		{"first taken", prefixes("10.89.0.0/24"), "10.89.1.0/24"},
		{"a part of the first taken", prefixes("10.89.0.128/25", "10.89.1.7/32"), "10.89.2.0/24"},
		{"a wide route is skipped", prefixes("10.88.0.0/13"), "10.96.0.0/24"},
		{"a company's 10/8", prefixes("10.0.0.0/8"), "172.16.0.0/24"},
		{"only the last left", prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/17"), "192.168.128.0/24"},
		{"IPv6 does not matter", prefixes("fd00::/8"), "10.89.0.0/24"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ChooseIPv4(c.taken)
			require.NoError(t, err)
			assert.Equal(t, c.want, got.String())
		})
	}
	_, err := ChooseIPv4(prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
	require.ErrorIs(t, err, ErrNoFreeSubnet)
}

func TestNextFree(t *testing.T) {
	p := netip.MustParsePrefix("10.0.0.0/29")
	used := map[netip.Addr]bool{netip.MustParseAddr("10.0.0.1"): true}
	last := netip.MustParseAddr("10.0.0.1")
	var got []string
	for {
		a, err := nextFree(p, netip.Prefix{}, last, func(a netip.Addr) bool { return used[a] })
		if err != nil {
			require.ErrorIs(t, err, ErrNoFreeAddress)
			break
		}
		got, last, used[a] = append(got, a.String()), a, true
	}
	assert.Equal(t, []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"}, got)
	delete(used, netip.MustParseAddr("10.0.0.3"))
	a, err := nextFree(p, netip.Prefix{}, last, func(a netip.Addr) bool { return used[a] })
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.3", a.String(), "goes round")
}

// TestNextFreeOfPart: addresses come from a part of the subnet, its first and last included unless they are the subnet's own.
func TestNextFreeOfPart(t *testing.T) {
	subnet := netip.MustParsePrefix("10.0.0.0/24")
	for part, want := range map[string][]string{
		"10.0.0.8/30":   {"10.0.0.8", "10.0.0.9", "10.0.0.10", "10.0.0.11"},
		"10.0.0.0/30":   {"10.0.0.2", "10.0.0.3"}, // without the network's and the gateway's
		"10.0.0.252/30": {"10.0.0.252", "10.0.0.253", "10.0.0.254"},
		"10.0.0.9/32":   {"10.0.0.9"},
	} {
		used := map[netip.Addr]bool{netip.MustParseAddr("10.0.0.1"): true}
		last, got := netip.MustParseAddr("10.0.0.1"), []string(nil)
		for {
			a, err := nextFree(subnet, netip.MustParsePrefix(part), last, func(a netip.Addr) bool { return used[a] })
			if err != nil {
				require.ErrorIs(t, err, ErrNoFreeAddress)
				require.ErrorContains(t, err, part)
				break
			}
			got, last, used[a] = append(got, a.String()), a, true
		}
		assert.Equal(t, want, rotated(got), part)
	}
}

// rotated begins with the smallest.
func rotated(s []string) []string {
	out := slices.Clone(s)
	slices.SortFunc(out, func(a, b string) int { return netip.MustParseAddr(a).Compare(netip.MustParseAddr(b)) })
	return out
}

func TestWithin(t *testing.T) {
	subnet := netip.MustParsePrefix("10.0.0.0/24")
	for part, want := range map[string]bool{
		"10.0.0.0/24": true, "10.0.0.128/25": true, "10.0.0.9/32": true, "10.0.0.0/31": true,
		"10.0.0.0/32": false, "10.0.0.255/32": false, "10.0.0.0/23": false, "10.0.1.0/25": false, "fd00::/64": false,
	} {
		assert.Equal(t, want, Within(subnet, netip.MustParsePrefix(part)), part)
	}
}
