package container

import (
	"time"

	"github.com/caisson-dev/caisson/image"
)

// Options say what container to make. The zero value of every field but Image is the right default.
type Options struct {
	// Image by name, name:tag, name@digest, id or prefix of an id.
	Image string `json:"image"`
	// Name is unique in the store; it follows [a-zA-Z0-9][a-zA-Z0-9_.-]+. Default: one is made up.
	Name string `json:"name,omitempty"`
	// Entrypoint replaces the image's. Nil keeps it; an empty one that is not nil takes it away.
	Entrypoint []string `json:"entrypoint"`
	// Cmd replaces the image's CMD. Nil keeps it, unless Entrypoint is given.
	Cmd []string `json:"cmd"`
	// Env as KEY=value, added to the image's.
	Env []string `json:"env,omitempty"`
	// Dir is the working directory; it is made if it does not exist. Default: the image's, else /.
	Dir string `json:"dir,omitempty"`
	// User as name, uid, name:group or uid:gid. Default: the image's, else root.
	User string `json:"user,omitempty"`
	// Hostname. Default: the first 12 characters of the id.
	Hostname string `json:"hostname,omitempty"`
	// Labels are kept with the container.
	Labels map[string]string `json:"labels,omitempty"`
	// Mounts put directories and volumes of the host into the container.
	Mounts []Mount `json:"mounts,omitempty"`
	// ReadOnly makes the root file system read-only. Mounts stay writable.
	ReadOnly bool `json:"readOnly,omitempty"`
	// Network is NetworkNone (a loopback of its own), or NetworkHost. Default: NetworkNone.
	Network NetworkMode `json:"network,omitempty"`
	// Stdin gives the process a standard input that Attach can write to. Default: /dev/null.
	Stdin bool `json:"stdin,omitempty"`
	// TTY gives the process a terminal: its output is one stream, and what is typed reaches it through line discipline.
	TTY bool `json:"tty,omitempty"`
	// StopSignal is what Stop sends first, as SIGTERM, TERM or 15. Default: the image's, else SIGTERM.
	StopSignal string `json:"stopSignal,omitempty"`
	// StopTimeout is how long Stop waits before SIGKILL. Default: 10 s.
	StopTimeout time.Duration `json:"stopTimeout,omitempty"`
	// AutoRemove removes the container when its process has ended.
	AutoRemove bool `json:"autoRemove,omitempty"`
	// Detach lets the container outlive this process; it gets an agent of its own when it starts.
	Detach bool `json:"detach,omitempty"`
	// Pull says when the image is fetched. Default: PullMissing.
	Pull image.PullPolicy `json:"pull,omitempty"`
}

// NetworkMode is a container's network.
type NetworkMode string

// The network modes.
const (
	NetworkNone NetworkMode = "none" // a private loopback, and nothing else
	NetworkHost NetworkMode = "host" // the host's network
)

// Mount puts something into a container.
type Mount struct {
	// Type. Default: MountBind.
	Type MountType `json:"type,omitempty"`
	// Source is the path on the host (bind) or the volume's name (volume; empty for an anonymous one).
	Source string `json:"source,omitempty"`
	// Target is the absolute path in the container.
	Target string `json:"target"`
	// ReadOnly forbids writing.
	ReadOnly bool `json:"readOnly,omitempty"`
}

// MountType is what a Mount's source is.
type MountType string

// The mount types.
const (
	MountBind   MountType = "bind"   // a file or directory of the host, which must exist
	MountVolume MountType = "volume" // kept by the store; an empty one is filled with the image's files
	MountTmpfs  MountType = "tmpfs"  // memory
)
