package main

import (
	"context"

	"github.com/spf13/pflag"
)

var tagCommand = command{
	name: "tag", args: "IMAGE NAME[:TAG]", short: "Give an image another name", min: 2, max: 2,
	setup: func(*pflag.FlagSet) action {
		return func(ctx context.Context, c *cli, args []string) error {
			store, err := c.store()
			if err != nil {
				return err
			}
			return store.Tag(ctx, args[0], args[1])
		}
	},
}
