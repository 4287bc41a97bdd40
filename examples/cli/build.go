package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/image"
)

var buildCommand = command{
	name: "build", args: "DIR|-", short: "Build an image by a Dockerfile", min: 1, max: 1,
	setup: func(flags *pflag.FlagSet) action {
		var o image.BuildOptions
		flags.StringArrayVarP(&o.Tags, "tag", "t", nil, "name of the image, as name:tag (may be repeated)")
		file := flags.StringP("file", "f", "", "path of the Dockerfile, or - for standard input (default DIR/Dockerfile)")
		flags.StringVar(&o.Target, "target", "", "stage to build")
		buildArgs := flags.StringArray("build-arg", nil, "build argument, as NAME=VALUE (may be repeated)")
		flags.BoolVar(&o.NoCache, "no-cache", false, "run every step anew")
		quiet := flags.BoolP("quiet", "q", false, "print the image's id alone")
		return func(ctx context.Context, c *cli, args []string) error {
			o.Args = buildArgsOf(*buildArgs)
			if err := buildInput(&o, args[0], *file, c.in); err != nil {
				return err
			}
			if !*quiet {
				o.Output = c.err // standard output is for the id alone
			}
			store, err := c.store()
			if err != nil {
				return err
			}
			img, err := store.Build(ctx, o)
			if err != nil {
				return err
			}
			if *quiet {
				fmt.Fprintln(c.out, img.ID)
			}
			return nil
		}
	},
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

// buildStdin tells a tar stream, gzip'd or not, from a Dockerfile by its first bytes.
func buildStdin(o *image.BuildOptions, file string, stdin io.Reader) error {
	r := bufio.NewReaderSize(stdin, 512)
	head, err := r.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("build context from standard input: %w", err)
	}
	gzipped := bytes.HasPrefix(head, []byte{0x1f, 0x8b})
	if gzipped || len(head) == 512 && bytes.HasPrefix(head[257:], []byte("ustar")) {
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
