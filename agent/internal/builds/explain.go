//go:build linux

package builds

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/builds/dockerfile"
	"github.com/caisson-dev/caisson/agent/internal/builds/work"
	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// failed makes the error of a step one that says where it is and what it printed.
func (s *stage) failed(ctx context.Context, now *step, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("build: %w", context.Cause(ctx))
	}
	b := s.x.b
	be := &image.BuildError{
		Step: now.Instruction, Number: now.Step, Stage: now.Stage, StageName: now.StageName, File: b.file, Line: now.Line, Tail: now.text(),
	}
	where := fmt.Sprintf("build step %q", be.Step)
	if be.Line > 0 {
		where = fmt.Sprintf("build step %s:%d %q", be.File, be.Line, be.Step)
	}
	cause := causeOf(err)
	var exit *work.ExitError
	if errors.As(err, &exit) {
		be.ExitCode = exit.Code
	}
	be.Message = where + ": " + cause.Error()
	if be.Tail != "" {
		be.Message += "\n" + be.Tail
	}
	return carried{be, cause}
}

// causeOf is why a step failed. Where a full disk is the reason, it matches api.ErrNoSpace and has the remedy.
func causeOf(err error) error {
	var exit *work.ExitError
	switch {
	case errors.As(err, &exit) && exit.Full:
		return api.Errorf(api.ErrNoSpace, "exit code %d, and the disk of the store is full: %s", exit.Code, diskspace.Remedy)
	case errors.As(err, &exit):
		return fmt.Errorf("exit code %d", exit.Code)
	case diskspace.IsFull(err) && !errors.Is(err, api.ErrNoSpace):
		return api.Errorf(api.ErrNoSpace, "%w: %s", err, diskspace.Remedy)
	}
	return err
}

// carried is a BuildError on its way to the client.
type carried struct {
	*image.BuildError
	cause error
}

// WireData implements api.Data.
func (c carried) WireData() any { return c.BuildError }

func (c carried) Unwrap() []error {
	if errors.Is(c.cause, api.ErrNoSpace) {
		return []error{c.BuildError, api.ErrNoSpace}
	}
	return []error{c.BuildError}
}

// explainMissing says where a file is missing that COPY or ADD asks for.
func explainMissing(err error, c *dockerfile.Copy) error {
	var missing *work.MissingError
	if !errors.As(err, &missing) {
		return err
	}
	return errors.New(missingIn(missing.Path, c.From))
}

// mountError says where the source of a mount is missing.
func mountError(err error, m dockerfile.Mount) error {
	var missing *work.MissingError
	if !errors.As(err, &missing) {
		return fmt.Errorf("--mount: %w", err)
	}
	return errors.New("--mount: " + missingIn(missing.Path, m.From))
}

func missingIn(name string, from dockerfile.Source) string {
	what := "no file " + strings.TrimPrefix(name, "/")
	if strings.ContainsAny(name, "*?[") {
		what = "no file fits"
	}
	if strings.HasPrefix(from.Ref, api.BuilderFiles) {
		return what + " in the file system"
	}
	if !from.Main {
		return what + " in " + from.Ref
	}
	what += " in the build context, or .dockerignore excludes it"
	if strings.Contains(name, "../") {
		what += "; .. does not lead out of the context"
	}
	return what
}
