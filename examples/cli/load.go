package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/distribution/reference"
	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/image"
)

var loadCommand = command{
	name: "load", short: "Read images from a tar archive",
	setup: func(flags *pflag.FlagSet) action {
		file := flags.StringP("input", "i", "", "file to read, instead of standard input")
		quiet := flags.BoolP("quiet", "q", false, "don't show the progress of the load")
		return func(ctx context.Context, c *cli, _ []string) error {
			r := c.in
			if *file != "" {
				f, err := os.Open(*file)
				if err != nil {
					return err
				}
				defer f.Close()
				r = f
			} else if terminal(c.in) {
				return errors.New("requested load from stdin, but stdin is empty: use -i or redirect")
			}
			store, err := c.store()
			if err != nil {
				return err
			}
			var o image.LoadOptions
			end := func() {}
			if !*quiet && terminal(c.out) {
				o.Progress, end = progress(ctx, c.out)
			}
			images, err := store.Load(ctx, r, o)
			end()
			if err != nil {
				return err
			}
			loaded(c.out, images)
			return nil
		}
	},
}

// loaded names each image by its names, or else by its id.
func loaded(w io.Writer, images []image.Image) {
	for _, img := range images {
		if len(img.Names) == 0 {
			fmt.Fprintf(w, "Loaded image ID: %s\n", img.ID)
		}
		for _, n := range img.Names {
			if ref, err := reference.ParseNormalizedNamed(n); err == nil {
				n = reference.FamiliarString(ref)
			}
			fmt.Fprintf(w, "Loaded image: %s\n", n)
		}
	}
}
