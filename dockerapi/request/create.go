package request

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	docker "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/shape"
	"github.com/caisson-dev/caisson/image"
)

// Create is the body of a request for a container.
type Create struct {
	docker.Config
	Cmd, Entrypoint  words
	MacAddress       string // until 1.43; later it is an endpoint's
	HostConfig       *docker.HostConfig
	NetworkingConfig *network.NetworkingConfig
}

// words are a list, or as old clients write them a text that is one word.
type words []string

// UnmarshalJSON implements json.Unmarshaler.
func (w *words) UnmarshalJSON(b []byte) error {
	var list []string
	if err := json.Unmarshal(b, &list); err == nil {
		*w = list
		return nil
	}
	var one string
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*w = words{one}
	return nil
}

// Known is what must be looked up for a container.
type Known struct {
	// Image is the configuration of the image.
	Image image.Config
	// Network finds the name of a network by its name, its id or the beginning of that.
	Network func(ref string) (string, error)
	// Mounts are those of another container, whose volumes this one takes.
	Mounts func(ref string) ([]container.Mount, error)
	// Address is that of another container on the default network.
	Address func(ref string) (netip.Addr, error)
	// PublishOn is where ports are published that name no address.
	PublishOn netip.Addr
}

// Wanted is a container to be made.
type Wanted struct {
	Options  container.Options
	Extra    shape.Extra
	Volumes  []container.VolumeOptions // to be made before, because they have labels
	Warnings []string
}

// Options are the options of the library for what the client asks for.
func (c *Create) Options(name string, known Known) (*Wanted, error) {
	if c.HostConfig == nil {
		c.HostConfig = &docker.HostConfig{}
	}
	h := c.HostConfig
	w := &Wanted{Warnings: []string{}}
	o := &w.Options
	o.Image, o.Name, o.Pull = c.Image, strings.TrimPrefix(name, "/"), image.PullNever
	o.Env, o.Dir, o.User, o.Labels, o.Annotations = c.Env, c.WorkingDir, c.User, c.Labels, h.Annotations
	o.Stdin, o.TTY, o.ReadOnly, o.AutoRemove = c.OpenStdin, c.Tty, h.ReadonlyRootfs, h.AutoRemove
	o.Entrypoint, o.Cmd = c.command(known.Image)
	o.Process = container.ProcessConfig{Groups: h.GroupAdd, Init: h.Init != nil && *h.Init}
	o.Health = healthOf(c.Healthcheck)
	for _, step := range []func(*Wanted, Known) error{c.refuse, c.lifecycle, c.namespaces, c.security, c.resources, c.mounts, c.networks, c.ports, c.log} {
		if err := step(w, known); err != nil {
			return nil, err
		}
	}
	w.Extra.AttachStdin, w.Extra.AttachStdout, w.Extra.AttachStderr, w.Extra.StdinOnce = c.AttachStdin, c.AttachStdout, c.AttachStderr, c.StdinOnce
	w.Extra.Host.ConsoleSize, w.Extra.Host.IpcMode, w.Extra.Host.CgroupnsMode = h.ConsoleSize, h.IpcMode, h.CgroupnsMode
	return w, shape.Keep(o, w.Extra)
}

// command is the entrypoint and the command as Docker takes them: an entrypoint that is empty takes the image's away and
// leaves its command, and one that is a single empty word takes both away.
func (c *Create) command(of image.Config) (entrypoint, cmd []string) {
	if len(c.Cmd) > 0 {
		cmd = c.Cmd
	}
	switch {
	case c.Entrypoint == nil:
		return nil, cmd
	case len(c.Entrypoint) == 0:
		if cmd == nil {
			cmd = of.Cmd
		}
		return []string{}, cmd
	case len(c.Entrypoint) == 1 && c.Entrypoint[0] == "":
		return []string{}, cmd
	}
	return c.Entrypoint, cmd
}

func healthOf(h *docker.HealthConfig) container.HealthConfig {
	if h == nil {
		return container.HealthConfig{}
	}
	return container.HealthConfig{
		Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries,
	}
}

