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

// ReadEnvFile reads variables for Options.Env, in the format of docker run --env-file. Each line is KEY=value and is
// taken as it is, with quotes. A line with a KEY alone gets the value that getenv returns, and is left out if there is
// none. Empty lines and lines that begin with # are left out. The getenv is os.LookupEnv in most cases; with nil, lines
// with a KEY alone are left out.
//
// Errors: ErrInvalidArgument when a line is not valid, with its number; those of the reader.
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
			return nil, api.Errorf(ErrInvalidArgument, "env file: line %d: it is not valid UTF-8", n)
		case key == "" || strings.ContainsFunc(key, unicode.IsSpace):
			return nil, api.Errorf(ErrInvalidArgument, "env file: line %d: %q is not a valid variable name: write KEY=value", n, key)
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
