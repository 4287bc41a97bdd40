package container

// Mount puts something into a container.
type Mount struct {
	// Type. Default: MountBind.
	Type MountType `json:"type,omitempty"`
	// Source is the path on the host (bind), the volume's name (volume; empty for an anonymous one) or the image.
	Source string `json:"source,omitempty"`
	// Target is the absolute path in the container.
	Target string `json:"target"`
	// ReadOnly forbids writing, also to what is mounted below the source. An image mount is always read-only.
	ReadOnly bool `json:"readOnly,omitempty"`
	// CreateSource makes a bind mount's directory on the host if it does not exist. Default: that is an error.
	CreateSource bool `json:"createSource,omitempty"`
	// Propagation of mounts between the host and a bind mount. Default: PropagationRPrivate.
	Propagation Propagation `json:"propagation,omitempty"`
	// NoCopy leaves an empty volume empty. Default: it is filled with what the image has at Target.
	NoCopy bool `json:"noCopy,omitempty"`
	// Tmpfs tunes a MountTmpfs.
	Tmpfs Tmpfs `json:"tmpfs,omitzero"`
}

// MountType is what a Mount's source is.
type MountType string

// The mount types.
const (
	MountBind   MountType = "bind"   // a file or directory of the host, which must exist
	MountVolume MountType = "volume" // kept by the store; an empty one is filled with the image's files
	MountTmpfs  MountType = "tmpfs"  // memory
	MountImage  MountType = "image"  // the files of another image, read-only
)

// Propagation is how mounts below a bind mount reach the other side; see mount_namespaces(7).
type Propagation string

// The propagations. Without the r, they don't hold for what is mounted below the source already.
const (
	PropagationPrivate  Propagation = "private"
	PropagationRPrivate Propagation = "rprivate" // neither way
	PropagationSlave    Propagation = "slave"
	PropagationRSlave   Propagation = "rslave" // from the host into the container
	PropagationShared   Propagation = "shared"
	PropagationRShared  Propagation = "rshared" // both ways; the source must be on a shared mount
)

// Tmpfs tunes a mount of memory. It is nosuid, nodev and noexec, as Docker's, unless Options say otherwise.
type Tmpfs struct {
	// Size in bytes. Default: half of the machine's memory.
	Size int64 `json:"size,omitempty"`
	// Mode is the root's mode as for chmod: 0o700. Default: 0o1777.
	Mode uint32 `json:"mode,omitempty"`
	// Options are further mount options: exec, suid, dev, noatime, uid=, gid=, nr_inodes=, huge=; and tmpcopyup, by which
	// it begins with what the container's file system has at Target, as podman's does.
	Options []string `json:"options,omitempty"`
}
