package main

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/image"
)

var rmiCommand = command{
	name: "rmi", args: "IMAGE [IMAGE...]", short: "Remove images", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		var o image.RemoveOptions
		flags.BoolVarP(&o.Force, "force", "f", false, "take the name away from an image that containers use; by id, remove its stopped containers too")
		flags.Bool("no-prune", false, "accepted for compatibility with Docker: an image's layers are no images of their own")
		return func(ctx context.Context, c *cli, args []string) error {
			store, err := c.store()
			if err != nil {
				return err
			}
			return c.each(args, func(ref string) (string, error) {
				res, err := store.Remove(ctx, ref, o)
				return c.absent(o.Force, removed(res.Untagged, res.Deleted), err)
			})
		}
	},
}

// removed lists what went, in docker rmi's words.
func removed(untagged, deleted []string) string {
	var out []string
	for _, full := range untagged {
		out = append(out, "Untagged: "+familiarString(full, ""))
	}
	for _, id := range deleted {
		out = append(out, "Deleted: "+id)
	}
	return strings.Join(out, "\n")
}
