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

	"github.com/caisson-dev/caisson/agent/internal/images/transfer"
	"github.com/caisson-dev/caisson/image"
)

// atStep is how imagebuildah names the step that failed.
var atStep = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?s)building at STEP "(.*?)": (.*)`) })

// explain makes imagebuildah's error one of ours.
func (b *build) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("build: %w", context.Cause(ctx))
	}
	text := b.tree.shown(err.Error())
	m := atStep().FindStringSubmatch(text)
	if mount := noMountSource().FindStringSubmatch(text); m == nil && mount != nil {
		if st := b.out.failed(""); st != nil {
			m = []string{"", st.Instruction, "--mount: " + missingSource(b.from(mount[2]), mount[1])}
		}
	}
	if m == nil {
		return transfer.Explain(ctx, "build", err)
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
	return carried{be}
}

// carried is a BuildError on its way to the client.
type carried struct{ *image.BuildError }

// WireData implements api.Data.
func (c carried) WireData() any { return c.BuildError }

func (c carried) Unwrap() error { return c.BuildError }

// notStarted is what buildah prints when the runtime could not start a step's command.
var notStarted = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^error running container: from \S+ creating container for \[.*?\]: (?:time=\S+ level=\S+ msg=.*\n)*(.*)\n?: exit status \d+\n?`)
})

// noise is in buildah's messages and says nothing to a user.
var noise = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`error during bulk transfer for copier\.request\{.*\}: |/\S*/buildah-context-\d+/overlay/\d+/merge/|while running runtime: |resolving mountpoints for container "[0-9a-f]+": `)
})

// noSource is what buildah says when COPY or ADD finds nothing: with the name, or of a pattern without it.
var noSource = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^checking (?:on sources|source) under ".*?": (?s:.*)copier: stat: (?:"([^"]*)": no such file or directory|globs \[.*\] matched nothing)|^sanitizing bind subdirectory .*: opening directory "([^"]*)" under ".*": no such file or directory`)
})

// noMountSource is what it says when there is no source of RUN --mount=type=bind.
var noMountSource = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`generating checksum for directory "([^"]*)" in "(.*)": lstat .*: no such file or directory$`)
})

var fromOf = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:--|,|=)from=([^\s,]+)`) })

// missingSource says where a file is missing that COPY or ADD asks for.
func missingSource(step, name string) string {
	what := "no file fits"
	if name != "" {
		what = "no file " + strings.TrimPrefix(name, "/")
	}
	if m := fromOf().FindStringSubmatch(step); m != nil {
		return what + " in " + m[1]
	}
	what += " in the build context, or .dockerignore excludes it"
	if strings.Contains(step, "../") {
		what += "; .. does not lead out of the context"
	}
	return what
}

// from is as a step has it that takes files from the named context in dir.
func (b *build) from(dir string) string {
	for name, d := range b.contexts {
		if d == dir {
			return "--from=" + name
		}
	}
	return ""
}

// cause is the reason in one line. For a command that ran it sets the exit code.
func (b *build) cause(be *image.BuildError, err error, text string) string {
	text = noise().ReplaceAllString(text, "")
	if m := noSource().FindStringSubmatch(text); m != nil {
		text = missingSource(be.Step, m[1]+m[2])
	}
	var exit *exec.ExitError
	if m := notStarted().FindStringSubmatch(be.Tail); m != nil {
		be.Tail = strings.TrimSpace(strings.Replace(be.Tail, m[0], "", 1))
		text = m[1]
	} else if errors.As(err, &exit) {
		be.ExitCode = exit.ExitCode()
		text = fmt.Sprintf("exit code %d", be.ExitCode)
	}
	if strings.Contains(text, "invalid argument") && strings.Contains(text, "own") && b.s.images.OneID() {
		text += ": this user has only one id, so files and processes can't belong to another user: install uidmap and add lines for the user to /etc/subuid and /etc/subgid"
	}
	return text
}
