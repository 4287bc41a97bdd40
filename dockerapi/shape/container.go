package shape

import (
	"maps"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	docker "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/storage"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// Surroundings are what a container's description takes from elsewhere.
type Surroundings struct {
	// Volumes are the directories of volumes, by name.
	Volumes map[string]string
	// Networks are the ids of networks, by name.
	Networks map[string]string
}

// Container is a container as docker inspect shows it, with the fields that versions of the API before 1.52 have beside
// those of today's types.
type Container struct {
	docker.InspectResponse
	NetworkSettings *NetworkSettings
}

// Inspect describes a container.
func Inspect(info *container.Info, around Surroundings) *Container {
	path, args := "", []string{}
	if len(info.Command) > 0 {
		path, args = info.Command[0], info.Command[1:]
	}
	return &Container{
		InspectResponse: docker.InspectResponse{
			ID: info.ID, Name: "/" + info.Name, Created: Stamp(info.Created), Path: path, Args: args, Image: info.ImageID,
			RestartCount: info.Restarts, LogPath: info.LogPath, Driver: Driver, Platform: "linux", State: state(info),
			GraphDriver: &storage.DriverData{Name: Driver, Data: map[string]string{}}, AppArmorProfile: info.Options.Security.AppArmor,
			HostConfig: HostConfig(&info.Options), Mounts: mounts(info.Mounts, around.Volumes), Config: config(info),
		},
		NetworkSettings: networkSettings(info, around.Networks),
	}
}

// Driver is the storage driver.
const Driver = "overlay2"

func state(info *container.Info) *docker.State {
	s := &docker.State{
		Status: Status(info.State.Status), Running: Running(info.State.Status), Paused: info.State.Status == container.StatusPaused,
		Restarting: info.State.Status == container.StatusRestarting, OOMKilled: info.State.OOMKilled,
		Dead: info.State.Status == container.StatusDamaged, Pid: info.PID, ExitCode: info.State.ExitCode,
		Error: info.State.Error, StartedAt: Stamp(info.State.Started), FinishedAt: Stamp(info.State.Finished),
	}
	if h := info.Health; h != nil {
		s.Health = &docker.Health{Status: docker.HealthStatus(h.Status), FailingStreak: h.FailingStreak, Log: []*docker.HealthcheckResult{}}
		for _, r := range h.Log {
			s.Health.Log = append(s.Health.Log, &docker.HealthcheckResult{Start: r.Start, End: r.End, ExitCode: r.ExitCode, Output: r.Output})
		}
	}
	return s
}

// Running says whether Docker calls a container of this status running.
func Running(st container.Status) bool {
	return st == container.StatusRunning || st == container.StatusPaused || st == container.StatusRestarting
}

// Status is Docker's name of a status.
func Status(st container.Status) docker.ContainerState {
	if st == container.StatusDamaged {
		return docker.StateDead
	}
	return docker.ContainerState(st)
}

// config is what the container was made with: its options over the configuration of its image.
func config(info *container.Info) *docker.Config {
	o, of := info.Options, info.Config
	extra, _ := ExtraOf(&o)
	c := &docker.Config{
		Image: info.Image, Hostname: o.Networking.Hostname, Domainname: o.Networking.Domain, Tty: o.TTY, OpenStdin: o.Stdin,
		User: first(o.User, of.User), WorkingDir: first(o.Dir, of.WorkingDir), StopSignal: first(o.Lifecycle.StopSignal, of.StopSignal),
		Env: merged(o.Env, of.Env), Entrypoint: o.Entrypoint, Cmd: o.Cmd, OnBuild: of.OnBuild, Shell: of.Shell,
		Labels: map[string]string{}, ExposedPorts: network.PortSet{}, Volumes: map[string]struct{}{}, Healthcheck: health(o.Health, of.Health),
		AttachStdin: extra.AttachStdin, AttachStdout: extra.AttachStdout, AttachStderr: extra.AttachStderr, StdinOnce: extra.StdinOnce,
	}
	if c.Hostname == "" && o.Network != container.NetworkHost {
		c.Hostname = ShortID(info.ID)
	}
	if c.Entrypoint == nil {
		c.Entrypoint = of.Entrypoint
		if c.Cmd == nil {
			c.Cmd = of.Cmd
		}
	}
	maps.Copy(c.Labels, info.Labels)
	for p := range exposed(info) {
		c.ExposedPorts[p] = struct{}{}
	}
	for _, v := range of.Volumes {
		c.Volumes[v] = struct{}{}
	}
	for _, m := range o.Mounts {
		if m.Type == container.MountVolume && m.Source == "" {
			c.Volumes[m.Target] = struct{}{}
		}
	}
	if len(c.Volumes) == 0 {
		c.Volumes = nil
	}
	if t := o.Lifecycle.StopTimeout; t > 0 {
		seconds := int(t.Seconds())
		c.StopTimeout = &seconds
	}
	return c
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// merged has the variables of the container, and behind them those of the image that it has not.
func merged(own, of []string) []string {
	set := map[string]bool{}
	var out []string
	for _, kv := range own {
		name, _, has := strings.Cut(kv, "=")
		set[name] = true
		if has {
			out = append(out, kv)
		}
	}
	for _, kv := range of {
		if name, _, _ := strings.Cut(kv, "="); !set[name] {
			out = append(out, kv)
		}
	}
	return out
}

// health is nil where neither the container nor its image has a check.
func health(own container.HealthConfig, of *image.HealthConfig) *dockerspec.HealthcheckConfig {
	h := dockerspec.HealthcheckConfig{
		Test: own.Test, Interval: own.Interval, Timeout: own.Timeout, StartPeriod: own.StartPeriod, StartInterval: own.StartInterval,
		Retries: own.Retries,
	}
	if of != nil {
		if h.Test == nil {
			h.Test = of.Test
		}
		for _, f := range []struct{ to, from *int64 }{
			{(*int64)(&h.Interval), (*int64)(&of.Interval)}, {(*int64)(&h.Timeout), (*int64)(&of.Timeout)},
			{(*int64)(&h.StartPeriod), (*int64)(&of.StartPeriod)},
		} {
			if *f.to == 0 {
				*f.to = *f.from
			}
		}
		if h.Retries == 0 {
			h.Retries = of.Retries
		}
	}
	if h.Test == nil {
		return nil
	}
	return &h
}

func mounts(list []container.Mount, volumes map[string]string) []docker.MountPoint {
	out := []docker.MountPoint{}
	for _, m := range list {
		if m.Type == container.MountTmpfs { // HostConfig.Tmpfs has it
			continue
		}
		p := docker.MountPoint{Type: mount.Type(m.Type), Source: m.Source, Destination: m.Target, RW: !m.ReadOnly && m.Type != container.MountImage}
		if m.Type == "" {
			p.Type = mount.TypeBind
		}
		if m.ReadOnly {
			p.Mode = "ro"
		}
		switch m.Type {
		case container.MountVolume:
			p.Name, p.Source, p.Driver = m.Source, volumes[m.Source], "local"
		case container.MountBind, "":
			p.Propagation = mount.Propagation(first(string(m.Propagation), string(container.PropagationRPrivate)))
		}
		out = append(out, p)
	}
	return out
}
