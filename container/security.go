package container

// Security changes how a container is confined. The zero value confines like Docker does by default: 14 capabilities,
// the seccomp profile, the masked and read-only paths, and namespaces of its own.
type Security struct {
	// CapAdd and CapDrop change the capabilities, named NET_ADMIN or CAP_NET_ADMIN. ALL stands for all of them; the other
	// field then makes exceptions.
	CapAdd  []string `json:"capAdd,omitempty"`
	CapDrop []string `json:"capDrop,omitempty"`
	// Privileged takes the confinement away: all capabilities, all devices, no seccomp filter, writable /sys and
	// /proc/sys. Root in such a container is root of the host, or, where the user is not root, of the user's namespace.
	Privileged bool `json:"privileged,omitempty"`
	// NoNewPrivileges keeps set-user-id programs and file capabilities from raising privileges.
	NoNewPrivileges bool `json:"noNewPrivileges,omitempty"`
	// Seccomp is Unconfined, or a profile as JSON in the format of Docker or of the OCI runtime specification. Default:
	// Docker's profile.
	Seccomp string `json:"seccomp,omitempty"`
	// AppArmor is the name of a profile that the host has loaded, or Unconfined. Default: Docker's profile with the name
	// caisson-default-1. The engine loads it if the host has AppArmor, the user is root and apparmor_parser is installed;
	// otherwise, and with Privileged, there is no profile.
	AppArmor string `json:"appArmor,omitempty"`
	// Unmasked shows the paths of /proc and /sys that are hidden or read-only by default.
	Unmasked bool `json:"unmasked,omitempty"`
	// DeviceRules allow the use of devices that the container makes itself or gets by a mount, such as "c 10:229 rwm". A
	// * stands for any number. Default: none.
	DeviceRules []string `json:"deviceRules,omitempty"`
}

// Unconfined is the value of Security.Seccomp and Security.AppArmor that means no confinement.
const Unconfined = "unconfined"

// Namespaces says which namespaces a container shares, and sets kernel parameters of its own ones. PID, IPC and UTS are
// NamespaceHost, or "container:" and the name or id of a container that runs when this one starts. Default: its own.
type Namespaces struct {
	PID NamespaceMode `json:"pid,omitempty"`
	IPC NamespaceMode `json:"ipc,omitempty"` // with /dev/shm
	UTS NamespaceMode `json:"uts,omitempty"` // hostname and domain
	// Sysctls are kernel parameters of the container's own namespaces, such as net.ipv4.ip_forward.
	Sysctls map[string]string `json:"sysctls,omitempty"`
}

// NamespaceMode says whose namespace a container uses: NamespaceHost, or "container:" and the name or id of a container.
type NamespaceMode string

// NamespaceHost means the namespace of the host.
const NamespaceHost NamespaceMode = "host"

// Device is a device of the host.
type Device struct {
	// Source is its path on the host. A directory stands for all devices below it.
	Source string `json:"source"`
	// Target is its path in the container. Default: Source.
	Target string `json:"target,omitempty"`
	// Permissions are some of r (read), w (write) and m (mknod). Default: rwm.
	Permissions string `json:"permissions,omitempty"`
}
