package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/image"
)

var buildCommand = command{
	name: "build", args: "DIR|-", short: "Build an image by a Dockerfile", min: 1, max: 1,
	example: "build -t app .\nbuild -f other/Dockerfile --target test .\nbuild -o out .",
	setup: func(flags *pflag.FlagSet) action {
		var o image.BuildOptions
		read := buildFlags(flags, &o)
		file := flags.StringP("file", "f", "", "path of the Dockerfile, or - for standard input (default DIR/Dockerfile)")
		quiet := flags.BoolP("quiet", "q", false, "print only the image's id")
		idFile := flags.String("iidfile", "", "write the image's id to a file")
		out := flags.StringP("output", "o", "", "write the files of the result: DIR, type=local,dest=DIR, type=tar,dest=FILE, or - for a tar on standard output")
		push := flags.Bool("push", false, "push the result by its names; several platforms are pushed as one index")
		for _, name := range []string{"load", "rm", "force-rm", "compress"} {
			flags.Bool(name, false, "accepted for compatibility with Docker: it changes nothing here")
			_ = flags.MarkHidden(name)
		}
		check := flags.Bool("check", false, "check the Dockerfile instead of building: print the linter's warnings, and exit with 1 if there are any")
		style := flags.String("progress", "auto", "what to print as the build goes on, on standard error: tty, plain, quiet, rawjson, or auto: tty on a terminal, else plain")
		return func(ctx context.Context, c *cli, args []string) error {
			if err := read(); err != nil {
				return err
			}
			if err := buildInput(&o, args[0], *file, c.in); err != nil {
				return err
			}
			show, err := buildTerminal(*style, *quiet || *check || *push, c.err)
			if err == nil && !show {
				err = buildProgress(&o, *style, *quiet, c.err) // standard output is for the id alone
			}
			if err != nil {
				return err
			}
			store, err := c.store()
			if err != nil {
				return err
			}
			if *check {
				return c.checkDockerfile(ctx, store, o)
			}
			to, err := buildOutputOf(*out)
			if err != nil {
				return err
			}
			if *push && to.kind != "" {
				return usage("build", errors.New("--output and --push can't be combined: build twice, the second build uses the cache"))
			}
			if *push && *idFile != "" {
				return usage("build", errors.New("--iidfile: --push prints the digest instead"))
			}
			if *push {
				return c.buildAndPush(ctx, store, o, *quiet)
			}
			if strings.Contains(o.Platform, ",") {
				return usage("build", errors.New("--platform: only a registry can keep several platforms under one reference: add --push"))
			}
			img, err := c.build(ctx, store, o, show)
			if err != nil {
				return err
			}
			if to.kind != "" {
				if err := c.output(ctx, store, img.ID, to); err != nil {
					return err
				}
			}
			if *quiet && to.dest != "-" {
				fmt.Fprintln(c.out, img.ID)
			}
			if *idFile != "" {
				return os.WriteFile(*idFile, []byte(img.ID), 0o644)
			}
			return nil
		}
	},
}

