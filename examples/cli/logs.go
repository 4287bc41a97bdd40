package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var logsCommand = command{
	name: "logs", args: "CONTAINER", short: "Print what a container has written", min: 1, max: 1,
	setup: func(flags *pflag.FlagSet) action {
		var o container.LogsOptions
		flags.BoolVarP(&o.Follow, "follow", "f", false, "continue until the container has ended")
		flags.BoolVarP(&o.Timestamps, "timestamps", "t", false, "put the time before each line")
		since := flags.String("since", "", "leave out what is older than a time, or than a duration before now, such as 10m")
		until := flags.String("until", "", "leave out what is newer than a time, or than a duration before now")
		tail := flags.StringP("tail", "n", "all", "number of lines to show from the end")
		return func(ctx context.Context, c *cli, args []string) error {
			if err := between(&o.Since, &o.Until, *since, *until); err != nil {
				return usage("logs", err)
			}
			if *tail != "all" {
				n, err := strconv.Atoi(*tail)
				switch {
				case err != nil:
					return usage("logs", fmt.Errorf("--tail %q: it must be a number or all", *tail))
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
			return ctr.Logs(ctx, o)
		}
	},
}

// between reads --since and --until.
func between(from, to *time.Time, since, until string) (err error) {
	if *from, err = moment(since, time.Now()); err != nil {
		return fmt.Errorf("--since %q: %w", since, err)
	}
	if *to, err = moment(until, time.Now()); err != nil {
		return fmt.Errorf("--until %q: %w", until, err)
	}
	return nil
}

// moment reads a time in Docker's ways: a duration before now, seconds since 1970, or a date with what follows it, of
// this place if it names no zone.
func moment(s string, now time.Time) (time.Time, error) {
	if s == "" || s == "0" { // no bound, as with Docker
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	if seconds, err := strconv.ParseFloat(s, 64); err == nil {
		return time.UnixMicro(int64(seconds * 1e6)), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02T15", "2006-01-02Z07:00", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("it must be a duration such as 10m, or a time such as 2006-01-02T15:04:05")
}
