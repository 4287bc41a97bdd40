package files

import (
	"errors"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/patternmatcher"
	mode "github.com/tonistiigi/dchapes-mode"

	"github.com/caisson-dev/caisson/internal/api"
)

// sorted sorts names where there was no error.
func sorted(names []string, err error) ([]string, error) {
	slices.Sort(names)
	return names, err
}

// hasWildcards says whether a path is a pattern of filepath.Match.
func hasWildcards(name string) bool {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '\\':
			i++
		case '*', '?', '[':
			return true
		}
	}
	return false
}

// splitWildcards splits a path before the first component that is a pattern.
func splitWildcards(name string) (dir, pattern string) {
	parts := components(name)
	i := slices.IndexFunc(parts, hasWildcards)
	if i < 0 {
		return path.Join(parts...), ""
	}
	return path.Join(parts[:i]...), path.Join(parts[i:]...)
}

// pivot splits a source of --parents: what is before /./ is not made at the destination.
func pivot(name string) (dir, pattern string) {
	before, after, found := strings.Cut(name, "/./")
	if !found {
		before, after = "", name
	}
	return before, strings.TrimPrefix(path.Clean("/"+after), "/")
}

// destination is where files go: it joins DEST with the working directory, and keeps what says that it is a directory.
func destination(dir, dest string) string {
	if !path.IsAbs(dest) {
		if dest == "" || dest == "." {
			dest = "./"
		}
		dest = path.Join("/", dir) + "/" + dest
	}
	clean := path.Clean(dest)
	switch {
	case clean == "/":
		return clean
	case strings.HasSuffix(dest, "/."):
		return clean + "/."
	case strings.HasSuffix(dest, "/"):
		return clean + "/"
	}
	return clean
}

// parentOf is the directory that must be there before anything is copied to a destination.
func parentOf(dest string) string {
	dir, file := path.Split(dest)
	if file != "" && file != "." {
		return dir
	}
	return dest
}

// matcher matches paths with a list of patterns. The nil matcher matches nothing.
type matcher struct{ *patternmatcher.PatternMatcher }

// matched is what a matcher knows of a directory on the way down.
type matched = patternmatcher.MatchInfo

func newMatcher(what string, patterns []string) (*matcher, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	m, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, api.Errorf(api.ErrInvalidArgument, "%s: %w: write patterns as in .dockerignore", what, err)
	}
	return &matcher{m}, nil
}

func (m *matcher) match(name string, parent matched) (bool, matched, error) {
	if m == nil {
		return false, parent, nil
	}
	return m.MatchesUsingParentResults(name, parent)
}

// negates says whether the list has exceptions, so that what is in a directory that matches may not match.
func (m *matcher) negates() bool { return m != nil && m.Exclusions() }

// mayHold says whether something below a directory can match one pattern.
func mayHold(pattern, dir string) bool {
	p, d := components(pattern), components(dir)
	for i := range d {
		if i >= len(p) {
			return true // the pattern matches a directory above
		}
		if p[i] == "**" {
			return true
		}
		if ok, err := filepath.Match(p[i], d[i]); err == nil && !ok {
			return false
		}
	}
	return true
}

// perms is what --chmod does to modes. Nil changes none.
type perms struct {
	octal    uint32
	symbolic *mode.Set
}

// CheckMode says what is wrong with a value of --chmod.
func CheckMode(s string) error {
	_, err := parseMode(s)
	return err
}

func parseMode(s string) (*perms, error) {
	if s == "" {
		return nil, nil
	}
	const remedy = "use an octal number up to 7777, such as 755, or a symbolic mode, such as u=rwX,go=rX"
	n, err := strconv.ParseUint(s, 8, 32)
	if err == nil {
		if n > 0o7777 {
			return nil, api.Errorf(api.ErrInvalidArgument, "--chmod=%s: it is greater than 7777: %s", s, remedy)
		}
		return &perms{octal: uint32(n)}, nil
	}
	set, merr := mode.ParseWithUmask(s, 0)
	if merr != nil {
		var num *strconv.NumError
		if errors.As(merr, &num) || strings.Trim(s, "0123456789") == "" {
			return nil, api.Errorf(api.ErrInvalidArgument, "--chmod=%s: it is not an octal number: %s", s, remedy)
		}
		return nil, api.Errorf(api.ErrInvalidArgument, "--chmod=%s: %w: %s", s, merr, remedy)
	}
	return &perms{symbolic: &set}, nil
}

// apply returns the mode, with the kernel's bits, of a file that has mode m.
func (p *perms) apply(m uint32) uint32 {
	switch {
	case p == nil:
		return m & 0o7777
	case p.symbolic != nil:
		return kernelMode(p.symbolic.Apply(fileMode(m)))
	}
	return p.octal
}

// dirs is the mode of directories that are made on the way to the destination.
func (p *perms) dirs() uint32 {
	if p == nil || p.symbolic != nil {
		return 0o755
	}
	return p.octal & 0o777 // as BuildKit, which gives special bits to what it copies alone
}
