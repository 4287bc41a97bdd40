package container

// Resources limit a container. The zero value of a field means no limit, or the default that is named. Create returns
// ErrUnsupported for a limit that the host, or this user, has no cgroup controller for.
type Resources struct {
	// Memory is in bytes, at least 6 MiB like in Docker. At the limit the kernel kills a process of the container.
	Memory int64 `json:"memory,omitempty"`
	// MemorySwap is memory and swap together, in bytes. -1 means no limit of swap. It needs Memory. Default: twice
	// Memory.
	MemorySwap int64 `json:"memorySwap,omitempty"`
	// MemoryReservation is in bytes. When the host is short of memory, the kernel takes from the container only what it
	// has above this. At least 6 MiB, and at most Memory.
	MemoryReservation int64 `json:"memoryReservation,omitempty"`
	// CPUs is how many processors the container can use at most, such as 1.5. At least 0.01, and at most what the host
	// has.
	CPUs float64 `json:"cpus,omitempty"`
	// CPUSet names the processors that it can use, such as 0-2,4. Default: all.
	CPUSet string `json:"cpuSet,omitempty"`
	// MemoryNodes names the memory nodes that it can use, such as 0,1. Default: all.
	MemoryNodes string `json:"memoryNodes,omitempty"`
	// CPUShares is its weight against other containers when processors are short, from 2 to 262144. Default: 1024.
	CPUShares int `json:"cpuShares,omitempty"`
	// PIDs is the number of processes and threads.
	PIDs int64 `json:"pids,omitempty"`
	// BlockIOWeight is its weight against others on block devices, from 10 to 1000. Default: 500.
	BlockIOWeight int `json:"blockIOWeight,omitempty"`
	// BlockIO limits the traffic with disks of the host.
	BlockIO []BlockIOLimit `json:"blockIO,omitempty"`
	// Ulimits are limits of each process; see getrlimit(2). A user who may not raise a limit gets the present hard limit.
	// Default: those of the agent.
	Ulimits []Ulimit `json:"ulimits,omitempty"`
	// ShmSize is the size of /dev/shm, in bytes. Default: 64 MiB.
	ShmSize int64 `json:"shmSize,omitempty"`
	// OOMScoreAdj, from -1000 to 1000, makes the kernel kill processes of the container later or sooner than others when
	// the host is out of memory. Default: 0.
	OOMScoreAdj int `json:"oomScoreAdj,omitempty"`
	// CgroupParent is the cgroup in which that of the container is made, from the root of the hierarchy. Default:
	// caisson.
	CgroupParent string `json:"cgroupParent,omitempty"`
	// Devices are devices of the host that the container gets, in addition to the usual ones such as /dev/null. Default:
	// none.
	Devices []Device `json:"devices,omitempty"`
}

// BlockIOLimit limits the traffic with a disk. A rate of 0 means no limit; at least one rate must be given.
type BlockIOLimit struct {
	// Device is the path of the disk on the host, such as /dev/sda. A partition can't have limits of its own.
	Device string `json:"device"`
	// ReadBPS and WriteBPS are bytes per second.
	ReadBPS  int64 `json:"readBPS,omitempty"`
	WriteBPS int64 `json:"writeBPS,omitempty"`
	// ReadIOPS and WriteIOPS are operations per second.
	ReadIOPS  int64 `json:"readIOPS,omitempty"`
	WriteIOPS int64 `json:"writeIOPS,omitempty"`
}

// Ulimit is a resource limit of processes.
type Ulimit struct {
	// Name is in lower case and without RLIMIT_, such as nofile, nproc, core, memlock or stack.
	Name string `json:"name"`
	// Soft and Hard are the limits. -1 means no limit.
	Soft int64 `json:"soft"`
	Hard int64 `json:"hard"`
}
