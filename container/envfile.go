package container

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/caisson-dev/caisson/internal/api"
)

// ReadEnvFile reads variables for Options.Env as docker run --env-file does: a KEY=value a line, taken as it is, quotes
// too; a KEY alone has the value that getenv gives, and is left out if it has none; lines that begin with # and empty
// ones don't count. Pass os.LookupEnv, or nil to leave such lines out.
//
// Errors: ErrInvalidArgument, with the line's number.
func ReadEnvFile(r io.Reader, getenv func(string) (string, bool)) ([]string, error) {
	var env []string
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		line := s.Text()
		if n == 1 {
			line = strings.TrimPrefix(line, "\uFEFF")
		}
		line = strings.TrimLeftFunc(line, unicode.IsSpace)
		if line == "" || line[0] == '#' {
			continue
		}
		key, _, ok := strings.Cut(line, "=")
		switch {
		case !utf8.ValidString(line):
			return nil, api.Errorf(ErrInvalidArgument, "env file: line %d: not UTF-8", n)
		case key == "" || strings.ContainsFunc(key, unicode.IsSpace):
			return nil, api.Errorf(ErrInvalidArgument, "env file: line %d: %q is no variable's name: write KEY=value", n, key)
		case strings.Contains(line, "\x00"):
			return nil, api.Errorf(ErrInvalidArgument, "env file: line %d: a value can't have a zero byte", n)
		case ok:
			env = append(env, line)
		case getenv != nil:
			if v, has := getenv(key); has {
				env = append(env, key+"="+v)
			}
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("env file: %w", err)
	}
	return env, nil
}
