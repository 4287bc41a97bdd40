package main

import (
	"context"
	"io"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/image"
)

var saveCommand = command{
	name: "save", args: "IMAGE [IMAGE...]", short: "Write images as a tar archive", min: 1, max: -1,
	example: "save -o app.tar app:1 app:2",
	setup: func(flags *pflag.FlagSet) action {
		file := flags.StringP("output", "o", "", "file to write, instead of standard output")
		format := flags.String("format", string(image.FormatDocker), "docker-archive or oci-archive")
		return func(ctx context.Context, c *cli, args []string) error {
			store, err := c.store()
			if err != nil {
				return err
			}
			return c.write(*file, func(w io.Writer) error {
				return store.Save(ctx, w, args, image.SaveOptions{Format: image.Format(*format)})
			})
		}
	},
}
