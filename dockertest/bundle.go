package dockertest

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/container"
)

// artifact is a file of the bundle.
type artifact struct {
	name  string
	write func(io.Writer) error
}

// bundle writes all that is known of the container into the test's artifact directory, when go test -artifacts keeps
// it.
func (f *Fixture) bundle(ctx context.Context, t testing.TB, info *container.Info) (string, error) {
	if set := flag.Lookup("test.artifacts"); set == nil || set.Value.String() != "true" {
		return "", nil
	}
	dir := filepath.Join(t.ArtifactDir(), f.Name())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for _, a := range f.artifacts(ctx, info) {
		var b bytes.Buffer
		if err := a.write(&b); err != nil {
			fmt.Fprintf(&b, "(%v)\n", err)
		}
		if err := os.WriteFile(filepath.Join(dir, a.name), b.Bytes(), 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

func (f *Fixture) artifacts(ctx context.Context, info *container.Info) []artifact {
	list := []artifact{
		{"log.txt", func(w io.Writer) error {
			return f.Logs(ctx, container.LogsOptions{Stdout: w, Stderr: w, Timestamps: true})
		}},
		{"times.txt", func(w io.Writer) error { return f.times.write(w, info) }},
		{"reproduce.txt", func(w io.Writer) error {
			_, err := fmt.Fprintln(w, f.reproduce())
			return err
		}},
		{"diff.txt", func(w io.Writer) error {
			changes, err := f.Diff(ctx)
			for _, ch := range changes {
				if _, err := fmt.Fprintln(w, ch.Kind, ch.Path); err != nil {
					return err
				}
			}
			return err
		}},
		{"networks.json", func(w io.Writer) error {
			eng, err := engine()
			if err != nil {
				return err
			}
			networks, err := eng.Networks(ctx)
			if err != nil {
				return err
			}
			return writeJSON(w, networks)
		}},
	}
	if info != nil {
		list = append(list, artifact{"inspect.json", func(w io.Writer) error { return writeJSON(w, maskedInfo(*info)) }})
	}
	return list
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// write writes when each step ended.
func (t *times) write(w io.Writer, info *container.Info) error {
	var b bytes.Buffer
	line := func(at time.Time, what string) {
		fmt.Fprintf(&b, "%s  %s\n", at.UTC().Format("2006-01-02T15:04:05.000000Z"), what)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	line(t.begin, "begin")
	for _, s := range t.steps {
		line(s.at, s.name)
	}
	if info != nil && !info.State.Finished.IsZero() {
		line(info.State.Finished, howEnded(info.State))
	}
	_, err := w.Write(b.Bytes())
	return err
}
