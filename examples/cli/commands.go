package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// The groups of the help.
const (
	groupRun     = "run"
	groupImages  = "images"
	groupObjects = "objects"
	groupRest    = "rest"
)

// entry is a command's place. The last word of a name may have aliases behind it.
type entry struct {
	command
	also []string // other names, at each of which it is a command, too
}

// commands has them by the group in which the help lists those of one word.
var commands = map[string][]entry{
	groupRun: {
		{runCommand, []string{"container run"}}, {execCommand, []string{"container exec"}}, {psCommand, []string{"container ls|list|ps"}},
		{logsCommand, []string{"container logs"}}, {createCommand, []string{"container create"}}, {startCommand, []string{"container start"}},
		{stopCommand, []string{"container stop"}}, {restartCommand, []string{"container restart"}}, {killCommand, []string{"container kill"}},
		{rmCommand, []string{"container rm|remove"}}, {attachCommand, []string{"container attach"}}, {waitCommand, []string{"container wait"}},
		{pauseCommand, []string{"container pause"}}, {unpauseCommand, []string{"container unpause"}}, {renameCommand, []string{"container rename"}},
		{updateCommand, []string{"container update"}}, {portCommand, []string{"container port"}}, {topCommand, []string{"container top"}},
		{statsCommand, []string{"container stats"}}, {cpCommand, []string{"container cp"}}, {diffCommand, []string{"container diff"}},
		{exportCommand, []string{"container export"}}, {commitCommand, []string{"container commit"}},
	},
	groupImages: {
		{buildCommand, []string{"image build", "builder build"}}, {imagesCommand, []string{"image ls|list"}}, {pullCommand, []string{"image pull"}},
		{pushCommand, []string{"image push"}}, {tagCommand, []string{"image tag"}}, {rmiCommand, []string{"image rm|remove"}},
		{historyCommand, []string{"image history"}}, {saveCommand, []string{"image save"}}, {loadCommand, []string{"image load"}},
		{importCommand, []string{"image import"}},
	},
	groupObjects: {
		{containerPruneCommand, nil}, {containerInspectCommand, nil}, {imagePruneCommand, nil}, {imageInspectCommand, nil},
		{volumeCreateCommand, nil}, {volumeLsCommand, nil}, {volumeInspectCommand, nil}, {volumeRmCommand, nil}, {volumePruneCommand, nil},
		{networkCreateCommand, nil}, {networkLsCommand, nil}, {networkInspectCommand, nil}, {networkConnectCommand, nil},
		{networkDisconnectCommand, nil}, {networkRmCommand, nil}, {networkPruneCommand, nil},
		{builderPruneCommand, nil}, {systemDfCommand, nil}, {systemPruneCommand, nil}, {manifestPushCommand, nil}, {manifestInspectCommand, nil}, {searchTagsCommand, nil},
	},
	groupRest: {
		{inspectCommand, nil}, {eventsCommand, []string{"system events"}}, {infoCommand, []string{"system info"}}, {versionCommand, nil},
		{loginCommand, nil}, {logoutCommand, nil}, {serveCommand, nil}, {reportCommand, nil},
	},
}

// parents are the commands that only hold others.
var parents = map[string]string{
	"builder": "Manage builds", "container": "Manage containers", "image": "Manage images", "network": "Manage networks", "volume": "Manage volumes",
	"system": "Show and clean up what the store holds", "manifest": "Manage images for several platforms in registries",
	"search": "Look into registries",
}

// newRoot has all commands, for one invocation.
func newRoot(c *cli) *cobra.Command {
	root := &cobra.Command{
		Use: program, Short: "Docker's commands without a daemon, on the library caisson",
		SilenceErrors: true, SilenceUsage: true, TraverseChildren: true, Args: cobra.ArbitraryArgs, RunE: unknown,
		Example: examples("run --rm -it IMAGE sh\nbuild -t app .\nrun -d --name web -p 8080:80 IMAGE\nps --format '{{.Names}}: {{.Status}}'\ncontainer prune -f"),
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.Flags().StringVar(&c.root, "root", defaultRoot(), "the store's directory (environment: CAISSON_ROOT)")
	root.AddGroup(&cobra.Group{ID: groupRun, Title: "Container Commands:"}, &cobra.Group{ID: groupImages, Title: "Image Commands:"},
		&cobra.Group{ID: groupObjects, Title: "Management Commands:"}, &cobra.Group{ID: groupRest, Title: "Other Commands:"})
	root.SetHelpCommandGroupID(groupRest)
	root.SetCompletionCommandGroupID(groupRest)
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate(helpTemplate)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(pathOf(cmd), err) })
	holders := map[string]*cobra.Command{}
	for name, short := range parents {
		holders[name] = &cobra.Command{Use: name, Short: short, GroupID: groupObjects, Args: cobra.ArbitraryArgs, RunE: unknown}
		root.AddCommand(holders[name])
	}
	for group, list := range commands {
		for i := range list {
			cmd := &list[i].command
			for _, name := range append([]string{cmd.name}, list[i].also...) {
				if first, second, two := strings.Cut(name, " "); two {
					holders[first].AddCommand(c.verb(cmd, second, ""))
				} else {
					root.AddCommand(c.verb(cmd, name, group))
				}
			}
		}
	}
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	noHelpLetter(root)
	return root
}

