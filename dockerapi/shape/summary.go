package shape

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	docker "github.com/moby/moby/api/types/container"

	"github.com/caisson-dev/caisson/container"
)

// Summary is a container as docker ps lists it.
func Summary(info *container.Info, around Surroundings, now time.Time) docker.Summary {
	s := docker.Summary{
		ID: info.ID, Names: []string{"/" + info.Name}, Image: info.Image, ImageID: info.ImageID, Command: strings.Join(info.Command, " "),
		Created: info.Created.Unix(), Ports: Ports(info), Labels: info.Labels, State: Status(info.State.Status), Status: StatusText(info, now),
		NetworkSettings: &docker.NetworkSettingsSummary{Networks: Endpoints(info, around.Networks)}, Mounts: mounts(info.Mounts, around.Volumes),
	}
	if s.Labels == nil {
		s.Labels = map[string]string{}
	}
	h := HostConfig(&info.Options)
	s.HostConfig.NetworkMode, s.HostConfig.Annotations = string(h.NetworkMode), h.Annotations
	if info.Health != nil {
		s.Health = &docker.HealthSummary{Status: docker.HealthStatus(info.Health.Status), FailingStreak: info.Health.FailingStreak}
	}
	return s
}

// digest is an id of 64 digits that is made of its parts.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:])
}
