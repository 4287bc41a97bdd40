package request_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/request"
	"github.com/caisson-dev/caisson/image"
)

var known = request.Known{
	Image:     image.Config{Cmd: []string{"of", "image"}, ExposedPorts: []string{"443/tcp"}},
	PublishOn: netip.IPv4Unspecified(),
	Network: func(ref string) (string, error) {
		if ref == "none-such" {
			return "", errors.New("network none-such not found")
		}
		return ref, nil
	},
	Mounts: func(string) ([]container.Mount, error) {
		return []container.Mount{{Type: container.MountVolume, Source: "shared", Target: "/data"}, {Type: container.MountTmpfs, Target: "/run"}}, nil
	},
	Address: func(string) (netip.Addr, error) { return netip.MustParseAddr("10.0.0.9"), nil },
}

func wanted(t *testing.T, body string) (*request.Wanted, error) {
	t.Helper()
	var in request.Create
	require.NoError(t, json.Unmarshal([]byte(body), &in), body)
	return in.Options("name", known)
}

func TestOptions(t *testing.T) {
	all := netip.IPv4Unspecified()
	for body, check := range map[string]func(t *testing.T, o container.Options){
		`{}`: func(t *testing.T, o container.Options) {
			assert.Nil(t, o.Entrypoint)
			assert.Equal(t, []container.Endpoint{{Network: "bridge"}}, o.Networking.Endpoints)
			assert.Equal(t, image.PullNever, o.Pull)
		},
		`{"Cmd":"one","Entrypoint":"word"}`: func(t *testing.T, o container.Options) {
			assert.Equal(t, []string{"one"}, o.Cmd)
			assert.Equal(t, []string{"word"}, o.Entrypoint)
		},
		`{"Entrypoint":[]}`: func(t *testing.T, o container.Options) {
			assert.Equal(t, []string{}, o.Entrypoint)
			assert.Equal(t, []string{"of", "image"}, o.Cmd)
		},
		`{"Entrypoint":[""],"Cmd":["x"]}`: func(t *testing.T, o container.Options) {
			assert.Equal(t, []string{}, o.Entrypoint)
			assert.Equal(t, []string{"x"}, o.Cmd)
		},
		`{"StopTimeout":0}`: func(t *testing.T, o container.Options) { assert.Equal(t, time.Nanosecond, o.Lifecycle.StopTimeout) },
		`{"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"8000-8010"}],"53/udp":[{"HostIp":"127.0.0.1","HostPort":""}]}}}`: func(t *testing.T, o container.Options) {
			assert.Equal(t, []container.Port{
				{Container: 53, Protocol: "udp", HostIP: netip.MustParseAddr("127.0.0.1")},
				{Container: 80, Protocol: "tcp", HostIP: all, Host: 8000, HostLast: 8010},
			}, o.Ports)
		},
		`{"ExposedPorts":{"80/tcp":{}},"HostConfig":{"PublishAllPorts":true}}`: func(t *testing.T, o container.Options) {
			assert.Equal(t, []container.Port{{Container: 443, Protocol: "tcp", HostIP: all}, {Container: 80, Protocol: "tcp", HostIP: all}}, o.Ports)
		},
		`{"HostConfig":{"NetworkMode":"front"},"NetworkingConfig":{"EndpointsConfig":{"front":{"Aliases":["a"],"IPAMConfig":{"IPv4Address":"10.1.2.3"}},"back":{}}}}`: func(t *testing.T, o container.Options) {
			assert.Equal(t, []container.Endpoint{{Network: "front", Aliases: []string{"a"}, IPv4: netip.MustParseAddr("10.1.2.3")}, {Network: "back"}}, o.Networking.Endpoints)
		},
		`{"NetworkingConfig":{"EndpointsConfig":{"front":{}}}}`: func(t *testing.T, o container.Options) {
			assert.Equal(t, []container.Endpoint{{Network: "front"}}, o.Networking.Endpoints)
		},
		`{"HostConfig":{"NetworkMode":"host"}}`: func(t *testing.T, o container.Options) { assert.Equal(t, container.NetworkHost, o.Network) },
		`{"HostConfig":{"Links":["db:base"]}}`: func(t *testing.T, o container.Options) {
			assert.Equal(t, []string{"base:10.0.0.9"}, o.Networking.Hosts)
		},
		`{"Volumes":{"/data":{},"/own":{}},"HostConfig":{"VolumesFrom":["other:ro"],"Binds":["/src:/dst:ro,rshared"]}}`: func(t *testing.T, o container.Options) {
			assert.Equal(t, []container.Mount{
				{Type: container.MountBind, Source: "/src", Target: "/dst", ReadOnly: true, CreateSource: true, Propagation: container.PropagationRShared},
				{Type: container.MountVolume, Source: "shared", Target: "/data", ReadOnly: true}, {Type: container.MountVolume, Target: "/own"},
			}, o.Mounts)
		},
		`{"HostConfig":{"SecurityOpt":["no-new-privileges","seccomp=unconfined","label=disable"],"MaskedPaths":[],"ReadonlyPaths":[]}}`: func(t *testing.T, o container.Options) {
			assert.Equal(t, container.Security{NoNewPrivileges: true, Seccomp: "unconfined", Unmasked: true}, o.Security)
		},
		`{"HostConfig":{"CpuQuota":150000,"PidsLimit":-1,"Tmpfs":{"/t":"size=1m,mode=700"}}}`: func(t *testing.T, o container.Options) {
			assert.InDelta(t, 1.5, o.Resources.CPUs, 0)
			assert.Zero(t, o.Resources.PIDs)
			assert.Equal(t, []container.Mount{{Type: container.MountTmpfs, Target: "/t", Tmpfs: container.Tmpfs{Size: 1 << 20, Mode: 0o700}}}, o.Mounts)
		},
		`{"HostConfig":{"LogConfig":{"Type":"json-file","Config":{"max-size":"10m","max-file":"3"}}}}`: func(t *testing.T, o container.Options) {
			assert.Equal(t, container.LogConfig{MaxSize: 10 << 20, MaxFiles: 3}, o.Log)
		},
	} {
		w, err := wanted(t, body)
		if assert.NoError(t, err, body) {
			t.Run(body, func(t *testing.T) { check(t, w.Options) })
		}
	}
}

