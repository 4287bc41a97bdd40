package dockerfile

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/frontend/dockerfile/command"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/caisson-dev/caisson/internal/api"
)

// wrong is an error at a line of the file. It matches api.ErrDockerfile.
func (o *Options) wrong(line int, format string, args ...any) error {
	if o.Name == "" { // no file
		return api.Errorf(api.ErrDockerfile, format, args...)
	}
	return api.Errorf(api.ErrDockerfile, "%s:%d: "+format, append([]any{o.Name, line}, args...)...)
}

// at gives an error of BuildKit's packages the place that it names, or line.
func (o *Options) at(err error, line int) error {
	if errors.Is(err, api.ErrDockerfile) {
		return err
	}
	if l := lineOf(err); l > 0 {
		line = l
	}
	return o.wrong(line, "%s", short(reword(err.Error())))
}

// lineOf is the first line that an error of BuildKit's names, or 0.
func lineOf(err error) int {
	var at *parser.LocationError
	if errors.As(err, &at) && len(at.Locations) > 0 && len(at.Locations[0]) > 0 {
		return at.Locations[0][0].Start.Line
	}
	return 0
}

// place is in the texts of BuildKit's errors, which have it typed, too.
var place = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^dockerfile parse error on line \d+: `) })

// reword puts our words for what BuildKit says without them.
func reword(text string) string {
	text = place().ReplaceAllString(text, "")
	if strings.HasPrefix(text, "dockerfile line greater than max") {
		return "the line is longer than 65535 bytes: continue it on the next"
	}
	return strings.ReplaceAll(text, "unsupported modifier (\uFFFD) in substitution", "syntax error: missing '}'")
}

// short cuts a text that repeats a long instruction.
func short(text string) string {
	const most = 1000
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + fmt.Sprintf(" and %d more bytes", len(text)-most)
	}
	return text
}

// suggest names the word that a typo is nearest to.
func suggest(word string, words []string) string {
	for _, w := range words {
		if d := distance(strings.ToLower(word), strings.ToLower(w)); d <= 1 || d == 2 && len(word) > 4 {
			return ": is it " + w + "?"
		}
	}
	return ""
}

// instructionNames are in capitals, sorted.
var instructionNames = sync.OnceValue(func() []string {
	var out []string
	for _, w := range slices.Sorted(maps.Keys(command.Commands)) {
		out = append(out, strings.ToUpper(w))
	}
	return out
})

// distance is Levenshtein's. Words that are too long to be a typo have a large one.
func distance(a, b string) int {
	if len(a) > 2*len(b)+2 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			prev, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, prev+cost)
		}
	}
	return row[len(b)]
}