// helpCommand shows the help of the command that its arguments name.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Show the help of a command", GroupID: groupRest, DisableFlagsInUseLine: true,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return fmt.Errorf("unknown help topic: %s", strings.Join(args, " "))
			}
			return cmd.Help()
		},
	}
}

// noHelpLetter leaves -h to those that have another use for it: to run it is the host name.
func noHelpLetter(cmd *cobra.Command) {
	cmd.Flags().Bool("help", false, "show this help")
	_ = cmd.Flags().MarkHidden("help")
	for _, sub := range cmd.Commands() {
		noHelpLetter(sub)
	}
}

// unknown is what a command does that only holds others.
func unknown(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		if cmd.HasParent() {
			cmd.SetOut(cmd.ErrOrStderr()) // as Docker has it
		}
		return cmd.Help()
	}
	text := fmt.Sprintf("unknown command: %s", strings.TrimSpace(pathOf(cmd)+" "+args[0]))
	cmd.SuggestionsMinimumDistance = 2
	if names := cmd.SuggestionsFor(args[0]); len(names) > 0 {
		text += "\n\nDid you mean " + strings.Join(names, " or ") + "?"
	}
	return fmt.Errorf("%s\n\nRun '%s --help' for the commands", text, cmd.CommandPath())
}

// verb makes a command of the library's kind cobra's.
func (c *cli) verb(cmd *command, name, group string) *cobra.Command {
	names := strings.Split(name, "|")
	out := &cobra.Command{
		Use: strings.TrimSpace(names[0] + " [OPTIONS] " + cmd.args), Aliases: names[1:], Short: cmd.short, DisableFlagsInUseLine: true,
		Example: examples(cmd.example), ValidArgsFunction: c.completer(cmd.args), GroupID: group,
	}
	out.Flags().SetInterspersed(!strings.Contains(cmd.args, "ARG...")) // what follows an image or a container is its own
	act := cmd.setup(out.Flags())
	out.Args = func(out *cobra.Command, args []string) error {
		if n := len(args); n < cmd.min || cmd.max >= 0 && n > cmd.max {
			return fmt.Errorf("'%s' takes %s\n\nUsage: %s", out.CommandPath(), count(cmd), out.UseLine())
		}
		return nil
	}
	out.RunE = func(out *cobra.Command, args []string) error { return c.do(out.Context(), act, args) }
	return out
}

// pathOf is a command's name without this program's.
func pathOf(cmd *cobra.Command) string {
	_, rest, _ := strings.Cut(cmd.CommandPath(), " ")
	return rest
}

func examples(lines string) string {
	if lines == "" {
		return ""
	}
	return "  " + program + " " + strings.ReplaceAll(lines, "\n", "\n  "+program+" ")
}

func count(cmd *command) string {
	switch {
	case cmd.max == 0:
		return "no arguments"
	case cmd.max < 0 && cmd.min == 1:
		return "at least 1 argument"
	case cmd.max < 0:
		return fmt.Sprintf("at least %d arguments", cmd.min)
	case cmd.max == 1 && cmd.min == 1:
		return "1 argument"
	case cmd.min < cmd.max && cmd.min == 0:
		return "at most " + strings.Replace(fmt.Sprintf("%d arguments", cmd.max), "1 arguments", "1 argument", 1)
	case cmd.min < cmd.max:
		return fmt.Sprintf("%d to %d arguments", cmd.min, cmd.max)
	}
	return fmt.Sprintf("%d arguments", cmd.max)
}

const usageTemplate = `Usage: {{if .HasAvailableSubCommands}}{{.CommandPath}}{{if not .HasParent}} [--root DIR]{{end}} COMMAND{{else}}{{.UseLine}}{{end}}


{{.Short}}
{{- if .Aliases}}

Aliases: {{.NameAndAliases}}
{{- end}}
{{- if .HasExample}}

Examples:
{{.Example}}
{{- end}}
{{- if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{if .Groups}}{{range $group := .Groups}}

{{.Title}}{{range $cmds}}{{if and (eq .GroupID $group.ID) .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{else}}

Commands:{{range $cmds}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
{{- end}}
{{- if .HasAvailableLocalFlags}}

Options:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{- end}}
{{- if .HasAvailableSubCommands}}

Run '{{.CommandPath}} COMMAND --help' for a command's options.
{{- end}}
`

const helpTemplate = `{{.UsageString}}`
