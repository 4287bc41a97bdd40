package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

var createCommand = command{
	name: "create", args: "IMAGE [ARG...]", short: "Make a container and don't start it", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		o := newCreateFlags(flags)
		return func(ctx context.Context, c *cli, args []string) error {
			ctr, err := c.create(ctx, o, "create", args)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.out, ctr.ID())
			return nil
		}
	},
}

// createFlags are what create and run share.
type createFlags struct {
	flags            *pflag.FlagSet
	container        container.Options
	env, volumes     []string
	entrypoint, pull string
	network          networkFlags
}

func newCreateFlags(flags *pflag.FlagSet) *createFlags {
	o := &createFlags{flags: flags}
	flags.BoolVarP(&o.container.Stdin, "interactive", "i", false, "give the container a standard input")
	flags.BoolVarP(&o.container.TTY, "tty", "t", false, "give the container a terminal")
	flags.BoolVar(&o.container.AutoRemove, "rm", false, "remove the container when it has ended")
	flags.StringVar(&o.container.Name, "name", "", "name of the container")
	flags.StringArrayVarP(&o.env, "env", "e", nil, "environment, as NAME=VALUE, or NAME for this environment's (may be repeated)")
	flags.StringArrayVarP(&o.volumes, "volume", "v", nil, "bind mount or volume, as SOURCE:TARGET[:ro] (may be repeated)")
	flags.StringVarP(&o.container.Dir, "workdir", "w", "", "working directory in the container")
	flags.StringVarP(&o.container.User, "user", "u", "", "user, as NAME|UID[:GROUP|GID]")
	flags.StringVar(&o.entrypoint, "entrypoint", "", "program to run instead of the image's entrypoint")
	o.network.define(flags)
	flags.StringVar(&o.pull, "pull", string(image.PullMissing), "when to fetch the image: missing, always or never")
	return o
}

// options converts the flags and the arguments behind them.
func (o *createFlags) options(args []string) (container.Options, error) {
	opts := o.container
	opts.Image, opts.Cmd = args[0], nil
	if len(args) > 1 {
		opts.Cmd = args[1:]
	}
	if o.flags.Changed("entrypoint") {
		opts.Entrypoint = []string{}
		if o.entrypoint != "" {
			opts.Entrypoint = []string{o.entrypoint}
		}
	}
	opts.Env = environment(o.env)
	for _, v := range o.volumes {
		m, err := mount(v)
		if err != nil {
			return opts, err
		}
		opts.Mounts = append(opts.Mounts, m)
	}
	if err := o.network.apply(&opts); err != nil {
		return opts, err
	}
	switch image.PullPolicy(o.pull) {
	case image.PullMissing, image.PullAlways, image.PullNever:
	default:
		return opts, fmt.Errorf("--pull %q: it is missing, always or never", o.pull)
	}
	opts.Pull = image.PullNever // create fetches it before, and shows how
	opts.Detach = true          // as with Docker, the container outlives this process
	return opts, nil
}

// create fetches the image by the pull policy and makes the container.
func (c *cli) create(ctx context.Context, o *createFlags, verb string, args []string) (*container.Container, error) {
	opts, err := o.options(args)
	if err != nil {
		return nil, usage(verb, err)
	}
	engine, err := c.engine()
	if err != nil {
		return nil, &status{codeEngine, err}
	}
	if err := c.provide(ctx, opts.Image, image.PullPolicy(o.pull)); err != nil {
		return nil, &status{codeEngine, err}
	}
	ctr, err := engine.Create(ctx, opts)
	return ctr, runError(err, codeEngine)
}

// provide sees to it that the image is in the store.
func (c *cli) provide(ctx context.Context, ref string, policy image.PullPolicy) error {
	if policy == image.PullNever {
		return nil
	}
	store, err := c.store()
	if err != nil {
		return err
	}
	if policy == image.PullMissing {
		_, err := store.Get(ctx, ref)
		if !errors.Is(err, image.ErrNotFound) {
			return err
		}
		fmt.Fprintf(c.err, "Unable to find image '%s' locally\n", familiarString(ref, ""))
	}
	return c.pull(ctx, ref, image.PullOptions{Policy: policy}, c.err)
}

// environment gives a NAME without a value that of this process; one that is not set here is left out.
func environment(list []string) []string {
	var env []string
	for _, kv := range list {
		if strings.Contains(kv, "=") {
			env = append(env, kv)
		} else if v, ok := os.LookupEnv(kv); ok {
			env = append(env, kv+"="+v)
		}
	}
	return env
}

// mount reads [SOURCE:]TARGET[:ro|:rw]. A source with a slash or a dot in front is a path, any other a volume's name.
func mount(spec string) (container.Mount, error) {
	parts := strings.Split(spec, ":")
	m := container.Mount{Type: container.MountVolume}
	if n := len(parts); n > 2 || n == 2 && (parts[1] == "ro" || parts[1] == "rw") {
		switch parts[n-1] {
		case "ro":
			m.ReadOnly = true
		case "rw":
		default:
			return m, fmt.Errorf("-v %q: the mode %q is not ro or rw", spec, parts[n-1])
		}
		parts = parts[:n-1]
	}
	switch {
	case len(parts) > 2 || parts[len(parts)-1] == "":
		return m, fmt.Errorf("-v %q: it is SOURCE:TARGET[:ro]", spec)
	case len(parts) == 2 && parts[0] == "":
		return m, fmt.Errorf("-v %q: the source is empty", spec)
	case len(parts) == 2:
		m.Source = parts[0]
	}
	m.Target = parts[len(parts)-1]
	if !strings.HasPrefix(m.Target, "/") {
		return m, fmt.Errorf("-v %q: the target %q is not an absolute path", spec, m.Target)
	}
	if strings.HasPrefix(m.Source, ".") || filepath.IsAbs(m.Source) {
		abs, err := filepath.Abs(m.Source)
		m.Type, m.Source = container.MountBind, abs
		return m, err
	}
	if strings.Contains(m.Source, "/") {
		return m, fmt.Errorf("-v %q: %q is no volume name; write ./%s for a directory", spec, m.Source, m.Source)
	}
	return m, nil
}
