package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/internal/timeline"
)

var reportCommand = command{
	name: "report", args: "FILE.json", short: "Sum up the fixtures of a test run", min: 1, max: 1,
	example: "report /tmp/fixtures.json # after CAISSON_TEST_REPORT=/tmp/fixtures.html go test ./...",
	setup: func(flags *pflag.FlagSet) action {
		n := flags.IntP("number", "n", 5, "how many of the fixtures that were waited for longest to list")
		return func(_ context.Context, c *cli, args []string) error {
			entries, err := timeline.Read(args[0])
			if err != nil {
				return err
			}
			return timeline.WriteText(c.out, timeline.Last(entries), max(*n, 0))
		}
	},
}
