package main

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/caisson-dev/caisson/examples/cli/internal/buildview"
	"github.com/caisson-dev/caisson/image"
)

// buildTerminal says whether a build is shown in rows that change in place. plainly says that it can't be: it prints nothing,
// or there are several builds.
func buildTerminal(style string, plainly bool, w io.Writer) (bool, error) {
	if style == "tty" && !terminal(w) {
		return false, usage("build", errors.New("--progress tty: standard error is not a terminal: use plain"))
	}
	return !plainly && (style == "tty" || style == "auto") && terminal(w), nil
}

// build builds, and shows it on the terminal if it is to.
func (c *cli) build(ctx context.Context, store *image.Store, o image.BuildOptions, show bool) (*image.Image, error) {
	if !show {
		return store.Build(ctx, o)
	}
	p := buildview.Start(c.err, terminalSize(c.err))
	o.Progress = p.Take
	img, err := store.Build(ctx, o)
	if err != nil {
		p.Close()
		return nil, err
	}
	lines := []string{" => image " + img.ID}
	for _, name := range img.Names {
		lines = append(lines, " => named "+name)
	}
	p.Close(lines...)
	return img, nil
}

// terminalSize asks for the size of a terminal, which may change.
func terminalSize(w io.Writer) func() (width, height int) {
	return func() (int, int) {
		if f, ok := w.(*os.File); ok {
			if width, height, err := term.GetSize(int(f.Fd())); err == nil && width > 0 && height > 0 {
				return width, height
			}
		}
		return 80, 24
	}
}
