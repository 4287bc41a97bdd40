package report

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/cliline"
)

// Bundle is what is told of the container of a failed test.
type Bundle struct {
	Container *container.Container
	Engine    *container.Engine
	Info      *container.Info // nil: it could not be inspected
	Times     *Times
	Reproduce string
}

// artifact is a file of the bundle.
type artifact struct {
	name  string
	write func(io.Writer) error
}

// Write writes a file for each thing that is known of the container into a directory, which it makes. Secrets are masked. What
// can't be found out is told in its file.
func (bu *Bundle) Write(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, a := range bu.artifacts(ctx) {
		var b bytes.Buffer
		if err := a.write(&b); err != nil {
			fmt.Fprintf(&b, "(%v)\n", err)
		}
		if err := os.WriteFile(filepath.Join(dir, a.name), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (bu *Bundle) artifacts(ctx context.Context) []artifact {
	list := []artifact{
		{"log.txt", func(w io.Writer) error {
			return bu.Container.Logs(ctx, container.LogsOptions{Stdout: w, Stderr: w, Timestamps: true})
		}},
		{"times.txt", func(w io.Writer) error { return bu.Times.write(w, bu.Info) }},
		{"reproduce.txt", func(w io.Writer) error {
			_, err := fmt.Fprintln(w, bu.Reproduce)
			return err
		}},
		{"diff.txt", func(w io.Writer) error {
			changes, err := bu.Container.Diff(ctx)
			for _, ch := range changes {
				if _, err := fmt.Fprintln(w, ch.Kind, ch.Path); err != nil {
					return err
				}
			}
			return err
		}},
		{"networks.json", func(w io.Writer) error {
			networks, err := bu.Engine.Networks(ctx)
			if err != nil {
				return err
			}
			return writeJSON(w, networks)
		}},
	}
	if bu.Info != nil {
		list = append(list, artifact{"inspect.json", func(w io.Writer) error { return writeJSON(w, masked(*bu.Info)) }})
	}
	return list
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// masked is a description without secrets.
func masked(info container.Info) container.Info {
	env := make([]string, len(info.Options.Env))
	for i, e := range info.Options.Env {
		env[i] = cliline.Masked(e)
	}
	info.Options.Env = env
	return info
}
