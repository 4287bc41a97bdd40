package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
)

var exportCommand = command{
	name: "export", args: "CONTAINER", short: "Write a container's file system as a tar archive", min: 1, max: 1,
	setup: func(flags *pflag.FlagSet) action {
		file := flags.StringP("output", "o", "", "file to write, instead of standard output")
		return func(ctx context.Context, c *cli, args []string) error {
			if info, err := os.Stat(filepath.Dir(*file)); err != nil || !info.IsDir() {
				return fmt.Errorf("export -o %s: there is no directory %s", *file, filepath.Dir(*file))
			}
			ctr, err := c.container(ctx, args[0])
			if err != nil {
				return err
			}
			return c.write(*file, func(w io.Writer) error {
				r, err := ctr.Export(ctx)
				if err != nil {
					return err
				}
				defer r.Close()
				_, err = io.Copy(w, r)
				return err
			})
		}
	},
}

// write has do write an archive into a file, or to standard output if none is named.
func (c *cli) write(file string, do func(w io.Writer) error) error {
	if file == "" {
		if terminal(c.out) {
			return errors.New("cowardly refusing to save to a terminal. Use the -o flag or redirect")
		}
		return do(c.out)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err = errors.Join(do(f), f.Close()); err != nil {
		err = errors.Join(err, os.Remove(file)) // half of an archive is none
	}
	return err
}
