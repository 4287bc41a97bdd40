package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry"
)

// manifestPushCommand is docker manifest create and docker manifest push in one: there is no list on this machine between
// the two.
var manifestPushCommand = command{
	name: "manifest push", args: "NAME[:TAG] IMAGE [IMAGE...]", short: "Copy images for several platforms to a registry as one name", min: 2, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		var o image.PushOptions
		compressionFlags(flags, &o)
		verify := tlsFlag(flags)
		return func(ctx context.Context, c *cli, args []string) error {
			store, err := c.store()
			if err != nil {
				return err
			}
			report, end := progress(ctx, c.out)
			o.Transport, o.Progress = transport(*verify), report
			digest, err := store.PushIndex(ctx, args[0], args[1:], o)
			end()
			if err != nil {
				return err
			}
			fmt.Fprintln(c.out, digest)
			return nil
		}
	},
}

var manifestInspectCommand = command{
	name: "manifest inspect", args: "NAME[:TAG|@DIGEST]", short: "Print the manifest that a registry has for a name", min: 1, max: 1,
	setup: func(flags *pflag.FlagSet) action {
		platform := flags.String("platform", "", "platform of the image to take from an index, such as linux/arm64")
		return func(ctx context.Context, c *cli, args []string) error {
			client := registry.NewClient(registry.ClientOptions{})
			defer client.Close()
			m, err := client.Manifest(ctx, args[0], registry.ManifestOptions{Platform: *platform})
			if err != nil {
				return err
			}
			_, err = c.out.Write(append(m.Raw, '\n'))
			return err
		}
	},
}
