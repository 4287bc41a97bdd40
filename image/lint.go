package image

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// LintResult is what BuildKit's linter says of a Dockerfile.
type LintResult struct {
	File     string        `json:"file"` // the Dockerfile's name, as messages have it
	Text     string        `json:"text"` // of the Dockerfile
	Warnings []LintWarning `json:"warnings,omitempty"`
}

// LintWarning is a rule that a Dockerfile breaks, and where.
type LintWarning struct {
	BuildRule
	Line     int `json:"line,omitempty"`     // from 1; 0 for a warning without a place
	LastLine int `json:"lastLine,omitempty"` // of the instruction
}

// Lint reads a Dockerfile and returns the linter's warnings, in the order of their lines, like docker build --check. No step
// runs and no image is made; what opts says of the cache, the steps and the result does not count. Base images that the
// store does not have are pulled, since what they set counts: PullNever makes that an error. Rules that a line
// "# check=skip=NAME" names are left out. Warnings are no error, also where the Dockerfile says "# check=error=true".
//
// Errors: ErrDockerfile when the Dockerfile is not valid, and the others that Build returns before its first step.
func (s *Store) Lint(ctx context.Context, opts BuildOptions) (*LintResult, error) {
	req, body, err := opts.request("lint", api.BuildInput{})
	if err != nil {
		return nil, err
	}
	if body != nil {
		defer body.Close()
	}
	var res LintResult
	if err := s.c.Stream(ctx, api.ImageLint, req, body, opts.see, &res); err != nil {
		return nil, err
	}
	return &res, nil
}
