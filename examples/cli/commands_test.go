package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/examples/cli/internal/format"
)

// TestUsage needs no store.
func TestUsage(t *testing.T) {
	for _, tc := range []struct {
		args string
		code int
		out  string
		err  string
	}{
		{"", 0, "Commands:", ""},
		{"--help", 0, "container prune", ""},
		{"run --help", 0, "--entrypoint", ""},
		{"image prune --help", 0, "Usage: caisson image prune", ""},
		{"nothing", 1, "", "unknown command: nothing"},
		{"image nothing", 1, "", "unknown command: image"},
		{"--nothing", 125, "", "unknown flag: --nothing"},
		{"ps --nothing", 125, "", "Run 'caisson ps --help'"},
		{"tag one", 1, "", "takes 2 arguments"},
		{"ps one", 1, "", "takes no arguments"},
		{"run", 1, "", "takes at least 1 argument"},
		{"run -a stdout -d box", 1, "", "--detach"},
		{"strat", 1, "", "Did you mean start"},
		{"container ls extra", 1, "", "'caisson container ls' takes no arguments"},
		{"help image ls", 0, "Usage: caisson image ls", ""},
		{"help nosuch", 1, "", "unknown help topic: nosuch"},
		{"completion bash", 0, "bash completion", ""},
		{"completion fish", 0, "fish completion", ""},
		{"completion zsh", 0, "#compdef caisson", ""},
		{"container", 0, "", "Manage containers"},
		{"run --help", 0, "caisson run --rm -it", ""},
	} {
		t.Run(tc.args, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := run(context.Background(), strings.Fields(tc.args), strings.NewReader(""), &out, &errs)
			require.Equal(t, tc.code, code, "%s", &errs)
			require.Contains(t, out.String(), tc.out)
			require.Contains(t, errs.String(), tc.err)
		})
	}
}

func TestListOptions(t *testing.T) {
	flags := pflag.NewFlagSet("ps", pflag.ContinueOnError)
	where := format.FilterFlag(flags, psFilters...)
	require.NoError(t, flags.Parse(strings.Fields("-f ancestor=i -f network=n -f volume=v -f status=exited -f health=healthy "+
		"-f before=x -f since=y -f label=k=v -f label=l -f exited=3 -f publish=80/udp -f id=1 -f name=a")))
	o, err := listOptions(where)
	require.NoError(t, err)
	require.Equal(t, container.ListOptions{
		Images: []string{"i"}, Networks: []string{"n"}, Volumes: []string{"v"},
		Statuses: []container.Status{container.StatusExited}, Before: "x", Since: "y",
		Labels: map[string]string{"k": "v", "l": ""}, ExitCodes: []int{3},
	}, o)
	for _, bad := range []string{"exited=x", "status=x", "health=x", "publish=x", "expose=2-1", "color=red"} {
		flags := pflag.NewFlagSet("ps", pflag.ContinueOnError)
		where := format.FilterFlag(flags, psFilters...)
		require.NoError(t, flags.Parse([]string{"-f", bad}))
		_, err = listOptions(where)
		require.ErrorContains(t, err, "--filter "+bad)
	}
}
