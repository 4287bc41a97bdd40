package dockertest

import (
	"context"
	"maps"
	"testing"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/shared"
)

// Net is a network of a test. It is an Option, which joins the container to it:
//
//	nw := dockertest.Network(t)
//	dockertest.Run(t, "postgres:17", nw.Alias("db"))
//	dockertest.Run(t, "app", nw, dockertest.Env("DB", "db:5432"))
type Net struct {
	name string
}

// Network makes a network that goes with the test. The containers on it reach each other by name and Alias. This machine
// reaches them by Addr and Dial, and they reach this machine as host.docker.internal, as HostPorts says.
func Network(t testing.TB) *Net {
	t.Helper()
	return NetworkOf(t, container.NetworkOptions{})
}

// NetworkOf is Network with options, such as Internal for one without a way out. A name is made up if it has none.
func NetworkOf(t testing.TB, opts container.NetworkOptions) *Net {
	t.Helper()
	nw, err := newNetwork(t, opts)
	if err != nil {
		t.Fatalf("dockertest: network: %v", err)
	}
	return nw
}

func newNetwork(t testing.TB, opts container.NetworkOptions) (*Net, error) {
	eng, labels, err := owned(t)
	if err != nil {
		return nil, err
	}
	ctx, cancel := testContext(t)
	defer cancel()
	maps.Copy(labels, opts.Labels)
	opts.Labels = labels
	if opts.Name == "" {
		opts.Name = shared.Name(t.Name())
	}
	info, err := eng.CreateNetwork(ctx, opts)
	if err != nil {
		return nil, err
	}
	removeAtEnd(t, "network", info.Name, eng.RemoveNetwork)
	return &Net{name: info.Name}, nil
}

// Name is the name of the network, for container.Endpoint.Network.
func (n *Net) Name() string { return n.name }

// Alias joins a container to the network under further names.
func (n *Net) Alias(names ...string) Option {
	return optionFunc(func(s *settings) {
		s.owned = append(s.owned, "the network "+n.name)
		s.opts.Networking.Endpoints = append(s.opts.Networking.Endpoints, container.Endpoint{Network: n.name, Aliases: names})
	})
}

func (n *Net) apply(s *settings) { n.Alias().apply(s) }

// owned are the engine, and the labels by which what a test makes is found when this process has been killed.
func owned(t testing.TB) (*container.Engine, map[string]string, error) {
	eng, err := engine()
	if err != nil {
		return nil, nil, err
	}
	me, err := shared.Owner(eng)
	return eng, map[string]string{labelTest: t.Name(), shared.LabelOwner: me}, err
}

// removeAtEnd removes a test's fixture when the test ends.
func removeAtEnd(t testing.TB, kind, name string, remove func(context.Context, string) error) {
	t.Cleanup(func() {
		if t.Failed() && keep() {
			return // its containers are kept, too
		}
		ctx, cancel := context.WithTimeout(context.Background(), opTimeout)
		defer cancel()
		if err := remove(ctx, name); err != nil {
			t.Errorf("dockertest: %s %s: remove: %v", kind, name, err)
		}
	})
}
