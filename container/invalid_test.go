package container_test

import (
	"context"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// anyValue are the fields that have no wrong value.
var anyValue = []string{"NetworkOptions.EnableIPv6", "NetworkOptions.Internal"}

// wrongOptions are what the engine finds wrong with the help of the store, of the networks and of the host, by what the
// message has, and a handful of the others: a table beside the agent's package spec has all fields.
func wrongOptions() []wrong {
	res := func(text string, r container.Resources) wrong {
		return wrong{"Options.Resources." + text, container.Options{Resources: r}, nil}
	}
	sec := func(text string, s container.Security) wrong {
		return wrong{"Options.Security" + text, container.Options{Security: s}, nil}
	}
	mount := func(text string, m container.Mount) wrong {
		if m.Target == "" && !strings.HasPrefix(text, "Target") {
			m.Target = "/m"
		}
		return wrong{"Options.Mounts[0]." + text, container.Options{Mounts: []container.Mount{m}}, nil}
	}
	port := func(text string, p ...container.Port) wrong {
		return wrong{"Options.Ports" + text, container.Options{Ports: p}, nil}
	}
	join := func(text string, ep ...container.Endpoint) wrong {
		return wrong{"Options.Networking.Endpoints" + text, container.Options{Networking: container.NetworkingConfig{Endpoints: ep}}, nil}
	}
	return []wrong{
		{"Options.Image", container.Options{}, nil},
		{"UPPER/x", container.Options{Image: "UPPER/x"}, image.ErrInvalidReference},
		{"localhost/none:1", container.Options{Image: "localhost/none:1", Pull: image.PullNever}, container.ErrNotFound},
		{"Options.Name", container.Options{Name: "-x"}, nil},
		{`container name "invalid-other"`, container.Options{Name: "invalid-other"}, container.ErrNameInUse},
		{"Options.Cmd", container.Options{Entrypoint: []string{}}, nil},
		mount("Source", container.Mount{Source: "/no/such"}),
		{"Options.Network", container.Options{Network: "container:nobody"}, container.ErrNotFound},
		{"Options.Network", container.Options{Network: "no-such-network"}, container.ErrNotFound},
		{"Options.Networking.Endpoints[0].Network", container.Options{Networking: container.NetworkingConfig{Endpoints: []container.Endpoint{{Network: "no-such-network"}}}}, container.ErrNotFound},
		{"Options.Networking.Endpoints[0].Network", container.Options{Networking: container.NetworkingConfig{Endpoints: []container.Endpoint{{Network: "host"}}}}, container.ErrNotFound},
		join("[0].IPv4", container.Endpoint{Network: "invalid-net", IPv4: netip.MustParseAddr("203.0.113.9")}),
		join("[0].IPv4", container.Endpoint{Network: "invalid-net", IPv4: netip.MustParseAddr("fd00::1")}),
		join("[0].IPv6", container.Endpoint{Network: "invalid-net", IPv6: netip.MustParseAddr("fd99::1")}),
		join("[0].IPv6", container.Endpoint{Network: "invalid-net", IPv6: netip.MustParseAddr("192.0.2.1")}),
		join("[0].MAC", container.Endpoint{Network: "invalid-net", MAC: "zz"}),
		port("[1].Host", container.Port{Container: 1, Host: 4000}, container.Port{Container: 2, Host: 4000}),
		res("CPUs", container.Resources{CPUs: 1e6}),
		res("CPUSet", container.Resources{CPUSet: "8000"}),
		res("BlockIO[0].Device", container.Resources{BlockIO: []container.BlockIOLimit{{Device: "/dev/null", ReadBPS: 1}}}),
		sec(".Seccomp", container.Security{Seccomp: "{"}),
		{"Options.Security.AppArmor", container.Options{Security: container.Security{AppArmor: "no-such-profile"}}, container.ErrUnsupported},
		{"Options.Namespaces.PID", container.Options{Namespaces: container.Namespaces{PID: "container:nobody"}}, container.ErrNotFound},
		{"Options.Namespaces.IPC", container.Options{Namespaces: container.Namespaces{IPC: "container:nobody"}}, container.ErrNotFound},
		{"Options.Namespaces.UTS", container.Options{Namespaces: container.Namespaces{UTS: "container:nobody"}}, container.ErrNotFound},
		{"Options.Resources.Devices[0]: source", container.Options{Resources: container.Resources{Devices: []container.Device{{Source: "/no/such"}}}}, nil},
		{"Options.Resources.Devices[0]: source", container.Options{Resources: container.Resources{Devices: []container.Device{{Source: "/etc/passwd"}}}}, nil},
	}
}

type wrong struct {
	text string // that the message has: the field first
	opts container.Options
	want error // nil: ErrInvalidArgument
}

// TestInvalidOptions: wrong options are refused at Create, by the field's name, and nothing is left.
func TestInvalidOptions(t *testing.T) { // not beside others: it compares what there is in the store
	e := newEngine(t)
	ctx := t.Context()
	create(t, e, container.Options{Name: "invalid-other"})
	_, err := e.CreateNetwork(ctx, container.NetworkOptions{Name: "invalid-net"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.RemoveNetwork(context.Background(), "invalid-net")) })
	source := filepath.Join(t.TempDir(), "not", "made")
	before := holdings(t, e)
	for _, tc := range wrongOptions() {
		t.Run(tc.text, func(t *testing.T) {
			if tc.opts.Image == "" && tc.text != "Options.Image" {
				tc.opts.Image = testImage
			}
			if tc.want == nil {
				tc.want = container.ErrInvalidArgument
			}
			if tc.opts.Namespaces.PID == "container:nobody" && os.Geteuid() != 0 {
				tc.want = container.ErrUnsupported // said first
			}
			if tc.opts.Mounts == nil {
				tc.opts.Mounts = []container.Mount{{Source: source, Target: "/made", CreateSource: true}, {Type: container.MountVolume, Target: "/anonymous"}}
			}
			c, err := e.Create(ctx, tc.opts)
			require.ErrorIs(t, err, tc.want)
			assert.ErrorContains(t, err, tc.text)
			assert.Nil(t, c)
		})
	}
	assert.Equal(t, before, holdings(t, e), "nothing is left of a container that was refused")
	assert.NoDirExists(t, source)
}

