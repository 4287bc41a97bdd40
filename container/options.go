package container

import (
	"net/netip"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/image"
)

// Options say what container to make. The zero value of every field but Image is the right default.
type Options struct {
	// Image by name, name:tag, name@digest, id or prefix of an id.
	Image string `json:"image"`
	// Name is unique in the store; it follows [a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}. Default: one is made up.
	Name string `json:"name,omitempty"`
	// Entrypoint replaces the image's. Nil keeps it; an empty one that is not nil takes it away.
	Entrypoint []string `json:"entrypoint"`
	// Cmd replaces the image's CMD. Nil keeps it, unless Entrypoint is given.
	Cmd []string `json:"cmd"`
	// Env as KEY=value, added to the image's; KEY alone takes the image's away. ReadEnvFile reads them from a file.
	Env []string `json:"env,omitempty"`
	// Dir is the working directory; it is made if it does not exist. Default: the image's, else /.
	Dir string `json:"dir,omitempty"`
	// User as name, uid, name:group or uid:gid. Default: the image's, else root.
	User string `json:"user,omitempty"`
	// Process says more about the process.
	Process ProcessConfig `json:"process,omitzero"`
	// Labels are kept with the container.
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations go into the OCI runtime specification.
	Annotations map[string]string `json:"annotations,omitempty"`
	// Mounts put directories, volumes, images and memory into the container.
	Mounts []Mount `json:"mounts,omitempty"`
	// ReadOnly makes the root file system read-only. Mounts stay writable.
	ReadOnly bool `json:"readOnly,omitempty"`
	// Network is NetworkDefault, NetworkNone (a loopback of its own), NetworkHost, the name of a network, or "container:"
	// and the name or id of a running container whose network it shares. Default: NetworkDefault.
	Network NetworkMode `json:"network,omitempty"`
	// Networking says more about its networks, host name and name resolution.
	Networking NetworkingConfig `json:"networking,omitzero"`
	// Ports that are published on the host.
	Ports []Port `json:"ports,omitempty"`
	// Stdin gives the process a standard input that Attach can write to. Default: /dev/null.
	Stdin bool `json:"stdin,omitempty"`
	// TTY gives the process a terminal: its output is one stream, and what is typed reaches it through line discipline.
	TTY bool `json:"tty,omitempty"`
	// Resources limit what the container uses. Default: no limits.
	Resources Resources `json:"resources,omitzero"`
	// Security says how the container is confined. Default: as Docker confines.
	Security Security `json:"security,omitzero"`
	// Namespaces that the container shares, and sysctls of its own ones. Default: it shares none.
	Namespaces Namespaces `json:"namespaces,omitzero"`
	// Health checks whether the container works. Default: the image's HEALTHCHECK.
	Health HealthConfig `json:"health,omitzero"`
	// Lifecycle says when the container is restarted, and how it is stopped.
	Lifecycle LifecycleConfig `json:"lifecycle,omitzero"`
	// Log bounds the log. Default: it is kept whole.
	Log LogConfig `json:"log,omitzero"`
	// AutoRemove removes the container when its process has ended. It excludes Lifecycle.Restart.
	AutoRemove bool `json:"autoRemove,omitempty"`
	// Detach lets the container outlive this process; it gets an agent of its own when it starts.
	Detach bool `json:"detach,omitempty"`
	// Pull says when the image is fetched. Default: PullMissing.
	Pull image.PullPolicy `json:"pull,omitempty"`
	// ModifySpec changes the OCI runtime specification that the engine has made of all the above, in this process, once,
	// at Create; every Start uses the result. What it can do is outside the compatibility promise, and what it breaks is
	// its own affair. An error of its makes Create fail.
	ModifySpec func(*specs.Spec) error `json:"-"`
}

// ProcessConfig says how the container's process runs.
type ProcessConfig struct {
	// Groups are supplementary groups of the user, by name or number, beside those of the image's /etc/group.
	Groups []string `json:"groups,omitempty"`
	// Init makes an init of the engine's process 1: it runs the command, forwards signals to it and reaps zombies.
	Init bool `json:"init,omitempty"`
}

// NetworkingConfig says how a container is on its networks.
type NetworkingConfig struct {
	// Endpoints are the networks that it joins, instead of Options.Network; its default route is by the first.
	Endpoints []Endpoint `json:"endpoints,omitempty"`
	// Hostname. Default: the first 12 characters of the id.
	Hostname string `json:"hostname,omitempty"`
	// Domain is the NIS domain name. Default: none.
	Domain string `json:"domain,omitempty"`
	// Hosts are further lines of /etc/hosts, as NAME:ADDRESS.
	Hosts []string `json:"hosts,omitempty"`
	// DNS says how names are resolved.
	DNS DNS `json:"dns,omitzero"`
}

// LifecycleConfig says how a container's process ends and is started again.
type LifecycleConfig struct {
	// Restart says when the process is started again after it has ended. Default: never.
	Restart RestartPolicy `json:"restart,omitzero"`
	// StopSignal is what Stop sends first, as SIGTERM, TERM or 15. Default: the image's, else SIGTERM.
	StopSignal string `json:"stopSignal,omitempty"`
	// StopTimeout is how long Stop waits before SIGKILL. Default: 10 s.
	StopTimeout time.Duration `json:"stopTimeout,omitempty"`
	// IdleTimeout removes a detached container, running or not, that nobody has held for so long: see Container.Hold. It
	// counts from the start, and anew whenever the last that held it lets go. Default: never.
	IdleTimeout time.Duration `json:"idleTimeout,omitempty"`
}

// NetworkMode is a container's network.
type NetworkMode string

// The network modes.
const (
	NetworkNone NetworkMode = "none" // a private loopback, and nothing else
	NetworkHost NetworkMode = "host" // the host's network
)

// DNS says how a container resolves names. It goes into /etc/resolv.conf.
type DNS struct {
	// Servers are addresses of name servers. Default: the network's.
	Servers []netip.Addr `json:"servers,omitempty"`
	// Search are domains that short names are tried in.
	Search []string `json:"search,omitempty"`
	// Options as in resolv.conf(5): ndots:2.
	Options []string `json:"options,omitempty"`
}