func TestRefused(t *testing.T) {
	for body, text := range map[string]string{
		`{"HostConfig":{"Runtime":"kata"}}`:                                                                        "unknown or invalid runtime name: kata",
		`{"HostConfig":{"DeviceRequests":[{"Driver":"nvidia","Capabilities":[["gpu"]]}]}}`:                         `could not select device driver "nvidia" with capabilities: [[gpu]]`,
		`{"HostConfig":{"VolumeDriver":"nfs"}}`:                                                                    "error looking up volume plugin nfs",
		`{"HostConfig":{"CgroupnsMode":"host"}}`:                                                                   "HostConfig.CgroupnsMode host is not supported",
		`{"HostConfig":{"StorageOpt":{"size":"1g"}}}`:                                                              "HostConfig.StorageOpt is not supported",
		`{"HostConfig":{"Memory":1000}}`:                                                                           "Minimum memory limit allowed is 6MB",
		`{"HostConfig":{"NanoCpus":1000000000,"CpuQuota":5000}}`:                                                   "Conflicting options: Nano CPUs and CPU Period/Quota",
		`{"HostConfig":{"AutoRemove":true,"RestartPolicy":{"Name":"always"}}}`:                                     "can't create 'AutoRemove' container with restart policy",
		`{"HostConfig":{"RestartPolicy":{"Name":"sometimes"}}}`:                                                    "unknown policy 'sometimes'",
		`{"HostConfig":{"Binds":["/a:/x","/b:/x/"]}}`:                                                              "Duplicate mount point",
		`{"HostConfig":{"Binds":["/a:x"]}}`:                                                                        "mount path must be absolute",
		`{"HostConfig":{"Binds":["/a:/"]}}`:                                                                        "destination can't be '/'",
		`{"HostConfig":{"Binds":["/a:/x:odd"]}}`:                                                                   "invalid mode: odd",
		`{"HostConfig":{"Mounts":[{"Type":"volume","Source":"v","Target":"/x","VolumeOptions":{"Subpath":"s"}}]}}`: "VolumeOptions.Subpath is not supported",
		`{"HostConfig":{"Mounts":[{"Type":"npipe","Target":"/x"}]}}`:                                               "mount type unknown",
		`{"HostConfig":{"Mounts":[{"Type":"bind","Target":"/x"}]}}`:                                                "field Source must not be empty",
		`{"HostConfig":{"SecurityOpt":["odd=1"]}}`:                                                                 "invalid --security-opt",
		`{"HostConfig":{"LogConfig":{"Type":"syslog"}}}`:                                                           "no log driver named 'syslog' is registered",
		`{"HostConfig":{"NetworkMode":"none-such"}}`:                                                               "network none-such not found",
		`{"HostConfig":{"PortBindings":{"80/sctp":[{}]}}}`:                                                         "sctp is not supported",
		`{"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"9-8"}]}}}`:                                          "invalid port specification",
		`{"Hostname":"h","HostConfig":{"NetworkMode":"container:x"}}`:                                              "conflicting options: hostname and the network mode",
		`{"HostConfig":{"UTSMode":"odd"}}`:                                                                         "invalid UTS mode: odd",
	} {
		_, err := wanted(t, body)
		assert.ErrorContains(t, err, text, body)
	}
}

// FuzzCreate: whatever a client sends is an error or options, and never a panic.
func FuzzCreate(f *testing.F) {
	f.Add(`{"Image":"x","HostConfig":{"Binds":["a:/b:ro"],"PortBindings":{"80":[{"HostPort":"1-2"}]},"Tmpfs":{"/t":"size=x"}}}`)
	f.Add(`{"Cmd":"x","Entrypoint":[""],"NetworkingConfig":{"EndpointsConfig":{"a":null}},"HostConfig":{"Mounts":[{}],"Ulimits":[null],"BlkioDeviceReadBps":[null]}}`)
	f.Fuzz(func(t *testing.T, body string) {
		var in request.Create
		if json.Unmarshal([]byte(body), &in) != nil {
			return
		}
		w, err := in.Options("name", known)
		if (w == nil) == (err == nil) {
			t.Fatalf("%v, %v", w, err)
		}
	})
}
