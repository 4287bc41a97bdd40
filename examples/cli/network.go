package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/network"
	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/examples/cli/internal/format"
)

var networkCreateCommand = command{
	name: "network create", args: "NETWORK", short: "Create a network", min: 1, max: 1,
	example: "network create --subnet 10.5.0.0/24 --gateway 10.5.0.254 backend",
	setup: func(flags *pflag.FlagSet) action {
		var o container.NetworkOptions
		subnets := flags.StringArray("subnet", nil, "subnet, such as 10.5.0.0/24 (may be repeated, for IPv4 and IPv6)")
		gateways := flags.StringArray("gateway", nil, "address of the gateway (may be repeated, for IPv4 and IPv6; default: the first of the subnet)")
		ranges := flags.StringArray("ip-range", nil, "part of the subnet that containers get addresses from (may be repeated, for IPv4 and IPv6)")
		flags.BoolVar(&o.Internal, "internal", false, "no access to the outside or to the host")
		flags.BoolVar(&o.EnableIPv6, "ipv6", false, "IPv6 too")
		labels := flags.StringArray("label", nil, "label NAME=VALUE (may be repeated)")
		driver := flags.StringP("driver", "d", "bridge", "driver: bridge is the only one")
		options := flags.StringArrayP("opt", "o", nil, "option of the bridge: com.docker.network.driver.mtu=BYTES (may be repeated)")
		flags.Bool("attachable", false, "accepted for compatibility with Docker: every network is")
		return func(ctx context.Context, c *cli, args []string) (err error) {
			o.Name = args[0]
			if o.Name == "default" {
				return fmt.Errorf("network create %s: that is another name of the network %s: use a name of its own", o.Name, container.NetworkDefault)
			}
			if *driver != "bridge" {
				return fmt.Errorf("--driver %q: bridge is the only driver: leave the flag out", *driver)
			}
			if o.Labels, err = pairs("label", *labels); err == nil {
				err = subnetOptions(&o, *subnets, *ranges, *gateways)
			}
			if err == nil {
				err = networkDriverOptions(&o, *options)
			}
			if err != nil {
				return err
			}
			engine, err := c.engine()
			if err != nil {
				return err
			}
			info, err := engine.CreateNetwork(ctx, o)
			if err == nil {
				fmt.Fprintln(c.out, info.Name)
			}
			return err
		}
	},
}

// subnetOptions reads --subnet, --ip-range and --gateway.
func subnetOptions(o *container.NetworkOptions, subnets, ranges, gateways []string) error {
	for _, f := range []struct {
		flag   string
		values []string
		v4, v6 *netip.Prefix
	}{{"ip-range", ranges, &o.IPv4Range, &o.IPv6Range}, {"subnet", subnets, &o.IPv4, &o.IPv6}} {
		for _, s := range f.values {
			p, err := netip.ParsePrefix(s)
			if err != nil {
				return fmt.Errorf("--%s %q: %w", f.flag, s, err)
			}
			to := f.v6
			if p.Addr().Is4() {
				to = f.v4
			}
			if to.IsValid() {
				return fmt.Errorf("--%s %s and %s: a network has one of IPv4 and one of IPv6", f.flag, to, s)
			}
			*to = p
		}
	}
	for _, s := range gateways {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return fmt.Errorf("--gateway %q: %w", s, err)
		}
		to := &o.Gateway6
		if a.Is4() {
			to = &o.Gateway4
		}
		if to.IsValid() {
			return fmt.Errorf("--gateway %s and %s: a network has one of IPv4 and one of IPv6", to, s)
		}
		*to = a
	}
	return nil
}

