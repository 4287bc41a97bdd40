package shape

import (
	"encoding/json"
	"maps"

	docker "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/caisson-dev/caisson/container"
)

// Extra is what Docker keeps of a container and the library has no option for. It lies in an annotation of the container,
// so that every process that looks at it says the same.
type Extra struct {
	AttachStdin  bool `json:"attachStdin,omitempty"`
	AttachStdout bool `json:"attachStdout,omitempty"`
	AttachStderr bool `json:"attachStderr,omitempty"`
	// StdinOnce closes the standard input of the process when the first client's ends.
	StdinOnce bool `json:"stdinOnce,omitempty"`
	// Host has the fields of Docker's HostConfig that the client gave, and that are told back as they were.
	Host HostExtra `json:"host,omitzero"`
	// Endpoints have what the client gave of each network, by its name.
	Endpoints map[string]network.EndpointSettings `json:"endpoints,omitempty"`
}

// HostExtra are fields of Docker's HostConfig, as the client gave them.
type HostExtra struct {
	NetworkMode     docker.NetworkMode  `json:"networkMode,omitempty"`
	IpcMode         docker.IpcMode      `json:"ipcMode,omitempty"`
	CgroupnsMode    docker.CgroupnsMode `json:"cgroupnsMode,omitempty"`
	Links           []string            `json:"links,omitempty"`
	VolumesFrom     []string            `json:"volumesFrom,omitempty"`
	Binds           []string            `json:"binds,omitempty"`
	Mounts          json.RawMessage     `json:"mounts,omitempty"`
	PortBindings    network.PortMap     `json:"portBindings,omitempty"`
	SecurityOpt     []string            `json:"securityOpt,omitempty"`
	PublishAllPorts bool                `json:"publishAllPorts,omitempty"`
	ConsoleSize     [2]uint             `json:"consoleSize,omitzero"`
	LogType         string              `json:"logType,omitempty"`
	CPUPeriod       int64               `json:"cpuPeriod,omitempty"`
	CPUQuota        int64               `json:"cpuQuota,omitempty"`
}

// annotation is the name under which Extra is kept.
const annotation = "dev.caisson.dockerapi"

// Keep puts what Docker keeps into the annotations of a container to be.
func Keep(o *container.Options, e Extra) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	o.Annotations = maps.Clone(o.Annotations)
	if o.Annotations == nil {
		o.Annotations = map[string]string{}
	}
	o.Annotations[annotation] = string(text)
	return nil
}

// ExtraOf is what was kept of a container, and whether it was made by the API.
func ExtraOf(o *container.Options) (e Extra, kept bool) {
	text, ok := o.Annotations[annotation]
	if !ok || json.Unmarshal([]byte(text), &e) != nil {
		return Extra{}, false
	}
	return e, true
}

// annotations are those that the client gave.
func annotations(all map[string]string) map[string]string {
	if _, ok := all[annotation]; !ok {
		return all
	}
	own := maps.Clone(all)
	delete(own, annotation)
	if len(own) == 0 {
		return nil
	}
	return own
}
