package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/image"
)

var pushCommand = command{
	name: "push", args: "NAME[:TAG]", short: "Copy an image to its registry", min: 1, max: 1,
	setup: func(flags *pflag.FlagSet) action {
		var o image.PushOptions
		compressionFlags(flags, &o)
		quiet := flags.BoolP("quiet", "q", false, "print only the name")
		verify := tlsFlag(flags)
		return func(ctx context.Context, c *cli, args []string) error {
			store, err := c.store()
			if err != nil {
				return err
			}
			if err := validName(args[0]); err != nil {
				return err
			}
			w := c.out
			if *quiet {
				w = io.Discard
			}
			n := familiar(fullName(args[0]))
			c.defaultTag(w, args[0])
			fmt.Fprintf(w, "The push refers to repository [%s]\n", repositoryOf(args[0]))
			report, end := progress(ctx, w)
			o.Transport, o.Progress = transport(*verify), report
			digest, err := store.Push(ctx, args[0], o)
			end()
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s: digest: %s\n", n.tag, digest)
			if *quiet {
				fmt.Fprintln(c.out, fullName(args[0]))
			}
			return nil
		}
	},
}

// compressionFlags are podman push's: Docker's pushes are always gzip'd.
func compressionFlags(flags *pflag.FlagSet, o *image.PushOptions) {
	flags.StringVar(&o.Compression, "compression-format", "", "compression of layers: gzip, zstd or zstd:chunked (default gzip)")
	flags.IntVar(&o.Level, "compression-level", 0, "level of the compression (default 3)")
}

func tlsFlag(flags *pflag.FlagSet) *bool {
	return flags.Bool("tls-verify", true, "verify the registry's certificate; =false allows plain HTTP too")
}

func transport(verify bool) image.Transport { return image.Transport{Insecure: !verify} }
