package spec

import "github.com/caisson-dev/caisson/container"

// ChangePolicy is the restart policy after a change; the zero change keeps it.
func ChangePolicy(o container.Options, change container.RestartPolicy) (container.RestartPolicy, error) {
	if change == (container.RestartPolicy{}) {
		return o.Lifecycle.Restart, nil
	}
	if o.AutoRemove && change.Mode != container.RestartNo {
		return o.Lifecycle.Restart, invalid("UpdateOptions.Restart.Mode %q: the container has AutoRemove, and a removed container can't start again", change.Mode)
	}
	return change, validateRestart("UpdateOptions.Restart", change)
}

// ChangeResources joins limits with the changes to them: zero fields of change keep theirs.
func ChangeResources(old, change container.Resources) (container.Resources, error) {
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"Ulimits", change.Ulimits != nil}, {"ShmSize", change.ShmSize != 0}, {"OOMScoreAdj", change.OOMScoreAdj != 0},
		{"CgroupParent", change.CgroupParent != ""}, {"BlockIO", change.BlockIO != nil}, {"Devices", change.Devices != nil},
	} {
		if f.set {
			return old, invalid("Resources.%s: it can't change after the container was created: make a new container", f.name)
		}
	}
	now := old
	if change.Memory != 0 {
		now.Memory = change.Memory
		if change.MemorySwap == 0 && now.MemorySwap > 0 && now.MemorySwap < now.Memory {
			return old, invalid("Resources.Memory %d: it is more than memory and swap together (%d): set MemorySwap too", now.Memory, now.MemorySwap)
		}
	}
	set(&now.MemorySwap, change.MemorySwap)
	set(&now.MemoryReservation, change.MemoryReservation)
	set(&now.CPUs, change.CPUs)
	set(&now.CPUSet, change.CPUSet)
	set(&now.MemoryNodes, change.MemoryNodes)
	set(&now.CPUShares, change.CPUShares)
	set(&now.PIDs, change.PIDs)
	set(&now.BlockIOWeight, change.BlockIOWeight)
	return now, validateResources(now)
}

func set[T comparable](field *T, to T) {
	var zero T
	if to != zero {
		*field = to
	}
}
