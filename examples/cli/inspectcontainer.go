package main

//lint:file-ignore SA1019 scripts ask for the fields that newer versions of Docker leave out

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	docker "github.com/docker/docker/api/types/container"
	dockermount "github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/storage"
	"github.com/docker/go-connections/nat"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/examples/cli/internal/format"
	"github.com/caisson-dev/caisson/image"
)

// containerJSON is a container in Docker's own type, so that a script finds what it asks for under the name it knows.
func containerJSON(info *container.Info, volumes map[string]string) *docker.InspectResponse {
	path, args := "", []string{}
	if len(info.Command) > 0 {
		path, args = info.Command[0], info.Command[1:]
	}
	settings := networkSettings(info)
	return &docker.InspectResponse{
		ContainerJSONBase: &docker.ContainerJSONBase{
			ID: info.ID, Name: "/" + info.Name, Created: format.Stamp(info.Created), Path: path, Args: args, Image: info.ImageID,
			RestartCount: info.Restarts, LogPath: info.LogPath, Driver: "overlay", Platform: "linux", State: stateJSON(info),
			GraphDriver: storage.DriverData{Name: "overlay"}, AppArmorProfile: info.Options.Security.AppArmor, HostConfig: hostConfig(info.Options),
		},
		Mounts: mountsJSON(info, volumes), Config: configJSON(info), NetworkSettings: settings,
	}
}

func stateJSON(info *container.Info) *docker.State {
	s := &docker.State{
		Status:  docker.ContainerState(shownStatus(info)),
		Running: info.State.Status == container.StatusRunning || info.State.Status == container.StatusPaused,
		Paused:  info.State.Status == container.StatusPaused, Restarting: info.State.Status == container.StatusRestarting,
		OOMKilled: info.State.OOMKilled, Dead: info.State.Status == container.StatusDamaged, Pid: info.PID, ExitCode: info.State.ExitCode,
		Error: info.State.Error, StartedAt: format.Stamp(info.State.Started), FinishedAt: format.Stamp(info.State.Finished),
	}
	if h := info.Health; h != nil {
		s.Health = &docker.Health{Status: string(h.Status), FailingStreak: h.FailingStreak, Log: []*docker.HealthcheckResult{}}
		for _, r := range h.Log {
			s.Health.Log = append(s.Health.Log, &docker.HealthcheckResult{Start: r.Start, End: r.End, ExitCode: r.ExitCode, Output: r.Output})
		}
	}
	return s
}

