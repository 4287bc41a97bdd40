package dockertest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/report"
	"github.com/caisson-dev/caisson/internal/cliline"
	"github.com/caisson-dev/caisson/internal/timeline"
)

// finish is the cleanup of the test that ran the container.
func finish(t testing.TB, f *Fixture) {
	t.Helper()
	if reports() {
		fmt.Fprintf(os.Stderr, "dockertest: %s: %s: %s\n", t.Name(), f.settings.image, &f.times)
	}
	if f.isClosed() {
		return
	}
	f.mu.Lock()
	f.testFailed = t.Failed()
	f.mu.Unlock()
	if t.Failed() {
		explain(t, f)
		if keep() {
			leave(t, f)
			return
		}
	}
	if err := f.Close(); err != nil {
		t.Errorf("dockertest: %s: remove: %v", f.title(), err)
	}
	if _, err := f.copies.Errors(); err != nil {
		t.Logf("dockertest: %s: %v", f.title(), err)
	}
}

// leave keeps the container for whoever wants to look into it.
func leave(t testing.TB, f *Fixture) {
	t.Helper()
	f.closeForwards()
	ctx, cancel := f.own()
	defer cancel()
	f.note(timeline.Kept, f.logForReport(ctx), nil)
	t.Logf("dockertest: %s is kept\n  enter it:  %s\n  remove it: %s", f.title(),
		cliLine("exec", "-it", f.Name(), "sh"), cliLine("rm", "-f", f.Name()))
}

// explain tells what the container of a failed test was about: the end of its log, and by -artifacts all there is.
func explain(t testing.TB, f *Fixture) {
	t.Helper()
	ctx, cancel := f.own()
	defer cancel()
	var b strings.Builder
	fmt.Fprintf(&b, "dockertest: %s: %s", f.title(), &f.times)
	info, err := f.Inspect(ctx)
	if err != nil {
		fmt.Fprintf(&b, "\n  it can't be inspected: %v", err)
	} else if info.State.Status == container.StatusExited {
		fmt.Fprintf(&b, "\n  it %s", report.HowEnded(info.State))
	}
	if !f.told.Load() {
		if lines := f.tail(); len(lines) > 0 {
			fmt.Fprintf(&b, "\n  the end of its log:\n    %s", strings.Join(lines, "\n    "))
		}
	}
	if dir, err := f.bundle(ctx, t, info); err != nil {
		fmt.Fprintf(&b, "\n  artifacts: %v", err)
	} else if dir != "" {
		fmt.Fprintf(&b, "\n  artifacts: %s", dir)
	}
	t.Log(b.String())
}

// bundle writes all that is known of the container into the test's artifact directory, when go test -artifacts keeps
// it.
func (f *Fixture) bundle(ctx context.Context, t testing.TB, info *container.Info) (dir string, err error) {
	if set := flag.Lookup("test.artifacts"); set == nil || set.Value.String() != "true" {
		return "", nil
	}
	eng, err := engine()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(t.ArtifactDir(), f.Name())
	b := report.Bundle{Container: f.Container, Engine: eng, Info: info, Times: &f.times, Reproduce: f.reproduce()}
	return dir, b.Write(ctx, dir)
}

// reproduce is a shell line that runs a container like this one.
func (f *Fixture) reproduce() string {
	run := f.settings.asRun()
	line := cliLine(run.Args()...)
	if left := run.Missing(); len(left) > 0 {
		line += " # without " + strings.Join(left, ", ")
	}
	return line
}

// asRun is what the container is made of, as a report tells it.
func (s *settings) asRun() report.Run {
	r := report.Run{Image: s.image, Platform: s.platform, Options: s.opts}
	for _, f := range s.files {
		r.Files = append(r.Files, report.File{Host: f.host, Target: f.target})
	}
	return r
}

// cliLine is a shell line of the cli, with the store that is not the default.
func cliLine(args ...string) string {
	return cliline.Line(EnvRoot, os.Getenv(EnvRoot), args...)
}
