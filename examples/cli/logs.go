package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/examples/cli/internal/format"
)

var logsCommand = command{
	name: "logs", args: "CONTAINER", short: "Print what a container has written", min: 1, max: 1,
	example: "logs -f --tail 100 web\nlogs --since 10m web",
	setup: func(flags *pflag.FlagSet) action {
		var o container.LogsOptions
		flags.BoolVarP(&o.Follow, "follow", "f", false, "continue until the container has ended")
		flags.BoolVarP(&o.Timestamps, "timestamps", "t", false, "put the time before each line")
		since := flags.String("since", "", "leave out what is older than a time, or than a duration before now, such as 10m")
		until := flags.String("until", "", "leave out what is newer than a time, or than a duration before now")
		flags.Bool("details", false, "put what --log-opt has added before each line: here it adds nothing but a space")
		tail := flags.StringP("tail", "n", "all", "number of lines to show from the end")
		return func(ctx context.Context, c *cli, args []string) error {
			if err := format.Between(&o.Since, &o.Until, *since, *until, time.Now()); err != nil {
				return err
			}
			if *tail != "all" {
				n, err := strconv.Atoi(*tail)
				switch {
				case err != nil:
					return fmt.Errorf("--tail %q: it must be a number or all", *tail)
				case n == 0:
					o.Tail = -1 // to the library 0 is all
				case n > 0: // below 0 is all
					o.Tail = n
				}
			}
			ctr, err := c.container(ctx, args[0])
			if err != nil {
				return err
			}
			o.Stdout, o.Stderr = c.out, c.err
			if details, _ := flags.GetBool("details"); details {
				return c.detailed(ctx, ctr, o)
			}
			return ctr.Logs(ctx, o)
		}
	},
}

// detailed prints lines as docker logs --details: behind the time stands what the driver adds, which is empty here.
func (c *cli) detailed(ctx context.Context, ctr *container.Container, o container.LogsOptions) error {
	for e, err := range ctr.LogEntries(ctx, o) {
		if err != nil {
			return err
		}
		w, stamp := o.Stdout, ""
		if e.Stderr {
			w = o.Stderr
		}
		if o.Timestamps {
			stamp = e.Time.UTC().Format(time.RFC3339Nano) + " "
		}
		if _, err := fmt.Fprintf(w, "%s %s\n", stamp, e.Line); err != nil {
			return err
		}
	}
	return nil
}