// configJSON is what the container was made with: its options over the configuration of its image.
func configJSON(info *container.Info) *docker.Config {
	o, of := info.Options, info.Config
	c := &docker.Config{
		Image: info.Image, Hostname: o.Networking.Hostname, Domainname: o.Networking.Domain, Tty: o.TTY, OpenStdin: o.Stdin,
		User: first(o.User, of.User), WorkingDir: first(o.Dir, of.WorkingDir), StopSignal: first(o.Lifecycle.StopSignal, of.StopSignal),
		Env: merged(o.Env, of.Env), Entrypoint: o.Entrypoint, Cmd: o.Cmd, OnBuild: of.OnBuild, Shell: of.Shell,
		Labels: map[string]string{}, ExposedPorts: nat.PortSet{}, Volumes: map[string]struct{}{}, Healthcheck: healthConfig(o.Health, of.Health),
	}
	if c.Hostname == "" && o.Network != container.NetworkHost {
		c.Hostname = format.ShortID(info.ID)
	}
	if c.Entrypoint == nil {
		c.Entrypoint = of.Entrypoint
		if c.Cmd == nil {
			c.Cmd = of.Cmd
		}
	}
	maps.Copy(c.Labels, info.Labels)
	for p := range exposedPorts(info) {
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

// healthConfig is nil where neither the container nor its image has a check.
func healthConfig(own container.HealthConfig, of *image.HealthConfig) *dockerspec.HealthcheckConfig {
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

// exposedPorts are those of the image, of --expose and of -p.
func exposedPorts(info *container.Info) nat.PortSet {
	out := nat.PortSet{}
	for _, e := range append(append([]string{}, info.Config.ExposedPorts...), info.Options.Networking.Exposed...) {
		if p, err := port(e); err == nil {
			addPorts(out, p)
		}
	}
	for _, p := range info.Options.Ports {
		addPorts(out, p)
	}
	return out
}

func addPorts(to nat.PortSet, p container.Port) {
	for i := range max(p.Count, 1) {
		to[portKey(p.Container+i, protocolOf(p))] = struct{}{}
	}
}

func portKey(number uint16, protocol string) nat.Port {
	return nat.Port(fmt.Sprintf("%d/%s", number, protocol))
}

func protocolOf(p container.Port) string {
	if p.Protocol == "" {
		return "tcp"
	}
	return p.Protocol
}

func mountsJSON(info *container.Info, volumes map[string]string) []docker.MountPoint {
	out := []docker.MountPoint{}
	long := notesOf(&info.Options).Mounts
	for _, m := range info.Mounts {
		if m.Type == container.MountTmpfs && !slices.Contains(long, m.Target) { // HostConfig.Tmpfs has it
			continue
		}
		p := docker.MountPoint{Type: dockermount.Type(m.Type), Source: m.Source, Destination: m.Target, RW: !m.ReadOnly && m.Type != container.MountImage}
		if !slices.Contains(long, m.Target) {
			p.Mode = modesText(m)
		}
		switch m.Type {
		case container.MountVolume:
			if given := func(o container.Mount) bool { return o.Target == m.Target && o.Source != "" }; p.Mode == "" && slices.ContainsFunc(info.Options.Mounts, given) {
				p.Mode = "z" // as Docker has it for volumes with a name
			}
			p.Name, p.Source, p.Driver = m.Source, volumes[m.Source], "local"
		case container.MountBind:
			p.Propagation = dockermount.Propagation(first(string(m.Propagation), string(container.PropagationRPrivate)))
		}
		out = append(out, p)
	}
	return out
}

// networkSettings has, as Docker, the place on the default network at the top, too. A container that does not run has
// the networks that it joins when it starts.
func networkSettings(info *container.Info) *docker.NetworkSettings {
	s := &docker.NetworkSettings{Networks: map[string]*network.EndpointSettings{}}
	s.Ports = nat.PortMap{}
	if info.PID != 0 {
		for p := range exposedPorts(info) {
			s.Ports[p] = nil
		}
	}
	for _, b := range info.Ports {
		key := portKey(b.Container, b.Protocol)
		s.Ports[key] = append(s.Ports[key], nat.PortBinding{HostIP: b.Host.Addr().String(), HostPort: strconv.Itoa(int(b.Host.Port()))})
	}
	for _, n := range info.Networks {
		s.Networks[n.Network] = &network.EndpointSettings{
			NetworkID: n.Network, EndpointID: info.ID, Aliases: n.Aliases, MacAddress: n.MAC,
			IPAddress: address(n.IPv4), IPPrefixLen: max(n.IPv4.Bits(), 0), Gateway: text(n.Gateway4),
			GlobalIPv6Address: address(n.IPv6), GlobalIPv6PrefixLen: max(n.IPv6.Bits(), 0), IPv6Gateway: text(n.Gateway6),
		}
	}
	if len(s.Networks) == 0 {
		for _, n := range networksOf(*info) {
			s.Networks[n] = &network.EndpointSettings{NetworkID: n}
		}
	}
	for _, e := range info.Options.Networking.Endpoints {
		n := s.Networks[e.Network]
		if n == nil {
			continue
		}
		if e.IPv4.IsValid() || e.IPv6.IsValid() {
			n.IPAMConfig = &network.EndpointIPAMConfig{IPv4Address: text(e.IPv4), IPv6Address: text(e.IPv6)}
		}
		if n.Aliases == nil {
			n.Aliases = e.Aliases
		}
	}
	if n := s.Networks[string(container.NetworkDefault)]; n != nil {
		s.IPAddress, s.IPPrefixLen, s.Gateway, s.MacAddress, s.EndpointID = n.IPAddress, n.IPPrefixLen, n.Gateway, n.MacAddress, n.EndpointID
		s.GlobalIPv6Address, s.GlobalIPv6PrefixLen, s.IPv6Gateway = n.GlobalIPv6Address, n.GlobalIPv6PrefixLen, n.IPv6Gateway
	}
	return s
}

// address is empty for none, as in Docker's output.
func address(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.Addr().String()
}

func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
