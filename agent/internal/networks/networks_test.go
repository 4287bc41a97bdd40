//go:build linux

package networks_test

import (
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/agent/internal/network/publish"
	"github.com/caisson-dev/caisson/agent/internal/networks"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/agent/internal/wire/wiretest"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// room is a service of a temporary directory. No network comes to be: none is joined.
type room struct {
	*networks.Service
	dir    string
	mux    wire.Mux
	users  map[string]string
	events []container.Event
}

func newRoom(t *testing.T) *room {
	r := &room{dir: t.TempDir()}
	r.Service = networks.New(networks.Config{
		Dir: filepath.Join(r.dir, "networks"), RunDir: filepath.Join(r.dir, "run"), Lock: filepath.Join(r.dir, "lock"),
		Logger: slog.New(slog.DiscardHandler),
		Users:  func() (map[string]string, error) { return r.users, nil },
		Emit:   func(e container.Event) { r.events = append(r.events, e) },
	})
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	r.Routes(&r.mux)
	return r
}

// ask makes a request and returns its error.
func (r *room) ask(t *testing.T, route api.Route, in, out any) error {
	return wiretest.Ask(t, &r.mux, route, in, out)
}

func (r *room) create(t *testing.T, opts container.NetworkOptions) *container.NetworkInfo {
	var info container.NetworkInfo
	require.NoError(t, r.ask(t, api.NetworkCreate, opts, &info))
	return &info
}

func (r *room) names(t *testing.T) (names []string) {
	var all []container.NetworkInfo
	require.NoError(t, r.ask(t, api.NetworkList, nil, &all))
	for _, n := range all {
		names = append(names, n.Name)
	}
	return names
}

func TestLife(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	assert.Equal(t, []string{"bridge"}, r.names(t))
	made := r.create(t, container.NetworkOptions{Name: "app", Labels: map[string]string{"a": "b"}})
	assert.True(t, made.IPv4.IsValid(), "the subnet is chosen at once")
	assert.True(t, plan.Usable(made.IPv4, made.Gateway4))
	assert.False(t, made.Created.IsZero())
	require.ErrorIs(t, r.ask(t, api.NetworkCreate, container.NetworkOptions{Name: "app"}, nil), api.ErrNameInUse)

	// What was chosen is in the store: another agent, after all have gone, finds the same.
	entries, err := os.ReadDir(filepath.Join(r.dir, "run"))
	require.NoError(t, err)
	for _, e := range entries {
		if e.IsDir() {
			require.NoError(t, os.RemoveAll(filepath.Join(r.dir, "run", e.Name())))
		}
	}
	d, err := r.Describe("app")
	require.NoError(t, err)
	assert.Equal(t, made.NetworkOptions, d.NetworkOptions)
	assert.Equal(t, []string{"app", "bridge"}, r.names(t))

	require.NoError(t, r.ask(t, api.NetworkRemove, api.Name{Name: "app"}, nil))
	require.ErrorIs(t, r.ask(t, api.NetworkRemove, api.Name{Name: "app"}, nil), api.ErrNotFound)
	require.ErrorIs(t, r.ask(t, api.NetworkGet, api.Name{Name: "app"}, nil), api.ErrNotFound)
	require.ErrorIs(t, r.ask(t, api.NetworkRemove, api.Name{Name: "bridge"}, nil), api.ErrInvalidArgument)
	var actions []container.EventAction
	for _, e := range r.events {
		assert.Equal(t, container.EventNetwork, e.Type)
		actions = append(actions, e.Action)
	}
	assert.Equal(t, []container.EventAction{container.EventCreate, container.EventDestroy}, actions)
}

// TestSubnetsOfNetworksThatNobodyHolds: what other agents have created, and nobody holds, keeps its subnet.
func TestSubnetsOfNetworksThatNobodyHolds(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	one := r.create(t, container.NetworkOptions{Name: "one", EnableIPv6: true})
	other := newRoom(t) // another agent's, after the first one's has gone with its run root
	require.NoError(t, os.CopyFS(filepath.Join(other.dir, "networks"), os.DirFS(filepath.Join(r.dir, "networks"))))
	two := other.create(t, container.NetworkOptions{Name: "two"})
	assert.False(t, one.IPv4.Overlaps(two.IPv4), "%s and %s", one.IPv4, two.IPv4)
	for _, opts := range []container.NetworkOptions{{Name: "three", IPv4: one.IPv4}, {Name: "three", IPv6: one.IPv6}} {
		err := other.ask(t, api.NetworkCreate, opts, nil)
		require.ErrorIs(t, err, api.ErrInvalidArgument)
		assert.ErrorContains(t, err, "overlaps with")
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	d, err := r.Describe("bridge")
	require.NoError(t, err, "it needs no description")
	assert.Equal(t, "bridge", d.Name)
	for _, name := range []string{"", "no", "none", "../networks/x", "a/b"} {
		_, err := r.Describe(name)
		require.ErrorIs(t, err, api.ErrNotFound, "%q", name)
	}
	require.NoError(t, os.MkdirAll(filepath.Join(r.dir, "networks"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "networks", "half.json"), []byte("{"), 0o600))
	_, err = r.Describe("half")
	require.ErrorContains(t, err, "network half")
	require.ErrorIs(t, err, api.ErrCorrupt)
}

// TestDamage: a description that can't be read harms its network alone. It is listed, and can be removed.
func TestDamage(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": "", "broken": "{"} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			r.create(t, container.NetworkOptions{Name: "good"})
			file := filepath.Join(r.dir, "networks", "bad.json")
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			assert.ElementsMatch(t, []string{"bad", "bridge", "good"}, r.names(t))
			var info container.NetworkInfo
			require.NoError(t, r.ask(t, api.NetworkGet, api.Name{Name: "bad"}, &info))
			assert.Contains(t, info.Damaged, "network bad: its description is damaged")
			require.ErrorIs(t, r.ask(t, api.NetworkCreate, container.NetworkOptions{Name: "bad"}, nil), api.ErrCorrupt)
			require.NoError(t, r.ask(t, api.NetworkRemove, api.Name{Name: "bad"}, nil))
			assert.NoFileExists(t, file)
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			var pruned []string
			require.NoError(t, r.ask(t, api.NetworkPrune, nil, &pruned))
			assert.ElementsMatch(t, []string{"bad", "good"}, pruned)
		})
	}
}

