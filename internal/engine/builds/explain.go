//go:build linux

package builds

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"sync"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/engine/images"
)

// atStep is how imagebuildah names the step that failed.
var atStep = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?s)building at STEP "(.*?)": (.*)`) })

// explain makes imagebuildah's error one of ours.
func (b *build) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("build: %w", context.Cause(ctx))
	}
	m := atStep().FindStringSubmatch(b.tree.shown(err.Error()))
	if m == nil {
		return images.Explain(ctx, "build", err)
	}
	be := &image.BuildError{Step: m[1], File: b.name}
	if st := b.out.failed(m[1]); st != nil {
		be.Stage, be.StageName, be.Number, be.Line, be.Tail = st.Stage, st.StageName, st.BuildEvent.Step, st.Line, st.text()
	}
	where := fmt.Sprintf("build step %q", be.Step)
	if be.Line > 0 {
		where = fmt.Sprintf("build step %s:%d %q", be.File, be.Line, be.Step)
	}
	be.Message = where + ": " + b.cause(be, err, m[2])
	if be.Tail != "" {
		be.Message += "\n" + be.Tail
	}
	return be
}

// notStarted is what buildah prints when the runtime could not start a step's command.
var notStarted = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^error running container: from \S+ creating container for \[.*?\]: (?:time=\S+ level=\S+ msg=.*\n)*(.*)\n?: exit status \d+\n?`)
})

// noise is in buildah's messages and says nothing to a user.
var noise = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`error during bulk transfer for copier\.request\{.*\}: |/\S*/buildah-context-\d+/overlay/\d+/merge/|while running runtime: `)
})

// cause is the reason in one line. For a command that ran it sets the exit code.
func (b *build) cause(be *image.BuildError, err error, text string) string {
	text = noise().ReplaceAllString(text, "")
	var exit *exec.ExitError
	if m := notStarted().FindStringSubmatch(be.Tail); m != nil {
		be.Tail = strings.TrimSpace(strings.Replace(be.Tail, m[0], "", 1))
		text = m[1]
	} else if errors.As(err, &exit) {
		be.ExitCode = exit.ExitCode()
		text = fmt.Sprintf("exit code %d", be.ExitCode)
	}
	if strings.Contains(text, "invalid argument") && strings.Contains(text, "own") && b.s.images.OneID() {
		text += ": this user has one id alone, so files and processes can't be another's: install uidmap and add lines for the user to /etc/subuid and /etc/subgid"
	}
	return text
}
