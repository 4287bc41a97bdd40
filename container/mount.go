package container

// Mount puts a directory, a volume, memory or an image into a container.
type Mount struct {
	// Type says what Source is. Default: MountBind.
	Type MountType `json:"type,omitempty"`
	// Source is the absolute path on the host for MountBind, the name of the volume for MountVolume (of 2 to 128
	// characters, by the rule of VolumeOptions.Name), and the image for MountImage. A MountVolume without a Source gets an
	// anonymous volume.
	Source string `json:"source,omitempty"`
	// Target is the absolute path in the container.
	Target string `json:"target"`
	// ReadOnly forbids writing, also to what is mounted below the source. A MountImage is always read-only.
	ReadOnly bool `json:"readOnly,omitempty"`
	// CreateSource makes a directory at the source of a MountBind if nothing exists there. A file or a socket that exists
	// is mounted as it is. Default: a source that does not exist is an error.
	CreateSource bool `json:"createSource,omitempty"`
	// Propagation says which way later mounts are seen through a MountBind. Default: PropagationRPrivate.
	Propagation Propagation `json:"propagation,omitempty"`
	// NoCopy leaves an empty volume empty. Default: it is filled with the files that the image has at Target.
	NoCopy bool `json:"noCopy,omitempty"`
	// Tmpfs tunes a MountTmpfs.
	Tmpfs Tmpfs `json:"tmpfs,omitzero"`
}

// MountType says what the source of a Mount is.
type MountType string

// The mount types.
const (
	MountBind   MountType = "bind"   // a file or directory of the host, which must exist
	MountVolume MountType = "volume" // kept by the store; an empty one is filled with the image's files
	MountTmpfs  MountType = "tmpfs"  // memory
	MountImage  MountType = "image"  // the files of another image, read-only
)

// Propagation says whether mounts that are made below a bind mount are seen on the other side; see mount_namespaces(7).
type Propagation string

// The propagations. Those without the r do not apply to what is mounted below the source already.
const (
	PropagationPrivate  Propagation = "private"
	PropagationRPrivate Propagation = "rprivate" // neither way
	PropagationSlave    Propagation = "slave"
	PropagationRSlave   Propagation = "rslave" // from the host into the container
	PropagationShared   Propagation = "shared"
	PropagationRShared  Propagation = "rshared" // both ways; the source must be on a shared mount
)

// Tmpfs tunes a file system in memory. It is nosuid, nodev and noexec like Docker's, unless Options say otherwise.
type Tmpfs struct {
	// Size is the bound of its content, in bytes. Default: half of the memory of the machine.
	Size int64 `json:"size,omitempty"`
	// Mode is the mode of its root, such as 0o700. Default: that of the directory that the image has there, or else
	// 0o1777.
	Mode uint32 `json:"mode,omitempty"`
	// Options are further mount options: exec, suid, dev, noatime, uid=, gid=, nr_inodes=, huge=, and tmpcopyup. With
	// tmpcopyup it begins with the files that the container has at Target, like podman's. Default: none.
	Options []string `json:"options,omitempty"`
}
