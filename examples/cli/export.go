package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/pflag"
)

var exportCommand = command{
	name: "export", args: "CONTAINER", short: "Write a container's file system as a tar archive", min: 1, max: 1,
	setup: func(flags *pflag.FlagSet) action {
		file := flags.StringP("output", "o", "", "file to write, instead of standard output")
		return func(ctx context.Context, c *cli, args []string) error {
			if *file == "" && terminal(c.out) {
				return errors.New("cowardly refusing to save to a terminal. Use the -o flag or redirect")
			}
			ctr, err := c.container(ctx, args[0])
			if err != nil {
				return err
			}
			r, err := ctr.Export(ctx)
			if err != nil {
				return err
			}
			defer r.Close()
			if *file == "" {
				_, err = io.Copy(c.out, r)
				return err
			}
			f, err := os.Create(*file)
			if err != nil {
				return err
			}
			_, err = io.Copy(f, r)
			if err = errors.Join(err, f.Close()); err != nil {
				err = errors.Join(err, os.Remove(*file)) // half of an archive is none
			}
			return err
		}
	},
}