func TestInUse(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.create(t, container.NetworkOptions{Name: "app"})
	r.create(t, container.NetworkOptions{Name: "free"})
	r.users = map[string]string{"app": "web"}
	err := r.ask(t, api.NetworkRemove, api.Name{Name: "app"}, nil)
	require.ErrorIs(t, err, api.ErrInUse)
	assert.ErrorContains(t, err, "container web is on it")
	var pruned []string
	require.NoError(t, r.ask(t, api.NetworkPrune, nil, &pruned))
	assert.Equal(t, []string{"free"}, pruned)
	assert.Equal(t, []string{"app", "bridge"}, r.names(t))
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	for _, c := range []struct {
		field string
		opts  container.NetworkOptions
	}{
		{"Name", container.NetworkOptions{}},
		{"Name", container.NetworkOptions{Name: "a/b"}},
		{"Name", container.NetworkOptions{Name: "bridge"}},
		{"Name", container.NetworkOptions{Name: "host"}},
		{"Name", container.NetworkOptions{Name: "none"}},
		{"IPv4", container.NetworkOptions{IPv4: prefix("10.0.0.0/30")}},
		{"IPv4", container.NetworkOptions{IPv4: prefix("10.0.0.0/7")}},
		{"IPv4", container.NetworkOptions{IPv4: prefix("fd00::/64")}},
		{"IPv4", container.NetworkOptions{IPv4: prefix("127.0.0.0/8")}},
		{"IPv4", container.NetworkOptions{IPv4: prefix("224.0.0.0/24")}},
		{"IPv4", container.NetworkOptions{IPv4: prefix("169.254.0.0/24")}},
		{"IPv6", container.NetworkOptions{IPv6: prefix("fd00::/121")}},
		{"IPv6", container.NetworkOptions{IPv6: prefix("10.0.0.0/24")}},
		{"IPv6", container.NetworkOptions{IPv6: prefix("fe80::/64")}},
		{"Gateway4", container.NetworkOptions{Gateway4: addr("10.0.0.1")}},
		{"Gateway4", container.NetworkOptions{IPv4: prefix("10.0.0.0/24"), Gateway4: addr("10.0.1.1")}},
		{"Gateway4", container.NetworkOptions{IPv4: prefix("10.0.0.0/24"), Gateway4: addr("10.0.0.0")}},
		{"Gateway4", container.NetworkOptions{IPv4: prefix("10.0.0.0/24"), Gateway4: addr("10.0.0.255")}},
		{"Gateway6", container.NetworkOptions{IPv6: prefix("fd00::/64"), Gateway6: addr("fd01::1")}},
		{"IPv4Range", container.NetworkOptions{IPv4Range: prefix("10.0.0.0/25")}},
		{"IPv4Range", container.NetworkOptions{IPv4: prefix("10.0.0.0/24"), IPv4Range: prefix("10.0.1.0/25")}},
		{"IPv4Range", container.NetworkOptions{IPv4: prefix("10.0.0.0/24"), IPv4Range: prefix("10.0.0.0/16")}},
		{"IPv4Range", container.NetworkOptions{IPv4: prefix("10.0.0.0/24"), IPv4Range: prefix("10.0.0.255/32")}},
		{"IPv6Range", container.NetworkOptions{IPv6: prefix("fd00::/64"), IPv6Range: prefix("10.0.0.0/25")}},
		{"MTU", container.NetworkOptions{MTU: 1279}},
		{"MTU", container.NetworkOptions{MTU: 65521}},
		{"Labels", container.NetworkOptions{Labels: map[string]string{"": "x"}}},
	} {
		if c.field != "Name" {
			c.opts.Name = "app"
		}
		err := r.ask(t, api.NetworkCreate, c.opts, nil)
		require.ErrorIs(t, err, api.ErrInvalidArgument, "%+v", c.opts)
		assert.ErrorContains(t, err, "NetworkOptions."+c.field)
	}
	assert.Equal(t, []string{"bridge"}, r.names(t))
}

