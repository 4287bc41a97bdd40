package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

var createCommand = command{
	name: "create", args: "IMAGE [ARG...]", short: "Create a container without starting it", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		o := newCreateFlags(flags)
		return func(ctx context.Context, c *cli, args []string) error {
			ctr, err := c.create(ctx, o, "create", 1, args)
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
	flags              *pflag.FlagSet
	container          container.Options
	env, envFiles      []string
	labels, labelFiles []string
	annotations        []string
	entrypoint, pull   string
	platform, cidFile  string
	volumesFrom        []string
	stopTimeout        int
	quiet              bool
	logDriver, runtime string
	others             otherFlags
	network            networkFlags
	mounts             mountFlags
	security           securityFlags
	health             healthFlags
}

func newCreateFlags(flags *pflag.FlagSet) *createFlags {
	o := &createFlags{flags: flags}
	flags.BoolVarP(&o.container.Stdin, "interactive", "i", false, "keep the container's standard input open")
	flags.BoolVarP(&o.container.TTY, "tty", "t", false, "give the container a terminal")
	flags.BoolVar(&o.container.AutoRemove, "rm", false, "remove the container after it has ended")
	flags.StringVar(&o.container.Name, "name", "", "name of the container")
	flags.StringArrayVarP(&o.env, "env", "e", nil, "environment variable NAME=VALUE, or NAME to take the value from this environment (may be repeated)")
	flags.StringArrayVar(&o.envFiles, "env-file", nil, "file of environment variables, one on each line (may be repeated)")
	flags.StringArrayVarP(&o.labels, "label", "l", nil, "label NAME=VALUE (may be repeated)")
	flags.StringArrayVar(&o.labelFiles, "label-file", nil, "file of labels, one on each line (may be repeated)")
	flags.StringArrayVar(&o.annotations, "annotation", nil, "annotation NAME=VALUE of the OCI runtime specification (may be repeated)")
	flags.StringVarP(&o.container.Dir, "workdir", "w", "", "working directory in the container")
	flags.StringVarP(&o.container.User, "user", "u", "", "user, as NAME|UID[:GROUP|GID]")
	flags.StringVarP(&o.container.Networking.Hostname, "hostname", "h", "", "host name (default: the first 12 digits of the id)")
	flags.StringVar(&o.container.Networking.Domain, "domainname", "", "NIS domain name")
	flags.StringVar(&o.entrypoint, "entrypoint", "", "program to run instead of the image's entrypoint")
	flags.StringVar(&o.container.Lifecycle.StopSignal, "stop-signal", "", "signal that stops the container (default: the image's, or SIGTERM)")
	flags.IntVar(&o.stopTimeout, "stop-timeout", 0, "seconds that stop waits before it kills the container (default 10)")
	flags.Var((*restartPolicy)(&o.container.Lifecycle.Restart), "restart", restartUsage)
	flags.Var((*logOption)(&o.container.Log), "log-opt", "limit of the log, such as max-size=10m or max-file=3 (may be repeated)")
	flags.StringArrayVar(&o.volumesFrom, "volumes-from", nil, "use the mounts of another container: CONTAINER[:ro] (may be repeated)")
	flags.StringVar(&o.logDriver, "log-driver", "json-file", "driver of the log: json-file is the only one")
	o.others.define(flags)
	flags.StringVar(&o.runtime, "runtime", "runc", "runtime: runc is the only one")
	flags.StringVar(&o.pull, "pull", string(image.PullMissing), "when to fetch the image: missing, always or never")
	flags.StringVar(&o.platform, "platform", "", "platform of the image that is fetched, such as linux/arm64")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "don't show the progress of the pull")
	flags.StringVar(&o.cidFile, "cidfile", "", "write the container's id to a file, which must not exist yet")
	limitFlags(flags, &o.container.Resources)
	fixedLimitFlags(flags, &o.container.Resources)
	o.network.define(flags)
	o.mounts.define(flags)
	o.security.define(flags)
	o.health.define(flags)
	return o
}