// networkDriverOptions reads --opt. Of the options of Docker's bridge those that a network here can't have are refused.
func networkDriverOptions(o *container.NetworkOptions, options []string) (err error) {
	for _, s := range options {
		name, value, _ := strings.Cut(s, "=")
		switch name {
		case "com.docker.network.driver.mtu":
			if o.MTU, err = strconv.Atoi(value); err != nil {
				return fmt.Errorf("--opt %q: it must be a number of bytes", s)
			}
		case "com.docker.network.bridge.enable_icc", "com.docker.network.bridge.enable_ip_masquerade":
			if on, err := strconv.ParseBool(value); err != nil || !on {
				return fmt.Errorf("--opt %q: it is always true here: leave the flag out", s)
			}
		default:
			return fmt.Errorf("--opt %q: the option that a network has here is com.docker.network.driver.mtu", s)
		}
	}
	return nil
}

// networksTable has the subnets in place of Docker's ids: a network here is known by its name alone.
const networksTable = `table {{.Name}}\t{{.Subnets}}\t{{.Containers}}`

var networkLsCommand = command{
	name: "network ls|list", short: "List networks",
	setup: func(flags *pflag.FlagSet) action {
		quiet := flags.BoolP("quiet", "q", false, "print only the names")
		flags.Bool("no-trunc", false, "accepted for compatibility with Docker: ids are names, and never shortened")
		where := format.FilterFlag(flags, "dangling", "driver", "id", "label", "name", "scope", "type")
		how := format.Flag(flags)
		return func(ctx context.Context, c *cli, _ []string) error {
			if err := where.Check(); err != nil {
				return err
			}
			for _, v := range where.Values("type") {
				if v != "builtin" && v != "custom" {
					return fmt.Errorf("--filter type=%s: it must be builtin or custom", v)
				}
			}
			engine, err := c.engine()
			if err != nil {
				return err
			}
			list, err := engine.Networks(ctx)
			if err != nil {
				return err
			}
			for name := range predefined {
				list = append(list, container.NetworkInfo{NetworkOptions: container.NetworkOptions{Name: name}})
			}
			slices.SortFunc(list, func(a, b container.NetworkInfo) int { return strings.Compare(a.Name, b.Name) })
			var rows []networkRow
			for _, n := range list {
				if networkFits(where, n) {
					rows = append(rows, newNetworkRow(n))
				}
			}
			table := networksTable
			if *quiet && (*how == "" || how.IsTable()) {
				table, *how = "{{.Name}}", ""
			}
			return format.Rows(c.out, how.Or(table), rows)
		}
	},
}

// predefined are the drivers of the names that a container can have instead of a network.
var predefined = map[string]string{string(container.NetworkHost): "host", string(container.NetworkNone): "null"}

// driverOf is the driver of a network by its name.
func driverOf(name string) string { return first(predefined[name], "bridge") }

func networkFits(where *format.Filters, n container.NetworkInfo) bool {
	own, id := "custom", n.Name
	if predefined[n.Name] != "" {
		id = ""
	}
	if n.Name == string(container.NetworkDefault) || predefined[n.Name] != "" {
		own = "builtin"
	}
	is := func(s string) func(string) bool { return func(v string) bool { return v == s } }
	return where.Any("name", format.Matches(n.Name)) && where.Any("id", format.Matches(id)) && where.Any("driver", is(driverOf(n.Name))) &&
		where.Any("scope", is("local")) && where.Any("type", is(own)) && where.All("label", format.Labelled(n.Labels)) &&
		where.Is("dangling", len(n.Containers) == 0 && own == "custom")
}

// networkRow has docker network ls's names for --format, and more.
type networkRow struct {
	Containers, CreatedAt, Driver string
	ID                            string `head:"NETWORK ID"`
	IPv6, Internal, Labels        string
	Name, Scope, Subnets          string
	labels                        map[string]string
}

// Label is the value of a label.
func (r networkRow) Label(name string) string { return r.labels[name] }

