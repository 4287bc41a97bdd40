package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var cpCommand = command{
	name: "cp", args: "CONTAINER:SOURCE TARGET|-  or  SOURCE|- CONTAINER:TARGET", short: "Copy files between a container and the host", min: 2, max: 2,
	example: "cp web:/etc/hosts .\ncp - web:/ < files.tar",
	setup: func(flags *pflag.FlagSet) action {
		archive := flags.BoolP("archive", "a", false, "keep the owners' ids")
		follow := flags.BoolP("follow-link", "L", false, "copy the file that a symbolic link leads to")
		flags.BoolP("quiet", "q", false, "accepted for compatibility with Docker: no progress is shown")
		return func(ctx context.Context, c *cli, args []string) error {
			if err := c.copy(ctx, args[0], args[1], *archive, *follow); err != nil {
				return fmt.Errorf("cp %s %s: %w", args[0], args[1], err)
			}
			return nil
		}
	},
}

func (c *cli) copy(ctx context.Context, first, second string, archive, follow bool) error {
	from, source := copyArgument(first)
	to, target := copyArgument(second)
	switch {
	case from != "" && to != "":
		return errors.New("copying between containers is not supported")
	case from != "" && first == from+":" || to != "" && second == to+":":
		return errors.New("the path in the container is empty: write / for all of it")
	case from == "" && to == "":
		return errors.New("must specify at least one container source")
	}
	ctr, err := c.container(ctx, from+to)
	if err != nil {
		return err
	}
	opts := container.CopyOptions{KeepOwner: archive}
	switch {
	case from != "" && target == "-":
		return c.copyOut(ctx, ctr, source, follow)
	case from != "":
		return ctr.Download(ctx, source, target, container.CopyFromOptions{Follow: follow, KeepOwner: archive})
	case source == "-":
		return ctr.CopyTo(ctx, target, c.in, opts)
	case follow:
		if source, target, err = followed(ctx, ctr, source, target); err != nil {
			return err
		}
	}
	return ctr.Upload(ctx, source, target, opts)
}

// copyArgument reads CONTAINER:PATH, in which the path begins at the root, or the path of a file of this host.
func copyArgument(arg string) (ctr, name string) {
	ctr, name, ok := strings.Cut(arg, ":")
	if !ok || filepath.IsAbs(arg) || strings.HasPrefix(ctr, ".") {
		return "", arg
	}
	if !path.IsAbs(name) {
		name = "/" + name
	}
	return ctr, name
}

// copyOut writes a tar stream to standard output.
func (c *cli) copyOut(ctx context.Context, ctr *container.Container, name string, follow bool) error {
	if terminal(c.out) {
		return errors.New("refusing to write a tar stream to a terminal: redirect it")
	}
	r, _, err := ctr.CopyFrom(ctx, name, container.CopyFromOptions{Follow: follow})
	if err != nil {
		return err
	}
	_, err = io.Copy(c.out, r)
	return errors.Join(err, r.Close())
}

// followed resolves a link of the host; the copy has the link's name nevertheless.
func followed(ctx context.Context, ctr *container.Container, source, target string) (string, string, error) {
	real, err := filepath.EvalSymlinks(source)
	if err != nil {
		return "", "", fmt.Errorf("cp: %w", err)
	}
	if info, err := os.Lstat(source); err != nil || info.Mode()&os.ModeSymlink == 0 {
		return source, target, err
	}
	if info, err := ctr.StatPath(ctx, target+"/"); err == nil && info.Mode.IsDir() {
		target = path.Join(target, filepath.Base(source))
	}
	return real, target, nil
}
