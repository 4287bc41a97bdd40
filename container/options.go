package container

import (
	"net/netip"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/image"
)

// Options say what container to make. The zero value of every field but Image is right for most programs.
type Options struct {
	// Image is the image by name, name:tag, name@digest, id or prefix of an id.
	Image string `json:"image"`
	// Name is unique in the store. It must match [a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}. Default: a name is made up.
	Name string `json:"name,omitempty"`
	// Entrypoint replaces the ENTRYPOINT of the image. An empty one that is not nil takes it away. Default: the image's.
	Entrypoint []string `json:"entrypoint"`
	// Cmd replaces the CMD of the image. Default: the image's, or none if Entrypoint is given.
	Cmd []string `json:"cmd"`
	// Env has variables as KEY=value, which are added to those of the image. A KEY alone takes a variable of the image
	// away; with docker run -e it would copy the variable of this process. ReadEnvFile reads variables from a file.
	Env []string `json:"env,omitempty"`
	// Dir is the working directory. It is made if it does not exist. Default: the image's, or /.
	Dir string `json:"dir,omitempty"`
	// User is a name, uid, name:group or uid:gid. Default: the image's, or root.
	User string `json:"user,omitempty"`
	// Process has further settings of the process.
	Process ProcessConfig `json:"process,omitzero"`
	// Labels are kept with the container. Default: none.
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations go into the OCI runtime specification. Default: none.
	Annotations map[string]string `json:"annotations,omitempty"`
	// Mounts put directories, volumes, images and memory into the container.
	Mounts []Mount `json:"mounts,omitempty"`
	// ReadOnly makes the root file system read-only. Mounts stay writable.
	ReadOnly bool `json:"readOnly,omitempty"`
	// Network is NetworkDefault, NetworkNone, NetworkHost, the name of a network, or "container:" and the name or id of a
	// running container whose network it shares. Default: NetworkDefault.
	Network NetworkMode `json:"network,omitempty"`
	// Networking has further settings: several networks, addresses, the host name and name resolution.
	Networking NetworkingConfig `json:"networking,omitzero"`
	// Ports are published on the host. Default: none.
	Ports []Port `json:"ports,omitempty"`
	// Stdin gives the process a standard input, to which Attach writes. Default: /dev/null.
	Stdin bool `json:"stdin,omitempty"`
	// TTY gives the process a terminal. Its output is then one stream.
	TTY bool `json:"tty,omitempty"`
	// Resources limit what the container uses. Default: no limits.
	Resources Resources `json:"resources,omitzero"`
	// Security says how the container is confined. Default: like Docker confines it.
	Security Security `json:"security,omitzero"`
	// Namespaces says which namespaces the container shares, and sets sysctls. Default: it shares none.
	Namespaces Namespaces `json:"namespaces,omitzero"`
	// Health says how to find out whether the container works. Default: the HEALTHCHECK of the image.
	Health HealthConfig `json:"health,omitzero"`
	// Lifecycle says how the container is stopped and restarted.
	Lifecycle LifecycleConfig `json:"lifecycle,omitzero"`
	// Log bounds the log. Default: it is kept whole.
	Log LogConfig `json:"log,omitzero"`
	// AutoRemove removes the container when its process has ended. It can't be combined with Lifecycle.Restart.
	AutoRemove bool `json:"autoRemove,omitempty"`
	// Detach lets the container outlive this process.
	Detach bool `json:"detach,omitempty"`
	// Pull says when the image is pulled. Default: image.PullMissing.
	Pull image.PullPolicy `json:"pull,omitempty"`
	// ModifySpec changes the OCI runtime specification that the engine has made of the other fields. It is called once,
	// in this process, by Create; every Start uses the result. If it returns an error Create fails. It is outside the
	// compatibility promise: the engine may make another specification in another version, and does not check what
	// ModifySpec has made.
	ModifySpec func(*specs.Spec) error `json:"-"`
}

// ProcessConfig says how the container's process runs.
type ProcessConfig struct {
	// Groups are supplementary groups of the user, by name or number, in addition to those in /etc/group of the image.
	// Default: none.
	Groups []string `json:"groups,omitempty"`
	// Init makes an init of the engine process 1. It runs the command, forwards signals to it and reaps orphans.
	Init bool `json:"init,omitempty"`
}

// NetworkingConfig says how a container is on its networks.
type NetworkingConfig struct {
	// Endpoints are the networks that the container joins, instead of Options.Network. The default route is by the first.
	// Default: that of Options.Network.
	Endpoints []Endpoint `json:"endpoints,omitempty"`
	// Hostname is the host name, at most 63 letters, digits, dots and hyphens. Default: the first 12 characters of the
	// id.
	Hostname string `json:"hostname,omitempty"`
	// Domain is the NIS domain name. Default: none.
	Domain string `json:"domain,omitempty"`
	// Hosts are further lines of /etc/hosts, each written NAME:ADDRESS. The address host-gateway stands for the host.
	// Default: none.
	Hosts []string `json:"hosts,omitempty"`
	// HostPorts are the ports, from 1 to 65535, at which the container reaches services that listen on the host's loopback
	// address alone (127.0.0.1 or ::1), over TCP and UDP, by the name host.docker.internal. Such a service sees the
	// connection come from the loopback. A service that listens on all addresses of the host, or on another one than the
	// loopback, is reached by that name without this option. Default: none; a connection to them is refused.
	HostPorts []uint16 `json:"hostPorts,omitempty"`
	// AllHostPorts stands for all ports in HostPorts. Whatever listens on the host for local programs alone, such as a
	// debugger or a database without a password, is then open to the container.
	AllHostPorts bool `json:"allHostPorts,omitempty"`
	// DNS says how names are resolved. Default: by the networks, which know the names of the containers on them.
	DNS DNS `json:"dns,omitzero"`
	// Exposed are ports that the process says to listen on, each written PORT or PORT/tcp or PORT/udp, in addition to those
	// of the image. They are a note for people and programs that look at the container: nothing is opened or published by
	// them. Default: none.
	Exposed []string `json:"exposed,omitempty"`
}

// LifecycleConfig says how a container's process ends and is started again.
type LifecycleConfig struct {
	// Restart says when the process is started again after it has ended. Default: never.
	Restart RestartPolicy `json:"restart,omitzero"`
	// StopSignal is the signal that Stop sends first, such as SIGTERM, TERM or 15. Default: the STOPSIGNAL of the image,
	// or SIGTERM.
	StopSignal string `json:"stopSignal,omitempty"`
	// StopTimeout is the time that Stop waits before it sends SIGKILL. Default: 10 s.
	StopTimeout time.Duration `json:"stopTimeout,omitempty"`
	// IdleTimeout removes a detached container, whether it runs or not, when no process has held it for that time; see
	// Container.Hold. The time counts from the start, and again from the moment when the last holder releases it.
	// Default: never.
	IdleTimeout time.Duration `json:"idleTimeout,omitempty"`
}

// NetworkMode says which network a container has: a constant, the name of a network, or "container:" and a container.
type NetworkMode string

// The network modes.
const (
	NetworkNone NetworkMode = "none" // a loopback of its own only
	NetworkHost NetworkMode = "host" // the network of the host
)

// DNS says how a container resolves names. It goes into /etc/resolv.conf.
type DNS struct {
	// Servers are the addresses of name servers. Default: that of the network.
	Servers []netip.Addr `json:"servers,omitempty"`
	// Search are domains that are tried for short names. Default: those of the host.
	Search []string `json:"search,omitempty"`
	// Options are options of resolv.conf(5), such as ndots:2. Default: none.
	Options []string `json:"options,omitempty"`
}
