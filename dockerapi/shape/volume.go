package shape

import (
	"maps"
	"time"

	"github.com/moby/moby/api/types/volume"

	"github.com/caisson-dev/caisson/container"
)

// anonymous is the label that Docker gives volumes whose name was made up.
const anonymous = "com.docker.volume.anonymous"

// Volume is a volume as docker volume inspect shows it.
func Volume(v *container.Volume) volume.Volume {
	out := volume.Volume{
		CreatedAt: v.Created.Format(time.RFC3339), Driver: "local", Labels: map[string]string{}, Mountpoint: v.Path, Name: v.Name,
		Options: map[string]string{}, Scope: "local",
	}
	maps.Copy(out.Labels, v.Labels)
	if v.Anonymous {
		out.Labels[anonymous] = ""
	}
	return out
}
