package main

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/examples/cli/internal/format"
)

var versionCommand = command{
	name: "version", short: "Show the version of this program", example: "version -f '{{.Client.Version}}'",
	setup: func(flags *pflag.FlagSet) action {
		how := format.InspectFlag(flags)
		return func(_ context.Context, c *cli, _ []string) error {
			v := component{Version: moduleVersion(), GoVersion: runtime.Version(), Os: runtime.GOOS, Arch: runtime.GOARCH}
			return c.one(*how, versions{Client: v, Server: v}, func(w io.Writer) {
				fmt.Fprintf(w, "Version:    %s\nGo version: %s\nOS/Arch:    %s/%s\n", v.Version, v.GoVersion, v.Os, v.Arch)
			})
		}
	},
}

// versions has docker version's names. Client and engine are of one version here.
type versions struct{ Client, Server component }

type component struct{ Version, GoVersion, Os, Arch string }