// buildFlags has the flags that say what to build; read completes o by what was given.
func buildFlags(flags *pflag.FlagSet, o *image.BuildOptions) (read func() error) {
	flags.StringArrayVarP(&o.Tags, "tag", "t", nil, "name of the image in the form NAME:TAG (may be repeated)")
	flags.StringVar(&o.Target, "target", "", "stage to build")
	flags.StringVar(&o.Platform, "platform", "", "platform of the image, such as linux/arm64; several, separated by commas, need --push")
	flags.BoolVar(&o.Result.Squash, "squash", false, "put all that the build adds into one layer")
	flags.BoolVar(&o.Cache.Disable, "no-cache", false, "run every step again, without the cache")
	flags.StringSliceVar(&o.Cache.DisableStages, "no-cache-filter", nil, "run every step of a stage again, by the stage's name (may be repeated)")
	flags.IntVar(&o.Jobs, "jobs", 1, "how many stages may be built at the same time")
	flags.StringVar(&o.Run.Network, "network", "", "network of RUN steps: default, host or none")
	flags.StringArrayVar(&o.Run.Hosts, "add-host", nil, "additional line of /etc/hosts for RUN steps: NAME:ADDRESS or NAME:host-gateway (may be repeated)")
	buildArgs := flags.StringArray("build-arg", nil, "build argument NAME=VALUE (may be repeated)")
	labels := flags.StringArray("label", nil, "label NAME=VALUE (may be repeated)")
	pull := flags.String("pull", "missing", "when to fetch base images: missing, always or never; without a value: always")
	flags.Lookup("pull").NoOptDefVal = "always"
	ssh := flags.StringArray("ssh", nil, "for RUN --mount=type=ssh: default, or NAME=SOCKET or KEY (may be repeated)")
	secrets := flags.StringArray("secret", nil, "for RUN --mount=type=secret: id=NAME[,src=FILE|,env=VARIABLE] (may be repeated)")
	from := flags.StringArray("cache-from", nil, "repository that has the results of steps: REPOSITORY or type=registry,ref=REPOSITORY (may be repeated)")
	to := flags.StringArray("cache-to", nil, "repository to push results of steps to (may be repeated)")
	contexts := flags.StringArray("build-context", nil, "additional context: NAME=DIR or NAME=docker-image://IMAGE (may be repeated)")
	verify := tlsFlag(flags)
	return func() (err error) {
		o.Args, o.Transport = buildArgsOf(*buildArgs), transport(*verify)
		switch *pull { // Docker's flag is true or false
		case "true":
			*pull = string(image.PullAlways)
		case "false":
			*pull = string(image.PullMissing)
		}
		o.Pull = image.PullPolicy(*pull)
		if o.Labels, err = pairs("label", *labels); err != nil {
			return err
		}
		if o.Run.Secrets, err = buildSecrets(*secrets); err != nil {
			return err
		}
		if o.Cache.From, err = buildCaches("cache-from", *from); err != nil {
			return err
		}
		if o.Cache.To, err = buildCaches("cache-to", *to); err != nil {
			return err
		}
		if err := buildContexts(o, *contexts); err != nil {
			return err
		}
		o.Run.SSH = map[string]string{}
		for _, s := range *ssh {
			id, path, _ := strings.Cut(s, "=")
			o.Run.SSH[id] = path
		}
		return nil
	}
}

// buildContexts sets the named contexts.
func buildContexts(o *image.BuildOptions, list []string) error {
	o.Contexts.Files, o.Contexts.Images = map[string]fs.FS{}, map[string]string{}
	for _, s := range list {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" || value == "" {
			return usage("build", fmt.Errorf("--build-context %q: write it as NAME=DIR or NAME=docker-image://IMAGE", s))
		}
		if ref, ok := strings.CutPrefix(value, "docker-image://"); ok {
			o.Contexts.Images[name] = ref
		} else if strings.Contains(value, "://") {
			return usage("build", fmt.Errorf("--build-context %q: docker-image:// is the only kind of address that is supported", s))
		} else {
			o.Contexts.Files[name] = os.DirFS(value)
		}
	}
	return nil
}

// buildProgress sets what o tells on w.
func buildProgress(o *image.BuildOptions, style string, quiet bool, w io.Writer) error {
	switch {
	case quiet || style == "quiet":
	case style == "plain" || style == "auto":
		o.Output = w
	case style == "rawjson":
		enc := json.NewEncoder(w)
		o.Progress = func(e image.BuildEvent) { _ = enc.Encode(e) } // as a failure to print text
	default:
		return usage("build", fmt.Errorf("--progress %q: it must be auto, tty, plain, quiet or rawjson", style))
	}
	return nil
}

// buildSecrets reads secrets as docker build does: of a file, of a variable, or of whichever has the secret's name.
func buildSecrets(list []string) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, s := range list {
		f, err := commaPairs("secret", s, "type", "id", "src", "source", "env")
		if err != nil {
			return nil, err
		}
		id, src, env := f["id"], f["src"]+f["source"], f["env"]
		if id == "" {
			return nil, usage("build", fmt.Errorf("--secret %q: add id=NAME", s))
		}
		if _, set := os.LookupEnv(id); set && src == "" && env == "" || f["type"] == "env" {
			env, src = cmp.Or(env, src, id), ""
		}
		if env != "" {
			v, ok := os.LookupEnv(env)
			if !ok {
				return nil, fmt.Errorf("--secret %q: the variable %s is not set", s, env)
			}
			out[id] = []byte(v)
			continue
		}
		if out[id], err = os.ReadFile(cmp.Or(src, id)); err != nil {
			return nil, fmt.Errorf("--secret %q: %w", s, err)
		}
	}
	return out, nil
}

