package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var runCommand = command{
	name: "run", args: "IMAGE [ARG...]", short: "Create a container and start it", min: 1, max: -1,
	example: "run --rm -it IMAGE sh\nrun -d --name web -p 8080:80 --restart unless-stopped IMAGE\nrun --rm -v $PWD:/src -w /src IMAGE make",
	setup: func(flags *pflag.FlagSet) action {
		o := newCreateFlags(flags)
		detach := flags.BoolP("detach", "d", false, "print the container's id and leave it running")
		attach := flags.StringArrayP("attach", "a", nil, "connect only stdin (needs -i), stdout or stderr (may be repeated)")
		how := defineAttachFlags(flags)
		return func(ctx context.Context, c *cli, args []string) error {
			s := streams{stdin: o.container.Stdin, tty: o.container.TTY, proxy: how.proxy, keys: how.keys}
			if len(*attach) > 0 && *detach {
				return errors.New("conflicting options: cannot specify both --attach and --detach")
			}
			if err := s.only(*attach); err != nil {
				return usage("run", err)
			}
			if !*detach {
				if err := c.checkTTY(s.stdin, s.tty); err != nil {
					return err
				}
			}
			ctr, err := c.create(ctx, o, "run", codeEngine, args)
			if err != nil {
				return err
			}
			started := false
			if *detach {
				err = ctr.Start(ctx)
				started = err == nil
			} else {
				started, err = c.foreground(ctx, ctr, s)
			}
			if !started && o.container.AutoRemove {
				err = errors.Join(err, discard(ctx, ctr))
			}
			switch {
			case errors.Is(err, container.ErrDetached):
				return nil
			case err == nil && *detach:
				fmt.Fprintln(c.out, ctr.ID())
			}
			return runError(err, codeEngine)
		}
	},
}

// discard removes a container that could not be started.
func discard(ctx context.Context, ctr *container.Container) error {
	err := ctr.Remove(context.WithoutCancel(ctx), container.RemoveOptions{Force: true})
	if errors.Is(err, container.ErrNotFound) {
		return nil
	}
	return err
}

// streams say how a container's process is connected with this one. Without proxy a signal ends the connection. With
// redraw the terminal gets another size for a moment, so that a program that fills the screen draws it again.
type streams struct {
	stdin, tty, proxy, redraw bool
	noStdout, noStderr        bool
	keys                      string // that detach, on a terminal
}

// attachFlags are those that run, start and attach share.
type attachFlags struct {
	proxy bool
	keys  string
}

func defineAttachFlags(flags *pflag.FlagSet) *attachFlags {
	o := &attachFlags{}
	flags.BoolVar(&o.proxy, "sig-proxy", true, "forward signals to the container")
	flags.StringVar(&o.keys, "detach-keys", container.DefaultDetachKeys, "keys that detach from a terminal, such as ctrl-x,x")
	return o
}

// only limits the streams to those that -a names.
func (s *streams) only(names []string) error {
	if len(names) == 0 {
		return nil
	}
	interactive := s.stdin
	s.stdin, s.noStdout, s.noStderr = false, true, true
	for _, n := range names {
		switch strings.ToLower(n) {
		case "stdin":
			s.stdin = interactive
		case "stdout":
			s.noStdout = false
		case "stderr":
			s.noStderr = false
		default:
			return fmt.Errorf("--attach %q: valid streams are stdin, stdout and stderr", n)
		}
	}
	return nil
}

// foreground starts a container and stays with it: its output is written here, what comes on standard input goes to
// it if it wants that, and so do signals. The error is the container's exit code as a status, or why that is not
// known.
func (c *cli) foreground(ctx context.Context, ctr *container.Container, s streams) (started bool, err error) {
	restore, err := c.raw(s.stdin, s.tty)
	if err != nil {
		return false, err
	}
	defer restore()
	attached, err := c.attach(ctx, ctr, s)
	if err != nil {
		return false, err
	}
	defer attached.Close()
	if s.proxy {
		c.signals.hold()
	}
	if err := ctr.Start(ctx); err != nil {
		return false, err
	}
	return true, c.stay(ctx, ctr, attached, s)
}

func (c *cli) attach(ctx context.Context, ctr *container.Container, s streams) (*container.Attachment, error) {
	if s.proxy { // from the start on signals are the container's: they don't end the attachment
		ctx = context.WithoutCancel(ctx)
	}
	opts := container.AttachOptions{}
	if s.stdin {
		opts.Stdin = c.in
	}
	if !s.noStdout {
		opts.Stdout = c.out
	}
	if !s.noStderr {
		opts.Stderr = c.err
	}
	if s.tty {
		opts.Size, opts.DetachKeys = c.size(), s.keys
	}
	return ctr.Attach(ctx, opts)
}

// stay waits until the container has ended, and passes signals on until then if it is asked to.
func (c *cli) stay(ctx context.Context, ctr *container.Container, attached *container.Attachment, s streams) error {
	if s.proxy {
		ctx = context.WithoutCancel(ctx)
		c.signals.forward(func(sig syscall.Signal) {
			// By number, which names every signal. An error means that it has ended: then there is nobody to tell.
			_ = ctr.Kill(ctx, strconv.Itoa(int(sig)))
		})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.tty {
		if size := c.size(); s.redraw && size != (container.Size{}) {
			_ = attached.Resize(container.Size{Width: size.Width + 1, Height: size.Height + 1}) // as below
			_ = attached.Resize(size)                                                           // an error means that it has ended
		}
		c.followSize(ctx, attached.Resize)
	}
	st, err := attached.Wait()
	if err != nil {
		return err
	}
	return ended(st.ExitCode)
}