func TestCheckEndpoint(t *testing.T) {
	t.Parallel()
	app := networks.Description{NetworkOptions: container.NetworkOptions{Name: "app", IPv4: netip.MustParsePrefix("10.7.0.0/24")}}
	both := app
	both.IPv6 = netip.MustParsePrefix("fd07::/64")
	byDefault := networks.Description{NetworkOptions: container.NetworkOptions{Name: "bridge"}}
	addr := netip.MustParseAddr
	for _, c := range []struct {
		on    networks.Description
		ep    container.Endpoint
		field string // that is wrong; "": none
	}{
		{app, container.Endpoint{}, ""},
		{app, container.Endpoint{Aliases: []string{"db", "db.local"}, MAC: "02:42:ac:11:00:02", IPv4: addr("10.7.0.9")}, ""},
		{app, container.Endpoint{Aliases: []string{"db", ""}}, "Aliases[1]"},
		{app, container.Endpoint{Aliases: []string{"a b"}}, "Aliases[0]"},
		{app, container.Endpoint{Aliases: []string{"a\nb"}}, "Aliases[0]"},
		{app, container.Endpoint{MAC: "x"}, "MAC"},
		{app, container.Endpoint{MAC: "01:00:5e:00:00:01"}, "MAC"},
		{app, container.Endpoint{MAC: "02:42:ac:11:00:02:00:01"}, "MAC"},
		{app, container.Endpoint{IPv4: addr("10.8.0.9")}, "IPv4"},
		{app, container.Endpoint{IPv4: addr("10.7.0.0")}, "IPv4"},
		{app, container.Endpoint{IPv4: addr("fd07::9")}, "IPv4"},
		{app, container.Endpoint{IPv6: addr("fd07::9")}, "IPv6"},
		{both, container.Endpoint{IPv6: addr("fd07::9")}, ""},
		{both, container.Endpoint{IPv6: addr("fd08::9")}, "IPv6"},
		{byDefault, container.Endpoint{IPv4: addr("10.7.0.9")}, ""},
		{byDefault, container.Endpoint{IPv6: addr("fd07::9")}, "IPv6"},
	} {
		err := c.on.Check("Endpoint", c.ep)
		if c.field == "" {
			require.NoError(t, err, "%+v", c.ep)
			continue
		}
		require.ErrorIs(t, err, api.ErrInvalidArgument, "%+v", c.ep)
		assert.ErrorContains(t, err, "Endpoint."+c.field+" ")
	}
}

func TestError(t *testing.T) {
	t.Parallel()
	for from, to := range map[error]error{
		network.ErrNotFound: api.ErrNotFound, network.ErrExists: api.ErrNameInUse, network.ErrInUse: api.ErrInUse,
		network.ErrNoIPv6: api.ErrUnsupported, &publish.PortInUseError{}: api.ErrPortInUse,
	} {
		err := networks.Error(errors.Join(from, errors.New("more")))
		require.ErrorIs(t, err, to)
		require.ErrorIs(t, err, from)
	}
	other := errors.New("other")
	assert.Equal(t, other, networks.Error(other))
	assert.NoError(t, networks.Error(nil))
}

// A container without a network of its own has no place.
func TestNoPlace(t *testing.T) {
	t.Parallel()
	p, err := newRoom(t).Join(t.Context(), networks.Member{ID: "1"})
	require.NoError(t, err)
	require.Nil(t, p)
	eps, ports := p.Info()
	assert.Empty(t, eps)
	assert.Empty(t, ports)
	assert.Empty(t, p.Endpoints())
	p.Apply(nil)
	require.NoError(t, p.Disconnect(t.Context(), "app"))
	require.NoError(t, p.Leave())
}

// TestDamagedDescription: a network whose description can't be read is found by its name and can be removed, and what a
// killed process was writing goes with the next network.
func TestDamagedDescription(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.create(t, container.NetworkOptions{Name: "sound"})
	r.create(t, container.NetworkOptions{Name: "broken"})
	dir := filepath.Join(r.dir, "networks")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "broken.json"), []byte("{"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "never.json.new"), []byte("{"), 0o600))
	damaged, err := r.Damaged()
	require.NoError(t, err)
	require.Len(t, damaged, 1)
	assert.Equal(t, "broken", damaged[0].Name)
	assert.Contains(t, damaged[0].Damaged, "its description is damaged")
	r.users = map[string]string{"broken": "web"}
	require.ErrorIs(t, r.Remove(t.Context(), "broken"), api.ErrInUse)
	r.users = nil
	require.NoError(t, r.Remove(t.Context(), "broken"))
	damaged, err = r.Damaged()
	require.NoError(t, err)
	assert.Empty(t, damaged)
	r.create(t, container.NetworkOptions{Name: "next"})
	assert.NoFileExists(t, filepath.Join(dir, "never.json.new"))
	assert.Equal(t, []string{"bridge", "next", "sound"}, r.names(t))
}