// holdings are the names of what the store has.
func holdings(t *testing.T, e *container.Engine) (names []string) {
	t.Helper()
	infos, err := e.List(t.Context(), container.ListOptions{All: true})
	require.NoError(t, err)
	for _, info := range infos {
		names = append(names, info.Name)
	}
	volumes, err := e.Volumes(t.Context())
	require.NoError(t, err)
	for _, v := range volumes {
		names = append(names, v.Name)
	}
	return names
}

// untested are the fields of a struct that none of the texts names. A text names one by its path, or by the path of what
// it is in and its own name.
func untested(t reflect.Type, texts []string) (missing []string) {
	named := map[string]bool{}
	for _, text := range texts {
		named[indexRE.ReplaceAllString(pathRE.FindString(text), "")] = true
	}
	var walk func(reflect.Type, string)
	walk = func(t reflect.Type, path string) {
		for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() == reflect.Struct && t.PkgPath() == reflect.TypeFor[container.Options]().PkgPath() {
			for i := range t.NumField() {
				walk(t.Field(i).Type, path+"."+t.Field(i).Name)
			}
			return
		}
		parent, leaf := path[:strings.LastIndex(path, ".")], strings.ToLower(path[strings.LastIndex(path, ".")+1:])
		byParent := slices.ContainsFunc(texts, func(text string) bool {
			return strings.HasPrefix(indexRE.ReplaceAllString(text, ""), parent) && strings.Contains(strings.ToLower(text[len(parent):]), leaf)
		})
		if !named[path] && !byParent && !slices.Contains(anyValue, path) {
			missing = append(missing, path)
		}
	}
	walk(t, t.Name())
	return missing
}

var (
	pathRE  = regexp.MustCompile(`^[A-Za-z0-9.\[\]]+`)
	indexRE = regexp.MustCompile(`\[\d+\]`)
)