// buildCaches reads repositories, by name alone or in docker build's form.
func buildCaches(flag string, list []string) ([]string, error) {
	var out []string
	for _, s := range list {
		if !strings.Contains(s, "=") {
			out = append(out, s)
			continue
		}
		f, err := commaPairs(flag, s, "type", "ref", "mode")
		if err != nil {
			return nil, err
		}
		if f["type"] != "registry" || f["ref"] == "" {
			return nil, usage("build", fmt.Errorf("--%s %q: write it as type=registry,ref=REPOSITORY", flag, s))
		}
		out = append(out, f["ref"])
	}
	return out, nil
}

// commaPairs reads NAME=VALUE,NAME=VALUE.
func commaPairs(flag, text string, known ...string) (map[string]string, error) {
	out := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		k, v, ok := strings.Cut(part, "=")
		if !ok || !slices.Contains(known, k) {
			return nil, usage("build", fmt.Errorf("--%s %q: %q is not one of %s, each with =VALUE", flag, text, part, strings.Join(known, ", ")))
		}
		out[k] = v
	}
	return out, nil
}

// buildArgsOf reads NAME=VALUE, or NAME alone for the environment's value.
func buildArgsOf(list []string) map[string]string {
	args := map[string]string{}
	for _, kv := range environment(list) {
		if k, v, ok := strings.Cut(kv, "="); ok {
			args[k] = v
		}
	}
	return args
}

// buildInput sets the context and the Dockerfile. As Docker has it, "-" is a Dockerfile or a tar of the context on
// standard input, and the path of -f is relative to the working directory, not to the context.
func buildInput(o *image.BuildOptions, dir, file string, stdin io.Reader) error {
	if dir == "-" {
		if file == "-" {
			return usage("build", errors.New("standard input can't be both the context and the Dockerfile"))
		}
		return buildStdin(o, file, stdin)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("build context: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("build context %s: it is not a directory", dir)
	}
	o.Context = os.DirFS(dir)
	if file == "" {
		return nil
	}
	if file != "-" {
		if rel, ok := within(dir, file); ok {
			o.Dockerfile = filepath.ToSlash(rel)
			return nil
		}
	}
	text, err := readDockerfile(file, stdin)
	o.DockerfileText = text
	return err
}

// buildStdin tells a tar stream, compressed or not, from a Dockerfile by its first bytes.
func buildStdin(o *image.BuildOptions, file string, stdin io.Reader) error {
	r := bufio.NewReaderSize(stdin, 512)
	head, err := r.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("build context from standard input: %w", err)
	}
	packed := slices.ContainsFunc([]string{"\x1f\x8b", "\x28\xb5\x2f\xfd", "BZh", "\xfd7zX"}, func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) })
	if packed || len(head) == 512 && bytes.HasPrefix(head[257:], []byte("ustar")) {
		o.Tar, o.Dockerfile = r, file
		return nil
	}
	text, err := readDockerfile("-", r)
	o.DockerfileText = text
	return err
}

func readDockerfile(file string, stdin io.Reader) (string, error) {
	var b []byte
	var err error
	if file == "-" {
		b, err = io.ReadAll(stdin)
	} else {
		b, err = os.ReadFile(file)
	}
	if err != nil {
		return "", fmt.Errorf("dockerfile: %w", err)
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return "", fmt.Errorf("dockerfile %s is empty", file)
	}
	return string(b), nil
}

// within returns the path of file in dir, if it is there.
func within(dir, file string) (string, bool) {
	d, err1 := filepath.Abs(dir)
	f, err2 := filepath.Abs(file)
	if err1 != nil || err2 != nil {
		return "", false
	}
	rel, err := filepath.Rel(d, f)
	return rel, err == nil && filepath.IsLocal(rel)
}
