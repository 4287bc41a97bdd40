package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/image"
)

var pushCommand = command{
	name: "push", args: "NAME[:TAG]", short: "Copy an image to its registry", min: 1, max: 1,
	setup: func(flags *pflag.FlagSet) action {
		verify := tlsFlag(flags)
		return func(ctx context.Context, c *cli, args []string) error {
			store, err := c.store()
			if err != nil {
				return err
			}
			n := familiar(fullName(args[0]))
			fmt.Fprintf(c.out, "The push refers to repository [%s]\n", n.repository)
			report, end := progress(ctx, c.out)
			digest, err := store.Push(ctx, args[0], image.PushOptions{Transport: transport(*verify), Progress: report})
			end()
			if err != nil {
				return err
			}
			fmt.Fprintf(c.out, "%s: digest: %s\n", n.tag, digest)
			return nil
		}
	},
}

func tlsFlag(flags *pflag.FlagSet) *bool {
	return flags.Bool("tls-verify", true, "verify the registry's certificate; =false allows plain HTTP too")
}

func transport(verify bool) image.Transport { return image.Transport{Insecure: !verify} }
