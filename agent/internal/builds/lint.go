//go:build linux

package builds

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/caisson-dev/caisson/image"
)

// Lint reads a Dockerfile as a build does, and returns what the linter says of it.
func (s *Service) Lint(ctx context.Context, req Request, body io.Reader, out io.Writer, event func(image.BuildEvent)) (_ *image.LintResult, err error) {
	b, err := s.begin(ctx, req, body, out, event)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	defer func() {
		if p := recover(); p != nil {
			err = b.panicked(p)
		}
	}()
	b.lint = true
	if err := b.read(ctx); err != nil {
		return nil, ended(ctx, err)
	}
	res := &image.LintResult{File: b.file, Text: string(b.text)}
	for _, w := range b.plan.Warnings {
		res.Warnings = append(res.Warnings, image.LintWarning{
			BuildRule: image.BuildRule{Name: w.Rule, Description: w.Description, URL: w.URL, Message: w.Message}, Line: w.Line, LastLine: w.LastLine,
		})
	}
	slices.SortStableFunc(res.Warnings, func(a, b image.LintWarning) int { return cmp.Compare(a.Line, b.Line) })
	return res, nil
}
