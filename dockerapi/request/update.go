package request

import (
	docker "github.com/moby/moby/api/types/container"

	"github.com/caisson-dev/caisson/container"
)

// Update is a change of limits and of the restart policy.
func Update(in docker.UpdateConfig) (container.UpdateOptions, error) {
	var o container.UpdateOptions
	r := in.Resources
	if r.MemorySwap > 0 && r.Memory == 0 { // it is compared with the memory that the container has
		r.MemorySwap = 0
	}
	var err error
	if o.Resources, err = Resources(&r); err != nil {
		return o, err
	}
	if in.Memory == 0 {
		o.Resources.MemorySwap = in.MemorySwap
	}
	if p := in.PidsLimit; p != nil {
		o.Resources.PIDs = *p
		if *p <= 0 {
			o.Resources.PIDs = -1
		}
	}
	if len(o.Resources.BlockIO) > 0 {
		return o, invalid("limits of disks can't be changed: make another container")
	}
	o.Restart, err = Restart(in.RestartPolicy)
	if in.RestartPolicy.Name == docker.RestartPolicyDisabled {
		o.Restart.Mode = container.RestartNo
	}
	return o, err
}