// options converts the flags and the arguments behind them. Warnings go to warn.
func (o *createFlags) options(args []string, warn io.Writer) (container.Options, error) {
	opts := o.container
	opts.Name = strings.TrimPrefix(opts.Name, "/")
	if opts.Log.MaxSize == 0 {
		opts.Log.MaxFiles = 0 // of a log that never ends there is one file
	}
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
	if o.flags.Changed("stop-timeout") {
		opts.Lifecycle.StopTimeout = seconds(o.stopTimeout)
	}
	var err error
	if opts.Env, err = variables(o.envFiles, o.env); err != nil {
		return opts, err
	}
	fileLabels, err := variables(o.labelFiles, nil)
	if err != nil {
		return opts, err
	}
	if opts.Labels, err = pairs("label", append(fileLabels, o.labels...)); err != nil {
		return opts, err
	}
	if opts.Annotations, err = pairs("annotation", o.annotations); err != nil {
		return opts, err
	}
	err = errors.Join(o.network.apply(&opts, warn), o.mounts.apply(&opts), o.security.apply(&opts), o.health.apply(&opts), o.others.apply(&opts, warn), o.only())
	if err == nil {
		err = notes{o.mounts.long, o.network.publishAll, len(opts.Ports), opts.Network == container.NetworkNone}.write(&opts)
	}
	if err != nil {
		return opts, err
	}
	opts.Pull = image.PullNever // create fetches it before, and shows how
	opts.Detach = true          // as with Docker, the container outlives this process
	return opts, nil
}

// only refuses the values of flags for which there is no choice.
func (o *createFlags) only() error {
	switch image.PullPolicy(o.pull) {
	case image.PullMissing, image.PullAlways, image.PullNever:
	default:
		return fmt.Errorf("--pull %q: it must be missing, always or never", o.pull)
	}
	if o.logDriver != "json-file" {
		return fmt.Errorf("--log-driver %q: json-file is the only one: the log is kept with the container, and logs prints it", o.logDriver)
	}
	if o.runtime != "runc" && o.runtime != "io.containerd.runc.v2" {
		return fmt.Errorf("--runtime %q: runc is the only one: leave the flag out", o.runtime)
	}
	return nil
}

// create fetches the image by the pull policy and makes the container. failed is the exit code of what fails then.
func (c *cli) create(ctx context.Context, o *createFlags, verb string, failed int, args []string) (*container.Container, error) {
	opts, err := o.options(args, c.err)
	if err != nil {
		return nil, usage(verb, err)
	}
	if o.cidFile != "" {
		if _, err := os.Stat(o.cidFile); err == nil {
			return nil, &status{failed, fmt.Errorf("container ID file found, make sure the other container isn't running or delete %s", o.cidFile)}
		}
	}
	engine, err := c.engine()
	if err != nil {
		return nil, &status{failed, err}
	}
	opts.Image, err = c.provide(ctx, opts.Image, image.PullOptions{Policy: image.PullPolicy(o.pull), Platform: o.platform}, o.quiet)
	if err == nil {
		err = c.complete(ctx, o, &opts)
	}
	if err != nil {
		return nil, &status{failed, err}
	}
	ctr, err := engine.Create(ctx, opts)
	if err == nil && o.cidFile != "" {
		err = os.WriteFile(o.cidFile, []byte(ctr.ID()), 0o644)
	}
	if err != nil && failed != codeEngine {
		return nil, &status{failed, err}
	}
	return ctr, runError(err, failed)
}

