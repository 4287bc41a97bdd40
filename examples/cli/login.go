package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/server"
)

var loginCommand = command{
	name: "login", args: "[REGISTRY]", short: "Log in to a registry", max: 1,
	example: "login -u me --password-stdin registry.example.com < token",
	setup: func(flags *pflag.FlagSet) action {
		user := flags.StringP("username", "u", "", "user name")
		password := flags.StringP("password", "p", "", "password; --password-stdin does not show it to other users")
		stdin := flags.Bool("password-stdin", false, "read the password from standard input")
		return func(ctx context.Context, c *cli, args []string) error {
			if *user == "" {
				return usage("login", errors.New("-u: give the user name"))
			}
			var secret io.Reader = strings.NewReader(*password)
			switch f, ok := c.in.(*os.File); {
			case *stdin:
				secret = c.in
			case *password == "" && ok && terminal(c.in):
				fmt.Fprint(c.err, "Password: ")
				b, err := term.ReadPassword(int(f.Fd()))
				fmt.Fprintln(c.err)
				if err != nil {
					return err
				}
				secret = strings.NewReader(string(b))
			case *password == "":
				return usage("login", errors.New("no password: use --password-stdin"))
			}
			client := registry.NewClient(registry.ClientOptions{})
			defer client.Close()
			if _, err := client.Login(ctx, registryOf(args), registry.LoginOptions{Username: *user, Password: secret}); err != nil {
				return err
			}
			fmt.Fprintln(c.out, "Login Succeeded")
			return nil
		}
	},
}

var logoutCommand = command{
	name: "logout", args: "[REGISTRY]", short: "Log out of a registry", max: 1,
	setup: func(*pflag.FlagSet) action {
		return func(ctx context.Context, c *cli, args []string) error {
			client := registry.NewClient(registry.ClientOptions{})
			defer client.Close()
			return client.Logout(ctx, registryOf(args))
		}
	},
}

// registryOf is the registry that is named, or Docker Hub.
func registryOf(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

var searchTagsCommand = command{
	name: "search tags", args: "REPOSITORY", short: "List the tags of a repository in a registry", min: 1, max: 1,
	setup: func(*pflag.FlagSet) action {
		return func(ctx context.Context, c *cli, args []string) error {
			client := registry.NewClient(registry.ClientOptions{})
			defer client.Close()
			for tag, err := range client.Tags(ctx, args[0], registry.ListOptions{}) {
				if err != nil {
					return err
				}
				fmt.Fprintln(c.out, tag)
			}
			return nil
		}
	},
}

var serveCommand = command{
	name: "serve", short: "Serve a registry until interrupted",
	setup: func(flags *pflag.FlagSet) action {
		addr := flags.String("addr", "127.0.0.1:5000", "address to listen on")
		dir := flags.String("dir", "", "directory for the content (default: keep it in memory)")
		return func(ctx context.Context, c *cli, _ []string) (err error) {
			reg, err := server.Serve(server.Options{Dir: *dir}, server.ServeOptions{Addr: *addr})
			if err != nil {
				return err
			}
			fmt.Fprintln(c.out, reg.Addr)
			<-ctx.Done()
			return reg.Close()
		}
	},
}
