package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// completer completes the arguments of a command by its usage line: what the store has of what the word names. A word
// that names nothing of the store is a file.
func (c *cli) completer(usage string) cobra.CompletionFunc {
	words := strings.Fields(strings.NewReplacer("[", " ", "]", " ", ":", " ", "|", " ", "...", "").Replace(usage))
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(words) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names, err := c.names(cmd.Context(), words[min(len(args), len(words)-1)])
		switch {
		case err != nil:
			return nil, cobra.ShellCompDirectiveError
		case names == nil:
			return nil, cobra.ShellCompDirectiveDefault
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// names are those of a kind that the store has; nil for another kind.
func (c *cli) names(ctx context.Context, kind string) ([]string, error) {
	engine, err := c.engine()
	if err != nil {
		return nil, err
	}
	out := []string{}
	switch kind {
	case "CONTAINER":
		list, err := engine.List(ctx, container.ListOptions{All: true})
		for _, i := range list {
			out = append(out, i.Name)
		}
		return out, err
	case "IMAGE":
		list, err := c.opened.List(ctx, image.ListOptions{})
		for _, i := range list {
			for _, n := range i.Names {
				out = append(out, familiarString(n, ""))
			}
		}
		return out, err
	case "NETWORK":
		list, err := engine.Networks(ctx)
		for _, n := range list {
			out = append(out, n.Name)
		}
		return out, err
	case "VOLUME":
		list, err := engine.Volumes(ctx)
		for _, v := range list {
			out = append(out, v.Name)
		}
		return out, err
	}
	return nil, nil
}
