package dockertest

import (
	"fmt"
	"os"
	"strings"

	"github.com/caisson-dev/caisson/container"
)

// finish is the test's cleanup.
func (c *Container) finish() {
	c.tb.Helper()
	if report() {
		fmt.Fprintf(os.Stderr, "dockertest: %s: %s: %s\n", c.tb.Name(), c.settings.opts.Image, &c.times)
	}
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return
	}
	if c.tb.Failed() {
		c.explain()
		if keep() {
			c.keep()
			return
		}
	}
	if err := c.Close(); err != nil {
		c.tb.Errorf("dockertest: %s: remove: %v", c.title(), err)
	}
}

// keep leaves the container to whoever wants to look into it.
func (c *Container) keep() {
	c.closeForwards()
	c.tb.Logf("dockertest: %s is kept\n  enter it:  %s\n  remove it: %s", c.title(),
		c.cliLine("exec", "-it", c.Name(), "sh"), c.cliLine("rm", "-f", c.Name()))
}

// explain tells what the container of a failed test was about: the end of its log, and by -artifacts all there is.
func (c *Container) explain() {
	c.tb.Helper()
	ctx, cancel := c.context()
	defer cancel()
	var b strings.Builder
	fmt.Fprintf(&b, "dockertest: %s: %s", c.title(), &c.times)
	info, err := c.Inspect(ctx)
	if err != nil {
		fmt.Fprintf(&b, "\n  it can't be inspected: %v", err)
	} else if info.State == container.StateExited {
		fmt.Fprintf(&b, "\n  it %s", howEnded(info.Status))
	}
	if !c.told {
		if lines := c.tail(); len(lines) > 0 {
			fmt.Fprintf(&b, "\n  the end of its log:\n    %s", strings.Join(lines, "\n    "))
		}
	}
	if dir, err := c.bundle(ctx, info); err != nil {
		fmt.Fprintf(&b, "\n  artifacts: %v", err)
	} else if dir != "" {
		fmt.Fprintf(&b, "\n  artifacts: %s", dir)
	}
	c.tb.Log(b.String())
}