// TestInvalidNetworkOptions is the same of networks.
func TestInvalidNetworkOptions(t *testing.T) {
	e := newEngine(t)
	before, err := e.Networks(t.Context())
	require.NoError(t, err)
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	var texts []string
	for _, tc := range []struct {
		text string
		opts container.NetworkOptions
	}{
		{"NetworkOptions.Name", container.NetworkOptions{}},
		{"NetworkOptions.Name", container.NetworkOptions{Name: "a b"}},
		{"NetworkOptions.Name", container.NetworkOptions{Name: "host"}},
		{"NetworkOptions.Name", container.NetworkOptions{Name: strings.Repeat("n", 300)}},
		{"NetworkOptions.IPv4", container.NetworkOptions{IPv4: prefix("fd00::/64")}},
		{"NetworkOptions.IPv4", container.NetworkOptions{IPv4: prefix("192.0.2.0/31")}},
		{"NetworkOptions.IPv4", container.NetworkOptions{IPv4: prefix("127.0.0.0/8")}},
		{"NetworkOptions.IPv6", container.NetworkOptions{IPv6: prefix("192.0.2.0/24")}},
		{"NetworkOptions.IPv6", container.NetworkOptions{IPv6: prefix("fd00::/127")}},
		{"NetworkOptions.Gateway4", container.NetworkOptions{IPv4: prefix("192.0.2.0/24"), Gateway4: addr("198.51.100.1")}},
		{"NetworkOptions.Gateway4", container.NetworkOptions{Gateway4: addr("198.51.100.1")}},
		{"NetworkOptions.Gateway6", container.NetworkOptions{IPv6: prefix("fd12::/64"), Gateway6: addr("fd13::1")}},
		{"NetworkOptions.Gateway6", container.NetworkOptions{Gateway6: addr("fd13::1")}},
		{"NetworkOptions.IPv4Range", container.NetworkOptions{IPv4: prefix("192.0.2.0/24"), IPv4Range: prefix("198.51.100.0/25")}},
		{"NetworkOptions.IPv6Range", container.NetworkOptions{IPv6: prefix("fd12::/64"), IPv6Range: prefix("fd13::/80")}},
		{"NetworkOptions.MTU", container.NetworkOptions{MTU: 100}},
		{"NetworkOptions.MTU", container.NetworkOptions{MTU: -1}},
		{"NetworkOptions.Labels", container.NetworkOptions{Labels: map[string]string{"": "x"}}},
	} {
		texts = append(texts, tc.text)
		t.Run(tc.text, func(t *testing.T) {
			if tc.opts.Name == "" && tc.text != "NetworkOptions.Name" {
				tc.opts.Name = "invalid-network"
			}
			info, err := e.CreateNetwork(t.Context(), tc.opts)
			require.ErrorIs(t, err, container.ErrInvalidArgument)
			assert.ErrorContains(t, err, tc.text)
			assert.Nil(t, info)
		})
	}
	after, err := e.Networks(t.Context())
	require.NoError(t, err)
	assert.Equal(t, len(before), len(after))
	assert.Empty(t, untested(reflect.TypeFor[container.NetworkOptions](), texts))
}

// TestInvalidCommands is the same of the commands in a container.
func TestInvalidCommands(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Network: container.NetworkNone})
	for _, tc := range []struct {
		text   string
		change func(*container.Cmd)
	}{
		{"Args", func(cmd *container.Cmd) { cmd.Args = nil }},
		{"Args", func(cmd *container.Cmd) { cmd.Args[0] = "" }},
		{"Args[1]", func(cmd *container.Cmd) { cmd.Args = append(cmd.Args[:1], "a\x00") }},
		{"Env", func(cmd *container.Cmd) { cmd.Env = []string{"=x"} }},
		{"Dir", func(cmd *container.Cmd) { cmd.Dir = "work" }},
		{"User", func(cmd *container.Cmd) { cmd.User = "a:b:c" }},
		{"user \"nobody-here\"", func(cmd *container.Cmd) { cmd.User = "nobody-here" }},
		{"Detach", func(cmd *container.Cmd) { cmd.Detach, cmd.Stdout = true, io.Discard }},
	} {
		t.Run(tc.text, func(t *testing.T) {
			cmd := c.Command("/bin/testbox", "true")
			tc.change(cmd)
			err := cmd.Run(t.Context())
			require.ErrorIs(t, err, container.ErrInvalidArgument)
			assert.ErrorContains(t, err, tc.text)
		})
	}
	_, err := e.CreateVolume(t.Context(), container.VolumeOptions{Name: "a/b"})
	require.ErrorIs(t, err, container.ErrInvalidArgument)
	require.ErrorContains(t, err, "VolumeOptions.Name")
	_, err = e.CreateVolume(t.Context(), container.VolumeOptions{Labels: map[string]string{"": "x"}})
	require.ErrorIs(t, err, container.ErrInvalidArgument)
	require.ErrorContains(t, err, "VolumeOptions.Labels")
}
