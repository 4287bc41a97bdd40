package dockertest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/caisson-dev/caisson/container"
)

// finish is the cleanup of the test that ran the container.
func finish(t testing.TB, f *Fixture) {
	t.Helper()
	if report() {
		fmt.Fprintf(os.Stderr, "dockertest: %s: %s: %s\n", t.Name(), f.settings.image, &f.times)
	}
	if f.isClosed() {
		return
	}
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
	if _, err := f.copied(); err != nil {
		t.Logf("dockertest: %s: %v", f.title(), err)
	}
}

// leave keeps the container for whoever wants to look into it.
func leave(t testing.TB, f *Fixture) {
	t.Helper()
	f.closeForwards()
	t.Logf("dockertest: %s is kept\n  enter it:  %s\n  remove it: %s", f.title(),
		f.cliLine("exec", "-it", f.Name(), "sh"), f.cliLine("rm", "-f", f.Name()))
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
		fmt.Fprintf(&b, "\n  it %s", howEnded(info.State))
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