// refuse names what this engine does not have.
func (c *Create) refuse(w *Wanted, _ Known) error {
	h := c.HostConfig
	for _, r := range h.DeviceRequests {
		return invalid("could not select device driver %q with capabilities: %v", r.Driver, r.Capabilities)
	}
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"HostConfig.StorageOpt", len(h.StorageOpt) > 0},
		{"HostConfig.Cgroup", h.Cgroup != ""},
		{"HostConfig.CgroupnsMode host", h.CgroupnsMode.IsHost()},
		{"HostConfig.IpcMode none", h.IpcMode.IsNone()},
		{"HostConfig.BlkioWeightDevice", len(h.BlkioWeightDevice) > 0},
		{"HostConfig.CpuRealtimePeriod", h.CPURealtimePeriod != 0},
		{"HostConfig.CpuRealtimeRuntime", h.CPURealtimeRuntime != 0},
		{"HostConfig.Umask", h.Umask != nil},
		{"HostConfig.UsernsMode " + string(h.UsernsMode), !h.UsernsMode.Valid()},
		{"HostConfig.Isolation " + string(h.Isolation), !h.Isolation.IsDefault()},
	} {
		if f.given {
			return invalid("%s is not supported by this engine: leave it out", f.name)
		}
	}
	if h.Runtime != "" && h.Runtime != "runc" && h.Runtime != "io.containerd.runc.v2" {
		return invalid("unknown or invalid runtime name: %s", h.Runtime)
	}
	if d := h.VolumeDriver; d != "" && d != "local" {
		return invalid(`error looking up volume plugin %s: plugin "%s" not found`, d, d)
	}
	if h.OomKillDisable != nil && *h.OomKillDisable {
		w.Warnings = append(w.Warnings, "OomKillDisable is not supported by this engine. It was discarded.")
	}
	if s := h.MemorySwappiness; s != nil && *s != -1 {
		if *s < -1 || *s > 100 {
			return invalid("Invalid value: %d, valid memory swappiness range is 0-100", *s)
		}
		w.Warnings = append(w.Warnings, "Memory swappiness is not supported by this engine. It was discarded.")
	}
	return nil
}

func (c *Create) lifecycle(w *Wanted, _ Known) error {
	l := &w.Options.Lifecycle
	var err error
	if l.Restart, err = Restart(c.HostConfig.RestartPolicy); err != nil {
		return err
	}
	if c.HostConfig.AutoRemove && l.Restart.Mode != "" && l.Restart.Mode != container.RestartNo {
		return invalid("can't create 'AutoRemove' container with restart policy")
	}
	l.StopSignal = c.StopSignal
	if c.StopTimeout != nil {
		l.StopTimeout = Timeout(int64(*c.StopTimeout))
	}
	return nil
}

// Timeout is a time until SIGKILL. Docker's 0 means at once, and a negative one never.
func Timeout(seconds int64) time.Duration {
	if seconds == 0 {
		return time.Nanosecond
	}
	return time.Duration(min(max(seconds, -1), 1<<31)) * time.Second
}

// Restart is a restart policy.
func Restart(p docker.RestartPolicy) (container.RestartPolicy, error) {
	if err := docker.ValidateRestartPolicy(p); err != nil {
		return container.RestartPolicy{}, invalid("%w", err)
	}
	out := container.RestartPolicy{Mode: container.RestartMode(p.Name), MaxRetries: p.MaximumRetryCount}
	if p.Name == docker.RestartPolicyDisabled {
		out.Mode = "" // the default
	}
	return out, nil
}

func (c *Create) namespaces(w *Wanted, _ Known) error {
	h := c.HostConfig
	for _, f := range []struct {
		what  string
		valid bool
	}{
		{"IPC mode: " + string(h.IpcMode), h.IpcMode.Valid()}, {"PID mode: " + string(h.PidMode), h.PidMode.Valid()},
		{"UTS mode: " + string(h.UTSMode), h.UTSMode.Valid()}, {"cgroup namespace mode: " + string(h.CgroupnsMode), h.CgroupnsMode.Valid()},
	} {
		if !f.valid {
			return invalid("invalid %s", f.what)
		}
	}
	n := &w.Options.Namespaces
	n.PID, n.UTS, n.Sysctls = container.NamespaceMode(h.PidMode), container.NamespaceMode(h.UTSMode), h.Sysctls
	if !slices.Contains([]docker.IpcMode{"", docker.IPCModePrivate, docker.IPCModeShareable}, h.IpcMode) {
		n.IPC = container.NamespaceMode(h.IpcMode)
	}
	return nil
}

func (c *Create) log(w *Wanted, _ Known) error {
	l := c.HostConfig.LogConfig
	switch l.Type {
	case "", "json-file", "local":
	case "none":
		w.Options.Log = container.LogConfig{MaxSize: 1024, MaxFiles: 1} // nobody reads it
		w.Extra.Host.LogType = l.Type
		return nil
	default:
		return invalid("logger: no log driver named '%s' is registered", l.Type)
	}
	w.Extra.Host.LogType = l.Type
	return logOptions(&w.Options.Log, l)
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w", &Invalid{fmt.Errorf(format, args...)})
}

// Invalid is an error about what the client asked for. Its text is what the client sees.
type Invalid struct{ err error }

func (e *Invalid) Error() string { return e.err.Error() }
func (e *Invalid) Unwrap() error { return e.err }

// Is makes errors.Is(err, container.ErrInvalidArgument) true.
func (e *Invalid) Is(target error) bool { return target == container.ErrInvalidArgument }