func newNetworkRow(n container.NetworkInfo) networkRow {
	var subnets []string
	for _, p := range []netip.Prefix{n.IPv4, n.IPv6} {
		if p.IsValid() {
			subnets = append(subnets, p.String())
		}
	}
	return networkRow{
		Containers: strconv.Itoa(len(n.Containers)), CreatedAt: n.Created.String(), Driver: driverOf(n.Name), ID: n.Name,
		IPv6: strconv.FormatBool(n.IPv6.IsValid()), Internal: strconv.FormatBool(n.Internal), Labels: format.Joined(n.Labels), Name: n.Name,
		Scope: "local", Subnets: strings.Join(subnets, ","), labels: n.Labels,
	}
}

var networkRmCommand = command{
	name: "network rm|remove", args: "NETWORK [NETWORK...]", short: "Remove networks", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		force := flags.BoolP("force", "f", false, "ignore networks that don't exist")
		return func(ctx context.Context, c *cli, args []string) error {
			return c.each(args, func(arg string) (string, error) {
				engine, err := c.engine()
				if err == nil {
					err = engine.RemoveNetwork(ctx, arg)
				}
				if *force && errors.Is(err, container.ErrNotFound) {
					err = nil
				}
				return arg, err
			})
		}
	},
}

var networkPruneCommand = command{
	name: "network prune", short: "Remove networks that no container uses",
	setup: func(flags *pflag.FlagSet) action {
		force := flags.BoolP("force", "f", false, "don't ask")
		where := format.FilterFlag(flags, "label", "label!", "until")
		return func(ctx context.Context, c *cli, _ []string) error {
			if err := where.Check(); err != nil {
				return err
			}
			until, err := where.Until(time.Now())
			if err != nil {
				return err
			}
			if !*force && !c.confirm("This will remove all custom networks not used by at least one container.") {
				return nil
			}
			engine, err := c.engine()
			if err != nil {
				return err
			}
			return c.pruneNetworks(ctx, engine, where, until)
		}
	},
}

// pruneNetworks removes the networks that nothing uses, and that fit the filters if there are any.
func (c *cli) pruneNetworks(ctx context.Context, engine *container.Engine, where *format.Filters, until time.Time) error {
	if until.IsZero() && len(where.Values("label"))+len(where.Values("label!")) == 0 {
		names, err := engine.PruneNetworks(ctx)
		c.pruned("Networks", names)
		return err
	}
	list, err := engine.Networks(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, n := range list {
		if n.Name == string(container.NetworkDefault) || !until.IsZero() && n.Created.After(until) ||
			!where.All("label", format.Labelled(n.Labels)) || len(where.Values("label!")) > 0 && where.All("label!", format.Labelled(n.Labels)) {
			continue
		}
		switch err := engine.RemoveNetwork(ctx, n.Name); {
		case err == nil:
			names = append(names, n.Name)
		case !errors.Is(err, container.ErrInUse) && !errors.Is(err, container.ErrNotFound):
			return err
		}
	}
	c.pruned("Networks", names)
	return nil
}

var networkInspectCommand = command{
	name: "network inspect", args: "NETWORK [NETWORK...]", short: "Describe networks as JSON", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		how := format.InspectFlag(flags)
		flags.BoolP("verbose", "v", false, "accepted for compatibility with Docker: all is shown")
		return func(ctx context.Context, c *cli, args []string) error {
			return inspectEach(c, args, *how, func(name string) (*network.Inspect, error) { return c.inspectNetwork(ctx, name) })
		}
	},
}

