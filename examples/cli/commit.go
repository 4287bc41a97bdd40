package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var commitCommand = command{
	name: "commit", args: "CONTAINER [NAME[:TAG]]", short: "Make an image of a container", min: 1, max: 2,
	setup: func(flags *pflag.FlagSet) action {
		var o container.CommitOptions
		flags.StringVarP(&o.Author, "author", "a", "", "author, such as 'Jane Doe <jane@example.com>'")
		flags.StringArrayVarP(&o.Changes, "change", "c", nil, "instruction of a Dockerfile to apply, such as 'ENV A=b' (may be repeated)")
		flags.StringVarP(&o.Message, "message", "m", "", "comment of the image's history")
		pause := flags.BoolP("pause", "p", true, "pause the container during the commit")
		return func(ctx context.Context, c *cli, args []string) error {
			ctr, err := c.container(ctx, args[0])
			if err != nil {
				return err
			}
			o.Tags, o.NoPause = args[1:], !*pause
			img, err := ctr.Commit(ctx, o)
			if err == nil {
				fmt.Fprintln(c.out, img.ID)
			}
			return err
		}
	},
}
