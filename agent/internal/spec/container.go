package spec

import (
	"slices"
	"strings"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// Container is a container's options joined with its image.
type Container struct {
	ID       string                  `json:"id"`
	Options  container.Options       `json:"options"`
	Config   image.Config            `json:"config"`  // the image's
	Command  []string                `json:"command"` // entrypoint and command
	Env      []string                `json:"env"`
	Dir      string                  `json:"dir"`
	User     string                  `json:"user"`
	Hostname string                  `json:"hostname"`
	Health   *container.HealthConfig `json:"health,omitempty"` // nil: none
	Mounts   []container.Mount       `json:"mounts,omitempty"`
}

// Join joins complete options with the image's configuration, as Docker does. The container has no id yet, and no
// hostname, which depends on it.
func Join(o container.Options, img image.Config) (Container, error) {
	c := Container{Options: o, Config: img, Dir: o.Dir, User: o.User}
	entrypoint, cmd := o.Entrypoint, o.Cmd
	if entrypoint == nil {
		entrypoint = img.Entrypoint
		if cmd == nil {
			cmd = img.Cmd
		}
	}
	c.Command = slices.Concat(entrypoint, cmd)
	if len(c.Command) == 0 || c.Command[0] == "" {
		return c, invalid("container of image %s: no command: the image has neither ENTRYPOINT nor CMD: set Options.Cmd", o.Image)
	}
	c.Env = mergeEnv(img.Env, o.Env)
	c.Dir = orElse(orElse(c.Dir, img.WorkingDir), "/")
	c.User = orElse(c.User, img.User)
	c.Options.Lifecycle.StopSignal = orElse(o.Lifecycle.StopSignal, img.StopSignal)
	c.Health = joinHealth(o.Health, img.Health)
	c.Mounts = joinMounts(o.Mounts, img.Volumes)
	return c, nil
}

// joinMounts adds an anonymous volume for each VOLUME of the image that no mount covers.
func joinMounts(given []container.Mount, volumes []string) []container.Mount {
	out := slices.Clone(given)
	for _, v := range volumes {
		if !slices.ContainsFunc(given, func(m container.Mount) bool { return m.Target == v }) {
			out = append(out, container.Mount{Type: container.MountVolume, Target: v})
		}
	}
	// A mount below another's target must come after it.
	slices.SortStableFunc(out, func(a, b container.Mount) int { return len(a.Target) - len(b.Target) })
	return out
}

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment is the image's and the options', in which PATH, HOSTNAME and HOME are never missing, nor TERM for a process
// with a terminal, as in Docker.
func (c *Container) environment(home string, terminal bool) []string {
	env := []string{defaultPath, "HOSTNAME=" + c.Hostname}
	if home != "" {
		env = append(env, "HOME="+home)
	}
	if terminal {
		env = append(env, "TERM=xterm")
	}
	return mergeEnv(env, c.Env)
}

// mergeEnv adds to env; a later value of a name replaces the earlier one in its place.
func mergeEnv(env, add []string) []string {
	env = slices.Clone(env)
	at := make(map[string]int, len(env)+len(add))
	for i, kv := range env {
		if k, _, ok := strings.Cut(kv, "="); ok {
			at[k] = i
		}
	}
	var gone []int
	for _, kv := range add {
		k, _, ok := strings.Cut(kv, "=")
		i, has := at[k]
		switch {
		case !ok && has:
			gone = append(gone, i) // as docker run -e NAME with NAME unset
			delete(at, k)
		case !ok:
		case has:
			env[i] = kv
		default:
			at[k] = len(env)
			env = append(env, kv)
		}
	}
	slices.Sort(gone)
	for _, i := range slices.Backward(gone) {
		env = slices.Delete(env, i, i+1)
	}
	return env
}
