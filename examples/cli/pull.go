package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/image"
)

var pullCommand = command{
	name: "pull", args: "NAME[:TAG|@DIGEST]", short: "Fetch an image from its registry", min: 1, max: 1,
	setup: func(flags *pflag.FlagSet) action {
		var o image.PullOptions
		flags.StringVar(&o.Platform, "platform", "", "platform of the image to take from an index, such as linux/arm64 (default: this machine's)")
		quiet := flags.BoolP("quiet", "q", false, "print only the name")
		verify := tlsFlag(flags)
		return func(ctx context.Context, c *cli, args []string) error {
			o.Transport = transport(*verify)
			if err := validName(args[0]); err != nil {
				return err
			}
			w := c.out
			if *quiet {
				w = io.Discard
			}
			c.defaultTag(w, args[0])
			if err := c.pull(ctx, args[0], o, w); err != nil {
				return err
			}
			fmt.Fprintln(c.out, fullName(args[0]))
			return nil
		}
	},
}

// pull fetches an image and tells w what it does, in docker pull's words.
func (c *cli) pull(ctx context.Context, ref string, opts image.PullOptions, w io.Writer) error {
	store, err := c.store()
	if err != nil {
		return err
	}
	before, err := store.Get(ctx, ref)
	if err != nil {
		before = &image.Image{}
	}
	n := familiar(fullName(ref))
	what, full := n.tag, n.repository+":"+n.tag
	if n.digest != none {
		what, full = n.digest, n.repository+"@"+n.digest
	}
	fmt.Fprintf(w, "%s: Pulling from %s\n", what, n.repository)
	report, end := progress(ctx, w)
	opts.Progress = report
	img, err := store.Pull(ctx, ref, opts)
	end()
	if err != nil {
		return err
	}
	for _, d := range img.Digests {
		if repo, digest, ok := strings.Cut(d, "@"); ok && familiar(repo).repository == n.repository {
			fmt.Fprintf(w, "Digest: %s\n", digest)
		}
	}
	if before.ID == img.ID {
		fmt.Fprintf(w, "Status: Image is up to date for %s\n", full)
	} else {
		fmt.Fprintf(w, "Status: Downloaded newer image for %s\n", full)
	}
	return nil
}