// complete makes the volumes that have labels, and adds to the options what other containers and the image say.
func (c *cli) complete(ctx context.Context, o *createFlags, opts *container.Options) error {
	for name, labels := range o.mounts.labels {
		engine, err := c.engine()
		if err != nil {
			return err
		}
		if _, err := engine.CreateVolume(ctx, container.VolumeOptions{Name: name, Labels: labels}); err != nil {
			return err
		}
	}
	for _, from := range o.volumesFrom {
		name, mode, has := strings.Cut(from, ":")
		if has && !slices.Contains([]string{"ro", "rw", "z", "Z"}, mode) {
			return fmt.Errorf("--volumes-from %q: the mode %q is not ro or rw", from, mode)
		}
		ctr, err := c.container(ctx, name)
		if err != nil {
			return err
		}
		info, err := ctr.Inspect(ctx)
		if err != nil {
			return err
		}
		for _, m := range info.Mounts {
			taken := func(other container.Mount) bool { return other.Target == m.Target }
			if m.Type != container.MountTmpfs && !slices.ContainsFunc(opts.Mounts, taken) {
				m.ReadOnly = m.ReadOnly || mode == "ro"
				opts.Mounts = append(opts.Mounts, m)
			}
		}
	}
	if !o.network.publishAll || opts.Network == container.NetworkHost {
		return nil
	}
	img, err := c.opened.Get(ctx, opts.Image)
	if err != nil {
		return err
	}
	for _, exposed := range append(img.Config.ExposedPorts, opts.Networking.Exposed...) {
		p, err := port(exposed)
		if err != nil {
			return err
		}
		opts.Ports = append(opts.Ports, p)
	}
	return nil
}

// provide sees to it that the image is in the store, and returns the reference to run it by.
func (c *cli) provide(ctx context.Context, ref string, opts image.PullOptions, quiet bool) (string, error) {
	if opts.Policy == image.PullNever && opts.Platform == "" {
		return ref, nil
	}
	store, err := c.store()
	if err != nil {
		return "", err
	}
	to := c.err
	if quiet {
		to = io.Discard
	}
	local := func() (string, error) { return c.local(ctx, store, ref, opts.Platform) }
	if opts.Policy != image.PullAlways {
		found, err := local()
		if opts.Policy == image.PullNever || !errors.Is(err, image.ErrNotFound) {
			return found, err
		}
		fmt.Fprintf(to, "Unable to find image '%s' locally\n", familiarString(ref, ""))
	}
	if err := c.pull(ctx, ref, opts, to); err != nil {
		return "", err
	}
	return local()
}

// local is the reference of the image that the store has for a platform: ref, or an id where another has that name.
func (c *cli) local(ctx context.Context, store *image.Store, ref, platform string) (string, error) {
	named, err := store.Get(ctx, ref)
	if platform == "" {
		return ref, err
	}
	img, err := store.Pull(ctx, ref, image.PullOptions{Policy: image.PullNever, Platform: platform})
	if err != nil || named != nil && img.ID == named.ID {
		return ref, err
	}
	return img.ID, nil
}

// variables are those of files and those that are given, which count more.
func variables(files, given []string) ([]string, error) {
	var env []string
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		vars, err := container.ReadEnvFile(f, os.LookupEnv)
		f.Close() // read only: nothing is lost
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		env = append(env, vars...)
	}
	for _, kv := range given {
		if name, _, _ := strings.Cut(kv, "="); name == "" {
			return nil, fmt.Errorf("%q is not a valid environment variable: write it as NAME=VALUE", kv)
		}
	}
	return append(env, environment(given)...), nil
}

// pairs reads a flag's NAME=VALUE; a NAME alone has the empty value.
func pairs(flag string, list []string) (map[string]string, error) {
	if len(list) == 0 {
		return nil, nil
	}
	set := map[string]string{}
	for _, l := range list {
		name, value, _ := strings.Cut(l, "=")
		if name == "" {
			return nil, fmt.Errorf("--%s %q: the name is empty", flag, l)
		}
		set[name] = value
	}
	return set, nil
}

// seconds is a time-out of Docker's, of which 0 is "at once" and below 0 "never". To the library 0 is the default.
func seconds(n int) time.Duration {
	if n == 0 {
		return time.Nanosecond
	}
	return time.Duration(n) * time.Second
}

// environment gives a NAME without a value that of this process. One that is not set here stays a NAME, which takes the
// variable away.
func environment(list []string) []string {
	var env []string
	for _, kv := range list {
		if v, ok := os.LookupEnv(kv); ok {
			kv += "=" + v
		}
		env = append(env, kv)
	}
	return env
}
