package share

// Machine is what a process has to divide.
type Machine struct {
	Files  uint64 // how many it may open
	Memory uint64 // of the machine, in bytes
	Ports  int    // of the host that a socket takes by itself
}

const (
	// flowMemory is what a connection costs when nothing is stuck in its buffers: 26 kB were measured, with 16,000 of them.
	flowMemory = 32 << 10
	// maxFlows keeps a machine with much memory from having more goroutines than it can schedule.
	maxFlows = 1 << 16
	// maxPending is as many half-open connections as a busy server's kernel keeps.
	maxPending = 4096
)

// Size is what containers may hold of it: half of the descriptors, a sixteenth of the memory, half of the ports. The
// rest is for whatever else the engine does, and for other processes.
func (m Machine) Size() Amount {
	descriptors := int(min(m.Files/2, 1<<30))
	flows := min(descriptors, int(min(m.Memory/16/flowMemory, maxFlows)))
	return Amount{Descriptors: descriptors, Flows: flows, Sessions: min(flows, m.Ports/2), Pending: min(flows/2, maxPending)}
}
