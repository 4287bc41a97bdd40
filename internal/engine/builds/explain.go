//go:build linux

package builds

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/engine/images"
)

// atStep is how imagebuildah names the step that failed.
var atStep = regexp.MustCompile(`(?s)building at STEP "(.*?)": (.*)`)

// explain makes imagebuildah's error one of ours.
func (b *build) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("build: %w", context.Cause(ctx))
	}
	m := atStep.FindStringSubmatch(err.Error())
	if m == nil {
		return images.Explain(ctx, "build", err)
	}
	be := &image.BuildError{Step: m[1], Tail: b.out.Tail(), File: b.name, Line: b.tree.line(m[1])}
	where := fmt.Sprintf("build step %q", be.Step)
	if be.Line > 0 {
		where = fmt.Sprintf("build step %s:%d %q", be.File, be.Line, be.Step)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && strings.Contains(m[2], "while running runtime") {
		be.ExitCode = exit.ExitCode()
		be.Message = fmt.Sprintf("%s: exit code %d", where, be.ExitCode)
	} else {
		be.Message = fmt.Sprintf("%s: %s", where, m[2])
	}
	if be.Tail != "" {
		be.Message += "\n" + be.Tail
	}
	return be
}