// inspectNetwork describes a network in Docker's own type.
func (c *cli) inspectNetwork(ctx context.Context, name string) (*network.Inspect, error) {
	engine, err := c.engine()
	if err != nil {
		return nil, err
	}
	n := &container.NetworkInfo{NetworkOptions: container.NetworkOptions{Name: name}}
	if predefined[name] == "" {
		if n, err = engine.Network(ctx, name); err != nil {
			return nil, err
		}
	}
	out := &network.Inspect{
		Name: n.Name, ID: n.Name, Created: n.Created, Scope: "local", Driver: driverOf(n.Name), EnableIPv4: n.IPv4.IsValid(), EnableIPv6: n.IPv6.IsValid(),
		IPAM: network.IPAM{Driver: "default", Options: map[string]string{}, Config: []network.IPAMConfig{}}, Internal: n.Internal, Attachable: true,
		Containers: map[string]network.EndpointResource{}, Options: map[string]string{}, Labels: map[string]string{},
	}
	for k, v := range n.Labels {
		out.Labels[k] = v
	}
	if n.MTU != 0 {
		out.Options["com.docker.network.driver.mtu"] = strconv.Itoa(n.MTU)
	}
	for _, s := range []struct {
		subnet, part netip.Prefix
		gateway      netip.Addr
	}{{n.IPv4, n.IPv4Range, n.Gateway4}, {n.IPv6, n.IPv6Range, n.Gateway6}} {
		if s.subnet.IsValid() {
			out.IPAM.Config = append(out.IPAM.Config, network.IPAMConfig{Subnet: s.subnet.String(), IPRange: prefixText(s.part), Gateway: text(s.gateway)})
		}
	}
	for id, name := range n.Containers {
		e := network.EndpointResource{Name: name, EndpointID: id}
		if err := c.place(ctx, id, n.Name, &e); err != nil {
			return nil, err
		}
		out.Containers[id] = e
	}
	return out, nil
}

// place adds a container's addresses on a network. One that is gone by now has none.
func (c *cli) place(ctx context.Context, id, network string, e *network.EndpointResource) error {
	ctr, err := c.container(ctx, id)
	if err == nil {
		var info *container.Info
		if info, err = ctr.Inspect(ctx); err == nil {
			for _, n := range info.Networks {
				if n.Network == network {
					e.MacAddress, e.IPv4Address, e.IPv6Address = n.MAC, prefixText(n.IPv4), prefixText(n.IPv6)
				}
			}
		}
	}
	if errors.Is(err, container.ErrNotFound) {
		return nil
	}
	return err
}

func prefixText(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.String()
}

var networkConnectCommand = command{
	name: "network connect", args: "NETWORK CONTAINER", short: "Connect a container to a network", min: 2, max: 2,
	setup: func(flags *pflag.FlagSet) action {
		var e container.Endpoint
		flags.StringArrayVar(&e.Aliases, "alias", nil, "another name on the network (may be repeated)")
		flags.TextVar(&e.IPv4, "ip", netip.Addr{}, "IPv4 address on the network")
		flags.TextVar(&e.IPv6, "ip6", netip.Addr{}, "IPv6 address on the network")
		return func(ctx context.Context, c *cli, args []string) error {
			ctr, err := c.container(ctx, args[1])
			if err != nil {
				return err
			}
			info, err := ctr.Inspect(ctx)
			if err != nil {
				return err
			}
			mode := info.Options.Network
			if mode == container.NetworkHost || mode == container.NetworkNone && notesOf(&info.Options).NoNetwork || strings.HasPrefix(string(mode), "container:") {
				return fmt.Errorf("connect %s to network %s: it was made with the network %s, beside which it can have no other", args[1], args[0], mode)
			}
			e.Network = args[0]
			if err := ctr.Connect(ctx, e); err != nil {
				return fmt.Errorf("connect %s to network %s: %w", args[1], args[0], err)
			}
			return nil
		}
	},
}

var networkDisconnectCommand = command{
	name: "network disconnect", args: "NETWORK CONTAINER", short: "Disconnect a container from a network", min: 2, max: 2,
	setup: func(flags *pflag.FlagSet) action {
		flags.BoolP("force", "f", false, "accepted for compatibility with Docker: a container is always disconnected at once")
		return func(ctx context.Context, c *cli, args []string) error {
			ctr, err := c.container(ctx, args[1])
			if err != nil {
				return err
			}
			return ctr.Disconnect(ctx, args[0])
		}
	},
}
