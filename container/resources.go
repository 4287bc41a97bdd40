package container

// Resources limit a container. The zero value of each field is no limit, or the default that is named. A limit that
// the host or its user has no cgroup controller for makes Create fail with ErrUnsupported.
type Resources struct {
	// Memory in bytes; at least 6 MiB, as in Docker. The kernel kills a process of the container at the limit.
	Memory int64 `json:"memory,omitempty"`
	// MemorySwap is memory and swap together, in bytes; -1: swap without limit. It wants Memory. Default: twice Memory.
	MemorySwap int64 `json:"memorySwap,omitempty"`
	// MemoryReservation, in bytes, is what the container keeps when the host is short of memory: the kernel takes from it
	// only what it has above that. At least 6 MiB, and at most Memory if that is given.
	MemoryReservation int64 `json:"memoryReservation,omitempty"`
	// CPUs is how many processors' time the container gets at most: 1.5. At least 0.01, at most what the host has.
	CPUs float64 `json:"cpus,omitempty"`
	// CPUSet names the processors, as 0-2,4.
	CPUSet string `json:"cpuSet,omitempty"`
	// MemoryNodes names the memory nodes, as 0,1.
	MemoryNodes string `json:"memoryNodes,omitempty"`
	// CPUShares is the weight against other containers when processors are short: 2 to 262144. Default: 1024.
	CPUShares int `json:"cpuShares,omitempty"`
	// PIDs is how many processes and threads there may be.
	PIDs int64 `json:"pids,omitempty"`
	// BlockIOWeight is the weight against others on block devices: 10 to 1000. Default: 500.
	BlockIOWeight int `json:"blockIOWeight,omitempty"`
	// BlockIO limits the traffic with single disks of the host.
	BlockIO []BlockIOLimit `json:"blockIO,omitempty"`
	// Ulimits of the processes; see getrlimit(2). Without the right to raise one, it is cut to the present hard limit.
	Ulimits []Ulimit `json:"ulimits,omitempty"`
	// ShmSize is the size of /dev/shm in bytes. Default: 64 MiB.
	ShmSize int64 `json:"shmSize,omitempty"`
	// OOMScoreAdj, -1000 to 1000, makes the kernel kill the container's processes later or sooner than others when the
	// host is out of memory. Default: 0.
	OOMScoreAdj int `json:"oomScoreAdj,omitempty"`
	// CgroupParent is the cgroup that the container's is made in, from the root of the hierarchy. Default: caisson.
	CgroupParent string `json:"cgroupParent,omitempty"`
	// Devices of the host that the container gets beside the default ones.
	Devices []Device `json:"devices,omitempty"`
}

// BlockIOLimit limits the traffic with a disk. A rate that is 0 is no limit; one of them is given.
type BlockIOLimit struct {
	// Device is the disk's path on the host, as /dev/sda. Partitions have no limits of their own.
	Device string `json:"device"`
	// ReadBPS and WriteBPS are bytes a second.
	ReadBPS  int64 `json:"readBPS,omitempty"`
	WriteBPS int64 `json:"writeBPS,omitempty"`
	// ReadIOPS and WriteIOPS are operations a second.
	ReadIOPS  int64 `json:"readIOPS,omitempty"`
	WriteIOPS int64 `json:"writeIOPS,omitempty"`
}

// Ulimit is a resource limit of processes.
type Ulimit struct {
	// Name in lower case and without RLIMIT_: nofile, nproc, core, memlock, stack …
	Name string `json:"name"`
	// Soft and Hard limits; -1 is none.
	Soft int64 `json:"soft"`
	Hard int64 `json:"hard"`
}
