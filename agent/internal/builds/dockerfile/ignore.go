package dockerfile

import (
	"bytes"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/caisson-dev/caisson/internal/api"
)

// maxPatterns of a .dockerignore: each file of the context is matched with each.
const maxPatterns = 10_000

// ReadIgnore reads the lines of a .dockerignore of that name.
func ReadIgnore(name string, text []byte) ([]string, error) {
	wrong := func(format string, args ...any) error {
		return api.Errorf(api.ErrInvalidArgument, "build: %s: "+format, append([]any{name}, args...)...)
	}
	if len(text) > MaxIgnore {
		return nil, wrong("the file has %d bytes: it may have at most %d", len(text), MaxIgnore)
	}
	lines, err := ignorefile.ReadAll(bytes.NewReader(text))
	if err != nil {
		return nil, wrong("%w", err)
	}
	if len(lines) > maxPatterns {
		return nil, wrong("the file has %d patterns: it may have at most %d", len(lines), maxPatterns)
	}
	for _, l := range lines {
		if l == "!" {
			return nil, wrong("a line has ! alone: write the pattern of what is not left out behind it")
		}
		if _, err := patternmatcher.New([]string{l}); err != nil {
			return nil, wrong("the pattern %s: %w", short(l), err)
		}
		const most = 4096 // of a path
		if len(l) > most {
			return nil, wrong("the pattern %s is longer than any path", short(strings.TrimSpace(l)))
		}
	}
	return lines, nil
}
