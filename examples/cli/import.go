package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/image"
)

var importCommand = command{
	name: "import", args: "FILE|- [REPOSITORY[:TAG]]", short: "Make an image from a tar archive of a root file system", min: 1, max: 2,
	setup: func(flags *pflag.FlagSet) action {
		var o image.ImportOptions
		flags.StringArrayVarP(&o.Changes, "change", "c", nil, "instruction of a Dockerfile for the image's configuration, such as 'ENV A=b'")
		flags.StringVarP(&o.Message, "message", "m", "", "comment in the image's history (default: the source of the import)")
		flags.StringVar(&o.Platform, "platform", "", "platform of the image, such as linux/arm64 (default: this machine's)")
		return func(ctx context.Context, c *cli, args []string) error {
			var r io.Reader = c.in
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				r = f
			}
			if o.Message == "" {
				o.Message = "Imported from " + args[0]
			}
			o.Tags = args[1:]
			store, err := c.store()
			if err != nil {
				return err
			}
			img, err := store.Import(ctx, r, o)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.out, img.ID)
			return nil
		}
	},
}
